"""What was declared, what was requested, and what was trained.

In: the study file's `[analysis]`, the options of `medkt evaluate`, and the runs. Out: `Inputs`,
requests and contrasts.
Read first: declaration.py; then requests.py, which checks `--add`; then inputs.py.
"""
