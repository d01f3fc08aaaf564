"""Students: the networks, which of their layers train, and their initial weights.

In: an architecture and a seed. Out: a torch network, ready to train.
Read first: densenet.py.
"""
