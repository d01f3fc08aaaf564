"""What the variance of a difference between two arms is made of: seeds, patients, and the two together.

In: the metric of each seed's run of two arms, and their covariance over patients, as the primary analysis gets them.
Out: `Components`, which results.json keeps and planning.py sizes the next study with.

The model is the primary analysis's own (obuchowski_rockette.py). A run's metric on the test set is

    the arm's value + seed + patients + seed x patients,

and with r seeds an arm and the pilot's patients a difference has variance 2 runs / r + patients, where
runs = seeds + seeds x patients. Hillis, Obuchowski & Berbaum 2011, Acad. Radiol. 18:129, size reader studies alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medkt_eval.errors import InputError
from medkt_eval.inference.obuchowski_rockette import analyse


@dataclass(frozen=True)
class Components:
    """Variance components of arm a minus arm b on one metric, as measured with a pilot's seeds and patients.

    Parameters
    ----------
    runs : float
        Variance between an arm's runs on the same test patients, the mean of both arms. Crossed seeds: half the
        variance over seeds of the difference, since what a seed does to both arms alike cancels.
    seeds_by_patients : float
        The part of `runs` that other test patients would change: mean variance minus mean covariance over patients of
        an arm's runs (crossed: half that of the differences). Falls as 1 / patients.
    patients : float
        Variance over patients that all runs of the difference share, D of the primary analysis. Falls as 1 / patients.
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
        """Variance over seeds of a run's true value, were it tested on endless patients.

        `runs - seeds_by_patients` is measured with error and may be negative; a variance is not: then 0.
        """
        return max(self.runs - self.seeds_by_patients, 0.0)

    def by_name(self) -> dict[str, float]:
        """The components as results.json names them; `seeds` before it was cut at 0 is the second minus the third."""
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
    ) -> Components:
        """What `by_name` gave, read back from results.json; `seeds` follows from the others."""
        return cls(
            values["runs"], values["seeds x patients"], values["patients"], design, *n_seeds, n_patients, df_patients
        )


def components(
    values_a: np.ndarray,
    values_b: np.ndarray,
    covariance: np.ndarray,
    *,
    seeds: Literal["nested", "crossed"],
    n_patients: int,
    df_patients: float,
) -> Components:
    """Measure the variance components of arm a minus arm b.

    Parameters
    ----------
    values_a, values_b : float64, (n_seeds_a,), (n_seeds_b,)
        The metric of each seed's run, two seeds or more in each arm.
    covariance : float64, (n_seeds_a + n_seeds_b, n_seeds_a + n_seeds_b)
        Covariance over patients of a's runs and b's, in that order.
    seeds : {"nested", "crossed"}
        As in `obuchowski_rockette.analyse`; crossed: both arms have the same seeds in the same order.
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
    >>> made = components(np.array([0.70, 0.72]), np.array([0.74, 0.78]), 1e-4 * (np.eye(4) + 2),
    ...                   seeds="nested", n_patients=200, df_patients=199)
    >>> {name: round(float(value), 6) for name, value in made.by_name().items()}
    {'seeds': 0.0004, 'runs': 0.0005, 'seeds x patients': 0.0001, 'patients': 0.0}
    """
    a, b = len(values_a), len(values_b)
    if min(a, b) < 2:
        raise InputError(f"arms with {a} and {b} seeds; what seeds contribute shows only with two or more in each arm")
    found = analyse([values_a, values_b], covariance, [1.0, -1.0], seeds=seeds, df_patients=df_patients)
    of_a, of_b, between = covariance[:a, :a], covariance[a:, a:], covariance[:a, a:]
    if seeds == "crossed":
        runs = (values_a - values_b).var(ddof=1) / 2
        together = _not_shared(of_a + of_b - between - between.T) / 2
    else:
        runs = (values_a.var(ddof=1) + values_b.var(ddof=1)) / 2
        together = (_not_shared(of_a) + _not_shared(of_b)) / 2
    return Components(float(runs), float(together), found.variance_patients, seeds, a, b, n_patients, df_patients)


def _not_shared(covariance: np.ndarray) -> float:
    """Mean of a covariance's diagonal minus the mean of the rest: never negative but for rounding."""
    k = len(covariance)
    return max(float(np.trace(covariance) - covariance.sum() / k) / (k - 1), 0.0)
