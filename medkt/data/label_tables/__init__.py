"""Tables of labels: CSV files, findings and their names, groups, uncertain labels.

In: a collection's tables. Out: targets, patients and groups as arrays.
Read first: csv_tables.py.
"""
