"""Figures with a continuous horizontal axis: epochs, training sizes, thresholds, settings.

In: the indexed results. Out: one figure per file.
Read first: learning_curves.py, the paper's Fig. 4.
"""
