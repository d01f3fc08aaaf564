"""Training a study on a Dask cluster.

In: the units of a study, and one line of text that names a scheduler. Out: run folders, as on one machine.
Read first: tasks.py. scheduler.py opens the cluster; events.py carries the progress back to the command line.
"""
