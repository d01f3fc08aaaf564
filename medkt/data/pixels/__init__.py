"""From image files to arrays: decoding, the cache of decoded images, augmentation.

In: image files. Out: uint8 arrays and batches.
Read first: pixels.py.
"""
