"""Tables I to VI of the paper, and published numbers beside ours.

In: the indexed results. Out: one table or pair of tables per file.
Read first: tables_four_and_five.py, Tables IV and V.
"""
