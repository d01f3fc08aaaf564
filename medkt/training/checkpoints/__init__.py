"""Checkpoints: when a run is saved, the files it is saved in, and where it resumes.

In: students during training. Out: two files for each checkpoint; or the students as they were, to the bit.
Read first: resuming.py. files.py is the format on disk; medkt/training/student/state.py says what is saved.
"""
