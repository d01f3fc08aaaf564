"""Intervals and tests over seeds: trained models vary, the test patients are held fixed.

In: the metric of each seed's run. Out: `Interval` or `TestResult` of scope "seeds".
Read first: t_intervals.py, an interval for one arm; then t_tests.py, tests of two arms.
"""
