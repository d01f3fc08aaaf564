"""What was declared, what was asked for, and what was trained.

In: the study file's `[analysis]`, the options of `medkt evaluate`, and the runs. Out: arms, contrasts and requests.
Read first: declaration.py.
"""
