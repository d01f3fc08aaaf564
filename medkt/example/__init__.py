"""Synthetic predictions that ship with medkt: two arms, three seeds each, for a first evaluation without training.

`generate.py` wrote the CSV files beside it; `medkt example` copies them. Read `generate.py` first.
"""
