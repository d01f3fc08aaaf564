"""The variance components of a difference between two arms: seeds, patients, and seeds by patients.

In: the metric of each seed's run of two arms, and their covariance over patients, as for the primary analysis. Out:
`VarianceComponents`, which results.json keeps and sample_size.py plans the next study with.

The model is that of the primary analysis (obuchowski_rockette.py). A run's metric on the test set is

    the arm's value + seed + patients + seed x patients.

With r seeds per arm and the pilot's patients, a difference has variance 2 runs / r + patients, where
runs = seeds + seeds x patients. Hillis, Obuchowski & Berbaum 2011, Acad. Radiol. 18:129, plan reader studies so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.inference.obuchowski_rockette import analyse
from medkt_eval.inference.rounding import variance_of_seeds, without_cancelling

MEASURED = ("runs", "seeds x patients", "patients")  # what `VarianceComponents.from_names` needs


@dataclass(frozen=True)
class VarianceComponents:
    """Variance components of arm a minus arm b on one metric, measured with a pilot's seeds and patients.

    Parameters
    ----------
    runs : float
        Variance between an arm's runs on the same test patients, averaged over both arms. Crossed seeds: half the
        variance over seeds of the difference, because effects of a seed that both arms share cancel.
    seeds_by_patients : float
        The part of `runs` that depends on the test patients: mean variance minus mean covariance over patients of an
        arm's runs (crossed: half that of the differences). It falls as 1 / patients.
    patients : float
        Variance over patients that all runs of the difference share: `variance_patients` of the primary analysis. It
        falls as 1 / patients.
    design : {"nested", "crossed"}
        As in `obuchowski_rockette.analyse`.
    n_seeds_a, n_seeds_b : int
        The pilot's seeds.
    n_patients : int
        The pilot's test patients.
    df_patients : float
        Their degrees of freedom, as in `obuchowski_rockette.analyse`.
    """

    runs: float
    seeds_by_patients: float
    patients: float
    design: Literal["nested", "crossed"]
    n_seeds_a: int
    n_seeds_b: int
    n_patients: int
    df_patients: float

    @property
    def seeds(self) -> float:
        """Variance over seeds of a run's true value, as if it were tested on infinitely many patients.

        `runs - seeds_by_patients` is an estimate and can be negative; a variance cannot, so it is cut at 0.
        """
        return max(self.runs - self.seeds_by_patients, 0.0)

    def by_name(self) -> dict[str, float]:
        """The components as results.json names them; `seeds` is cut at 0, `runs` minus `seeds x patients` is not."""
        return {
            "seeds": self.seeds,
            "runs": self.runs,
            "seeds x patients": self.seeds_by_patients,
            "patients": self.patients,
        }

    @classmethod
    def from_names(
        cls,
        values: Mapping[str, float],
        *,
        design: Literal["nested", "crossed"],
        n_seeds: tuple[int, int],
        n_patients: int,
        df_patients: float,
    ) -> VarianceComponents:
        """Inverse of `by_name`, for values from results.json; `seeds` follows from the others."""
        return cls(
            runs=values["runs"],
            seeds_by_patients=values["seeds x patients"],
            patients=values["patients"],
            design=design,
            n_seeds_a=n_seeds[0],
            n_seeds_b=n_seeds[1],
            n_patients=n_patients,
            df_patients=df_patients,
        )


def measure_components(
    values_a: np.ndarray,
    values_b: np.ndarray,
    covariance: np.ndarray,
    *,
    seeds: Literal["nested", "crossed"],
    n_patients: int,
    df_patients: float,
) -> VarianceComponents:
    """Measure the variance components of arm a minus arm b.

    Parameters
    ----------
    values_a, values_b : float64, (n_seeds_a,), (n_seeds_b,)
        The metric of each seed's run, two seeds or more in each arm.
    covariance : float64, (n_seeds_a + n_seeds_b, n_seeds_a + n_seeds_b)
        Covariance over patients of a's runs, then b's.
    seeds : {"nested", "crossed"}
        As in `obuchowski_rockette.analyse`. Crossed: both arms have the same seeds in the same order.
    n_patients : int
        Test patients.
    df_patients : float
        As in `obuchowski_rockette.analyse`.

    Raises
    ------
    InputError
        If an arm has one seed.

    Examples
    --------
    >>> measured = measure_components(np.array([0.70, 0.72]), np.array([0.74, 0.78]), 1e-4 * (np.eye(4) + 2),
    ...                   seeds="nested", n_patients=200, df_patients=199)
    >>> {name: round(float(value), 6) for name, value in measured.by_name().items()}
    {'seeds': 0.0004, 'runs': 0.0005, 'seeds x patients': 0.0001, 'patients': 0.0}
    """
    a, b = len(values_a), len(values_b)
    if min(a, b) < 2:
        raise InputError(f"arms with {a} and {b} seeds; what seeds contribute shows only with two or more in each arm")
    difference = analyse([values_a, values_b], covariance, [1.0, -1.0], seeds=seeds, df_patients=df_patients)
    of_a, of_b, between = covariance[:a, :a], covariance[a:, a:], covariance[:a, a:]
    if seeds == "crossed":
        runs = variance_of_seeds(values_a - values_b, values_a, values_b) / 2
        seeds_by_patients = _not_shared(of_a + of_b - between - between.T) / 2
    else:
        runs = (variance_of_seeds(values_a) + variance_of_seeds(values_b)) / 2
        seeds_by_patients = (_not_shared(of_a) + _not_shared(of_b)) / 2
    return VarianceComponents(
        runs=float(runs),
        seeds_by_patients=float(seeds_by_patients),
        patients=difference.variance_patients,
        design=seeds,
        n_seeds_a=a,
        n_seeds_b=b,
        n_patients=n_patients,
        df_patients=df_patients,
    )


def _not_shared(covariance: np.ndarray) -> float:
    """Mean of a covariance's diagonal minus the mean of the rest, cut at 0: only rounding makes it negative."""
    k = len(covariance)
    not_shared = float(np.trace(covariance) - covariance.sum() / k) / (k - 1)
    return max(without_cancelling(not_shared, float(np.abs(covariance).max())), 0.0)
