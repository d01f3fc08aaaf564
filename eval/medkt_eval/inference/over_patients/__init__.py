"""Intervals and tests over patients: test patients vary, the trained models are held fixed.

In: metrics with their covariance over patients, or scores by patient. Out: `Interval` or `TestResult` of scope
"patients". The bootstrap of patients is in medkt_eval.resampling.
Read first: delong.py.
"""
