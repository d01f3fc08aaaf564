"""Each metric of each run, with what its intervals need.

In: the predictions of a test set. Out: values, patient covariances and bootstrap replicates, by label and by average.
Read first: all_labels.py.
"""
