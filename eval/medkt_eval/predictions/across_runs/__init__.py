"""Checks over several prediction files: the same images, different models, separate splits.

In: predictions of two runs or splits. Out: nothing, or an error that names both.
Read first: same_images.py.
"""
