"""What `medkt data check` looks for, one subject a file.

In: a survey of the images and labels. Out: `Finding`s.
Read first: images.py.
"""
