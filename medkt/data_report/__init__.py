"""What is in a data set (describe.py), and what is wrong with it (check.py)."""
