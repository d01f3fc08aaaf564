"""Files, URLs, validation, and where work runs: what every other room uses.

In: paths, tables and functions. Out: files written whole, validated tables, results of tasks.
Read first: execution.py.
"""
