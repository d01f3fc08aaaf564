"""Prediction files, read and checked.

In: run folders, or CSV and Parquet files from any trainer. Out: `Predictions` of the same test images.
Read first: format.py, the columns.
"""
