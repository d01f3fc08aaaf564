"""Tables as data, before a renderer decides how they look.

In: the indexed results. Out: a `Table` for each table.
Read first: catalogue.py, the list of all tables; model.py, the parts of a table; paper/tables_four_and_five.py, Tables
IV and V with their daggers.
"""
