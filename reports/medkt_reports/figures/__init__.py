"""Figures as SVG, PDF and CSV.

In: the indexed results. Out: a `ReportFigure` each, with its caption and the numbers behind it.
Read first: catalogue.py, every figure there is.
"""
