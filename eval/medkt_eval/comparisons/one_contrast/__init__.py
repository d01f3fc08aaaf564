"""All tests of one contrast on one metric.

In: a `MetricOfRuns` and contrasts. Out: rows of results.json that are not adjusted yet.
Read first: contrast_tests.py.
"""
