"""Training, validation and test images; all images of one patient stay together.

In: a `Collection` and sizes. Out: image indices of each split.
Read first: splits.py.
"""
