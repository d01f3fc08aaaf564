"""What is in a data set, and what is wrong with it: `medkt data describe` and `medkt data check`.

In: a data set, opened. Out: tables and findings, on the terminal and as a page.
Read first: check.py, then describe.py.
"""
