"""Data sets as their owners ship them, one layout a file.

In: a folder and its settings. Out: a `Collection`.
Read first: folder.py, any folder with a CSV.
"""
