"""Intervals and tests on arrays. This package does not depend on files, runs or studies.

In: a metric of each seed's run and, if needed, its covariance over patients. Out: an `Interval` or a `TestResult`.
Read first: obuchowski_rockette.py, the default interval and test, in which seeds and patients both vary;
degrees_of_freedom.py has its degrees of freedom. The folders have the companions over only seeds or only patients.
"""
