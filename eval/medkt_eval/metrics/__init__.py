"""Metrics of one label on arrays of targets and scores.

In: truth, scores or calls, and the patient of each image. Out: values, or the sums and placements they come from.
Read first: placements.py, which gives AUC; then sums.py, which gives metrics of calls and of probabilities.
one_run.py computes the same metrics of a single run with scikit-learn; the trainer selects epochs by it.
"""
