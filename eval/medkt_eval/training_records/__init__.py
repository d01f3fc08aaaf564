"""Training records of the runs: learning curves, teachers, networks and pictures.

In: run folders. Out: rows of results.json that do not depend on test predictions.
Read first: learning_curves.py.
"""
