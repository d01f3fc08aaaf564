"""The power of the primary analysis to detect a stated difference, for a number of seeds and patients.

In: `VarianceComponents` of a pilot and a difference that would matter. Out: the probability that the primary analysis
detects it, and the fewest patients that suffice.

With r seeds per arm and P patients (P0 in the pilot), the difference has the variance
V(r, P) = 2 (seeds + seeds x patients P0/P) / r + patients P0/P. Its estimate is a sum of independent mean squares, each
a multiple of chi-square. Hillis, Obuchowski & Berbaum 2011 (Acad. Radiol. 18:129) approximate the test by one
noncentral t. But with three seeds, the estimated degrees of freedom vary much between studies, and the approximate
power is up to 9 points too high (25 with two seeds). So the power is averaged over the mean squares instead. Each gives
the critical value that the primary analysis would use, and given that value the difference is normal.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from medkt_eval.errors import InputError
from medkt_eval.inference.degrees_of_freedom import satterthwaite
from medkt_eval.planning.variance_components import VarianceComponents

MOST_TIMES_PATIENTS = 100
"""The search for a number of patients stops at this many times the pilot's."""
_FEWEST_DF = 9  # ten patients (of the scarcer kind); with fewer, a variance does not fall as 1 / patients


def power(
    components: VarianceComponents,
    effect: float,
    *,
    seeds_per_arm: int | tuple[int, int],
    patients: float,
    level: float,
    seed_sd_factor: float = 1.0,
) -> float:
    """Probability that the primary analysis detects a difference: that its p-value is below 1 - level.

    Parameters
    ----------
    components : VarianceComponents
        Variance components of a pilot with the same data set, metric and label.
    effect : float
        The true difference as you state it, a fraction (0.02: two points of AUC); never the observed difference.
    seeds_per_arm : int or (int, int)
        Two or more; a pair where the arms differ.
    patients : float
        Test patients; infinity gives the limit. For one label the scarcer kind grows in proportion.
    level : float
        Confidence level of the primary analysis, in (0, 1).
    seed_sd_factor : float
        The standard deviation between runs as a multiple of the pilot's; see `sample_size.seed_sd_limits`.

    Raises
    ------
    InputError
        If the patients are too few for the primary analysis (for one label: fewer than two of the scarcer kind).

    Notes
    -----
    Both arms are assumed to vary equally over seeds. In simulations of the analysis its power lay within 1 point of
    this value (normal model; 3, 5 and 10 seeds; seed to patient variance 1:9, 1:1 and 9:1; 20,000 studies each, s.e.
    0.3 points). If one arm has nine times the other's variance over seeds, the power is up to 10 points lower with 3
    seeds and up to 6 points lower with 5.

    Examples
    --------
    >>> pilot = VarianceComponents(1e-4, 2e-5, 1e-4, "nested", 3, 3, 300, 299)
    >>> [round(power(pilot, 0.04, seeds_per_arm=k, patients=300, level=0.95), 2) for k in (3, 6)]
    [0.79, 0.93]
    """
    df_patients = (components.df_patients + 1) * patients / components.n_patients - 1
    if df_patients < 1:
        raise InputError(
            f"{patients:g} patients: too few for the primary analysis; the pilot had {components.n_patients}"
        )
    seeds = (seeds_per_arm, seeds_per_arm) if isinstance(seeds_per_arm, int) else seeds_per_arm
    times = components.n_patients / patients
    observed = components.runs * seed_sd_factor**2
    runs = max(observed - components.seeds_by_patients, 0.0) + components.seeds_by_patients * times
    d = components.patients * times
    v = runs * (1 / seeds[0] + 1 / seeds[1]) + d
    if v == 0:
        return 1.0
    d_hat, weights_d = _of_patients(df_patients)
    d_hat = d * d_hat
    if components.design == "crossed":
        df_seeds = float(seeds[0] - 1)
        mean_squares, weights = _of_seeds(seeds[0] - 1)
        v_seeds = 2 * runs * mean_squares[:, None] / seeds[0]
        weights = weights[:, None] * weights_d
    else:
        (of_a, weights_a), (of_b, weights_b) = (_of_seeds(k - 1) for k in seeds)
        a, b = runs * of_a[:, None, None] / seeds[0], runs * of_b[:, None] / seeds[1]
        v_seeds = a + b
        share = of_a[:, None, None] / seeds[0] / (of_a[:, None, None] / seeds[0] + of_b[:, None] / seeds[1])
        df_seeds = 1 / (share**2 / (seeds[0] - 1) + (1 - share) ** 2 / (seeds[1] - 1))
        weights = weights_a[:, None, None] * weights_b[:, None] * weights_d
    df = satterthwaite(v_seeds, df_seeds, d_hat, df_patients)
    reach = special.stdtrit(df, 0.5 + level / 2) * np.sqrt(v_seeds + d_hat)
    detected = special.ndtr((effect - reach) / math.sqrt(v)) + special.ndtr((-effect - reach) / math.sqrt(v))
    return float((weights * detected).sum())


def patients_needed(
    components: VarianceComponents,
    effect: float,
    target: float,
    *,
    seeds_per_arm: int,
    level: float,
    seed_sd_factor: float = 1.0,
) -> int | None:
    """Fewest test patients that give a power of `target`; None if `MOST_TIMES_PATIENTS` times the pilot's do not.

    The answer is at least ten (for one label: ten of the scarcer kind), or the pilot's number if that was smaller. The
    other parameters are those of `power`.
    """

    def suffices(patients: int) -> bool:
        reached = power(
            components,
            effect,
            seeds_per_arm=seeds_per_arm,
            patients=patients,
            level=level,
            seed_sd_factor=seed_sd_factor,
        )
        return reached >= target

    pilot = components.n_patients
    fewest = min(math.ceil((_FEWEST_DF + 1) * pilot / (components.df_patients + 1)), pilot)
    # With two or three seeds power can fall slightly as patients grow, because the seeds' few degrees of freedom then
    # weigh more. The first number that suffices is taken.
    candidates = [round(p) for p in np.geomspace(fewest, MOST_TIMES_PATIENTS * pilot, 12)]
    enough = next((k for k, patients in enumerate(candidates) if suffices(patients)), None)
    if enough is None:
        return None
    low, high = (candidates[enough - 1], candidates[enough]) if enough else (fewest - 1, fewest)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


@lru_cache(maxsize=256)
def _of_seeds(df: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of a mean square relative to its expectation, with weights: Gauss-Legendre over its quantiles."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    return 2 * special.gammaincinv(df / 2, (nodes + 1) / 2) / df, weights / 2


def _of_patients(df: float) -> tuple[np.ndarray, np.ndarray]:
    """The same for the nearly normal part of the patients: Gauss-Hermite through the normal quantiles."""
    if math.isinf(df):
        return np.ones(1), np.ones(1)
    nodes, weights = special.roots_hermitenorm(3)
    return 2 * special.gammaincinv(df / 2, special.ndtr(nodes)) / df, weights / weights.sum()
