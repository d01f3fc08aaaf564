"""`medkt train --dry-run`: the runs of a study and the hours they take.

In: a study. Out: a table; nothing is trained.
Read first: estimate.py. step_times.py measures how long a training step takes on this machine.
"""
