"""The joint bootstrap of patients, and intervals from its replicates.

In: a metric's sums or scores by patient, and a seed. Out: replicates and their limits; the number of threads changes no
bit. Read first: bootstrap.py, then limits.py.
"""
