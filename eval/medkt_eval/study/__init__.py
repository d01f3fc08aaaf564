"""What was declared, what was requested, and what was trained.

In: the study file's `[analysis]`, the options of `medkt evaluate`, and the runs. Out: `Inputs`,
requests and contrasts. Read first: inputs.py, then declaration.py.
"""
