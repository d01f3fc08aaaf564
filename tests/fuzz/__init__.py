"""Mutated inputs against the command line: each ends well or in one message, and nothing else is written or changed.

In: a seed for each input. Out: a line for each input that fails; its folder is kept. `python -m tests.fuzz --help`.
Read first: __main__.py.
"""
