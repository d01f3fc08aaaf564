"""Equivalence and non-inferiority against a margin that was set beforehand.

In: a difference with the standard error and the degrees of freedom of the primary analysis. Out: `TestResult` of scope
"seeds+patients". alpha = 1 - level: a level of 0.95 gives one-sided tests at 5 % and the equivalent 90 % interval.

Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657.
"""

from __future__ import annotations

from scipy import stats

from medkt_eval.errors import InputError
from medkt_eval.inference.obuchowski_rockette import NO_VARIATION, SCOPE
from medkt_eval.inference.test_result import TestResult


def tost(difference: float, se: float, df: float | None, *, margin: float, level: float) -> TestResult:
    """Test by two one-sided tests whether a - b lies between -margin and margin.

    Parameters
    ----------
    difference, se : float
        a - b and its standard error.
    df : float or None
        Degrees of freedom of t; None: the normal distribution.
    margin : float
        Margin of equivalence, positive, on the metric's scale.
    level : float
        1 - alpha, above 0.5.

    Returns
    -------
    TestResult
        `statistic` and `p_value` are those of the one-sided test with the larger p. The interval has the level
        1 - 2 alpha and lies inside (-margin, margin) exactly if p < alpha.

    Notes
    -----
    R: `max(pt((d - margin) / se, df), pt((d + margin) / se, df, lower.tail = FALSE))`.

    Examples
    --------
    >>> result = tost(0.004, 0.006, 12.0, margin=0.02, level=0.95)
    >>> round(result.p_value, 4), round(result.low, 4), round(result.high, 4), round(result.level, 2)
    (0.0103, -0.0067, 0.0147, 0.9)
    """
    nearer = margin if difference > 0 else -margin  # the bound whose test has the larger p
    return _test("tost", difference, se, df, nearer, level)


def non_inferiority(difference: float, se: float, df: float | None, *, margin: float, level: float) -> TestResult:
    """Test one-sided whether a - b > -margin: where higher is better, a is not worse than b by the margin.

    Parameters
    ----------
    difference, se, df, margin, level
        As in `tost`.

    Returns
    -------
    TestResult
        The interval has the level 1 - 2 alpha; its lower limit is above -margin exactly if p < alpha.

    Notes
    -----
    R: `pt((d + margin) / se, df, lower.tail = FALSE)`.
    """
    return _test("non-inferiority", difference, se, df, -margin, level)


def _test(name: str, difference: float, se: float, df: float | None, bound: float, level: float) -> TestResult:
    """One-sided test of whether the difference is above a negative bound, or below a positive one."""
    if not level > 0.5:
        raise InputError(
            f"level is {level}; a test against a margin, at alpha = 1 - level, needs one above 0.5: for example 0.95"
        )
    two_sided = 2 * level - 1
    if not se > 0:
        return TestResult.absent(NO_VARIATION, test=name, scope=SCOPE, difference=difference, level=two_sided, se=se)
    distribution = stats.norm if df is None else stats.t(df)
    statistic = (difference - bound) / se
    reach = float(distribution.ppf(level)) * se
    return TestResult(
        test=name,
        scope=SCOPE,
        difference=difference,
        se=se,
        low=difference - reach,
        high=difference + reach,
        level=two_sided,
        statistic=statistic,
        df=df,
        p_value=float(distribution.cdf(statistic) if bound > 0 else distribution.sf(statistic)),
    )
