"""Several processes that train one run together (torchrun).

In: the environment that torchrun sets. Out: a `ProcessGroup`, which says what this process does and combines results.
Read first: group.py. With a single process, every method of the group returns its input.
"""
