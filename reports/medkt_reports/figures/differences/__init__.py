"""Figures of arms side by side and of their differences.

In: the indexed results. Out: one figure per file.
Read first: forest.py.
"""
