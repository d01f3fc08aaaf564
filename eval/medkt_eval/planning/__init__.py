"""How many seeds and patients the next study needs.

In: the variance components of a pilot study. Out: power and sample sizes.
Read first: sample_size.py.
"""
