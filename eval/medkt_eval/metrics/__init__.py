"""Metrics of one label on arrays of targets and scores.

In: truth, scores or calls, and the patient of each image. Out: values, or the sums and placements they come from.
Read first: sums.py and placements.py. one_run.py computes the same metrics of a single run with scikit-learn.
"""
