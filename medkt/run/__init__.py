"""One run: what it needs and what it leaves behind.

In: a run's settings. Out: its run folder, written completely or not at all.
Read first: unit.py, which trains runs and writes their folders.
"""
