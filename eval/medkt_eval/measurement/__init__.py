"""Each metric of each run, with its patient covariance and bootstrap replicates.

In: the predictions of a test set. Out: `MetricOfRuns` for each label and average. Read first: all_labels.py. The
function of each metric is in metric_functions.py; the facts about it are in results/vocabulary.py.
"""
