"""Tables as data, before anything decides how they look.

In: the indexed results. Out: a `Table` each.
Read first: catalogue.py, every table there is; model.py, what a table is made of.
"""
