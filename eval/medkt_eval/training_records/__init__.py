"""What the runs recorded of their training: curves, teachers, networks, pictures.

In: run folders. Out: rows of results.json that no test prediction enters.
Read first: learning_curves.py.
"""
