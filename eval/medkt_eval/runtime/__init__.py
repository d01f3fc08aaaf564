"""Files, URLs, validation, and where work runs. Every other room uses this one.

In: paths, tables and functions. Out: files that are never half-written, validated tables, results of tasks.
Read first: execution.py.
"""
