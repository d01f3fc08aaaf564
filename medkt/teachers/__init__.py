"""Frozen networks that students learn from.

In: a teacher's settings and weights. Out: a `Teacher` with its taps and logits.
Read first: teacher.py.
"""
