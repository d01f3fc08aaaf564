"""The commands `medkt data describe`, what is in a data set, and `medkt data check`, what is wrong with it.

In: an opened data set. Out: tables and findings, on the terminal and as a page.
Read first: check.py, then describe.py.
"""
