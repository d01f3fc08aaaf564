"""Columns of prediction tables: their names, and what each one holds.

In: the names in a header. Out: which column is which, or an error that says how to read the file.
Read first: roles.py.
"""
