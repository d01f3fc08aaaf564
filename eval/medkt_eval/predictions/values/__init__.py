"""Values of prediction tables: precision, rounding, blanks.

In: columns as they are stored. Out: numbers and texts, with a `Repair` for each kind of change.
Read first: plain_values.py.
"""
