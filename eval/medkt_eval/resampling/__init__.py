"""The joint bootstrap of patients and what is made of its replicates.

In: a metric's sums or scores by patient, and a seed. Out: replicates and their limits; no thread count changes a bit.
Read first: bootstrap.py.
"""
