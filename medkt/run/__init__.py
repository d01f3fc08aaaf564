"""One run: what it needs and what it leaves.

In: a run's settings. Out: its run folder, written whole or not at all.
Read first: worker.py.
"""
