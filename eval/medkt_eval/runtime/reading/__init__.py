"""The one door in: how every file that medkt does not trust is opened, parsed and named.

In: paths, JSON and TOML, names. Out: bytes, tables of bounded depth, names that can be printed; or an error.
Read first: files.py.
"""
