"""Tables that the paper does not have.

In: the indexed results. Out: one subject a file.
Read first: comparisons.py.
"""
