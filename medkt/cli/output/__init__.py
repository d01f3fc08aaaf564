"""What commands print: the tables of `medkt evaluate` and `medkt plan`.

In: results. Out: text on standard output; for `medkt plan`, also files.
Read first: summary.py, what `medkt evaluate` prints.
"""
