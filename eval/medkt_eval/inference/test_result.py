"""`TestResult`: a test of one arm against another, with its difference, its interval and its scope.

In: a difference with its standard error and degrees of freedom. Out: `TestResult`. A test that does not exist has no
p-value and says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from medkt_eval.inference.interval import quantile
from medkt_eval.results.schema import Scope


@dataclass(frozen=True)
class TestResult:
    """A test of whether the difference a - b is 0.

    Parameters
    ----------
    test : str
        Name of the test, as in results.json.
    scope : str
        What varies: "seeds", "patients" or "seeds+patients".
    difference : float
        a - b.
    se, low, high : float or None
        Standard error and limits of the difference.
    level : float
        Confidence level of the limits.
    statistic, df, p_value : float or None
        The test's own. `df` is None for the normal distribution.
    undefined_because : str or None
        Why the test does not exist.
    df_hillis : float or None
        Hillis's degrees of freedom, beside `df`.
    undefined_replicates : int or None
        Number of replicates of a bootstrap test in which the metric does not exist.
    note : str or None
        What you must know of a test that exists, for example that it has no interval.
    """

    __test__ = False  # keeps pytest from collecting the class

    test: str
    scope: Scope
    difference: float
    se: float | None
    low: float | None
    high: float | None
    level: float
    statistic: float | None
    df: float | None
    p_value: float | None
    undefined_because: str | None = None
    df_hillis: float | None = None
    undefined_replicates: int | None = None
    note: str | None = None

    @classmethod
    def absent(
        cls, reason: str, *, test: str, scope: Scope, difference: float, level: float, se: float | None = None
    ) -> TestResult:
        """A test that does not exist, and why; `se` where it is known all the same."""
        return cls(
            test=test,
            scope=scope,
            difference=difference,
            se=se,
            low=None,
            high=None,
            level=level,
            statistic=None,
            df=None,
            p_value=None,
            undefined_because=reason,
        )

    @classmethod
    def from_standard_error(
        cls,
        difference: float,
        se: float,
        df: float | None,
        *,
        test: str,
        scope: Scope,
        level: float,
        bound: float = 1.0,
        df_hillis: float | None = None,
    ) -> TestResult:
        """Two-sided test of the difference over its standard error, with the interval that agrees with it.

        Parameters
        ----------
        difference, se : float
            a - b and its standard error, which is above 0.
        df : float or None
            Degrees of freedom of t; None: the normal distribution.
        test, scope, level, df_hillis
            As of the class.
        bound : float
            The largest difference that the metric can have: the interval is cut there.
        """
        statistic = difference / se
        reach = quantile(level, df) * se
        tail = stats.norm.sf(abs(statistic)) if df is None else stats.t.sf(abs(statistic), df)
        return cls(
            test=test,
            scope=scope,
            difference=difference,
            se=se,
            low=max(difference - reach, -bound),
            high=min(difference + reach, bound),
            level=level,
            statistic=statistic,
            df=df,
            p_value=float(2 * tail),
            df_hillis=df_hillis,
        )
