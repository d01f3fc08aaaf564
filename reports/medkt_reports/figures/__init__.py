"""Figures as SVG, PDF and CSV.

In: the indexed results. Out: a `ReportFigure` for each figure, with its caption and its numbers.
Read first: catalogue.py, the list of all figures.
"""
