"""What the runs recorded of their training: curves, teachers, networks, pictures.

In: run folders. Out: rows of results.json that do not depend on test predictions.
Read first: learning_curves.py.
"""
