"""The checks of `medkt data check`, one subject per file.

In: a survey of the images and labels. Out: `Finding`s.
Read first: images.py.
"""
