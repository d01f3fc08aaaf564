"""Sentences drawn from the results.

In: the indexed results. Out: the answer, the methods, what was explored and what is undefined, in words.
Read first: sentences.py, the answer.
"""
