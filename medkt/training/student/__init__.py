"""One run during training.

In: settings, images, start weights, perhaps a teacher; then batches. Out: rows of the history, and a `TrainedRun`.
Read first: student.py, the step. building.py makes the parts; state.py is what a checkpoint holds.
"""
