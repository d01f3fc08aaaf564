"""Synthetic predictions that ship with medkt: two arms, three seeds each, for a first evaluation without training.

In: nothing. Out: the CSV files of this folder, which `medkt example` copies.
Read first: generate.py, which wrote them.
"""
