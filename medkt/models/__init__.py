"""Students: the networks, which of their layers train, and the weights they start from.

In: an architecture and a seed. Out: a network of torch, ready to train.
Read first: densenet.py.
"""
