"""Intervals and tests on arrays; nothing here knows files, runs or studies.

In: a metric of each seed's run and, where needed, its covariance over patients. Out: an `Interval` or a `TestResult`.
Read first: obuchowski_rockette.py, the default interval and test, in which seeds and patients both vary;
degrees_of_freedom.py has its degrees of freedom. The folders hold the companions over seeds or patients alone.
"""
