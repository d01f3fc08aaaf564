"""Frozen networks that students learn from.

In: a teacher's settings and weights. Out: a `Teacher` that returns logits and the outputs of its layers.
Read first: teacher.py.
"""
