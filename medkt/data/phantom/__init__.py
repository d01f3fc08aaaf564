"""Synthetic images with known truth: chest X-rays, fundus photographs and shapes.

In: a seed and sizes. Out: a `Collection` that draws its images.
Read first: collections.py.
"""

from medkt.data.phantom.collections import phantom_chest, phantom_fundus, phantom_shapes

__all__ = ["phantom_chest", "phantom_fundus", "phantom_shapes"]
