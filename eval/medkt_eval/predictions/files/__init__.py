"""Files of predictions: opened and read, CSV and Parquet by one rule.

In: a file as in docs/formats.md. Out: `Predictions`, or `PredictionFile`, which leaves scores on disk.
Read first: any_format.py.
"""
