"""The training loop.

In: settings, pixels, start weights and perhaps a teacher. Out: weights, history and predictions.
Read first: trainer.py, the loop.
"""
