"""Sentences drawn from the results.

In: the indexed results. Out: sentences on the answer, the methods, exploratory results and undefined values.
Read first: sentences.py, the answer.
"""
