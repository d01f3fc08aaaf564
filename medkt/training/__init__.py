"""Training of one run: the loop, the selection of an epoch, and checkpoints.

In: settings, images, start weights and perhaps a teacher. Out: weights, history and predictions.
Read first: trainer.py, the loop; then student/student.py, one step. selection.py says which epoch is
selected; optimisation.py holds the optimiser and the learning-rate schedule.
"""
