"""What is measured on one label and what comes out: the options, the label's images, and `LabelMetric`.

In: nothing; the other files of this folder share these types. Out: `MeasurementOptions`, `Images`, `LabelMetric`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from medkt_eval.inference.over_patients.delong import Influence
from medkt_eval.inference.rounding import is_end
from medkt_eval.resampling.strata import Strata
from medkt_eval.results.vocabulary import METRICS


@dataclass(frozen=True)
class MeasurementOptions:
    """What is measured, and with which random numbers.

    Parameters
    ----------
    metrics : tuple of str
        Names in `results.vocabulary.METRICS`.
    replicates : int
        Bootstrap replicates; 0: none.
    seed : int
        Seed of the replicates.
    dataset : str
        Name of the data set, which has random streams of its own.
    specificity : float
        Specificity at which `sensitivity_at_specificity` is read.
    strata : Strata or None
        Strata within which patients are drawn; None: all patients are drawn from all.
    values : bool
        Whether to compute values on the data and without each patient. False: replicates only, for a part of them.
    first : int
        Number of the first replicate, a multiple of `resampling.bootstrap.BLOCK`.
    threads : int or None
        Threads that compute replicates; None: one for each processor.
    averaged_labels : tuple of str
        Labels that macro and weighted averages are over; empty: all.
    """

    metrics: tuple[str, ...]
    replicates: int
    seed: int
    dataset: str
    specificity: float = 0.9
    strata: Strata | None = None
    values: bool = True
    first: int = 0
    threads: int | None = None
    averaged_labels: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> list[str]:
        """The metrics of one kind, in order."""
        return [metric for metric in self.metrics if METRICS[metric].kind == kind]


@dataclass(frozen=True)
class Images:
    """The images that a metric is computed on.

    Parameters
    ----------
    truth : bool, (n_images,)
    patient : int64, (n_images,)
        0 to n_patients - 1.
    n_patients : int
        Patients of the data set; some may have no image here.
    """

    truth: np.ndarray
    patient: np.ndarray
    n_patients: int

    @cached_property
    def df_patients(self) -> float:
        """The number of patients with a positive image or with a negative one, whichever is smaller, minus 1."""
        return min(count_patients(self.patient[mask]) for mask in (self.truth, ~self.truth)) - 1.0

    @cached_property
    def patients(self) -> np.ndarray:
        """Whether each patient has an image here: bool, (n_patients,)."""
        return np.bincount(self.patient, minlength=self.n_patients) > 0


@dataclass(frozen=True)
class LabelMetric:
    """One metric of every run on one label, or averaged over labels.

    Parameters
    ----------
    metric, label : str
    because : tuple of (str or None), (n_runs,)
        Why a run has no value.
    variants : float64, (n_runs, 1 + n_patients + replicates)
        The values on the data; without each patient; in each replicate. NaN where a value does not exist. A part
        without values holds its replicates only.
    patients : bool, (n_patients,)
        Which patients of the data set the metric has an image of.
    n_images : int
    n_positive : int or None
    df_patients : float
    has_jackknife : bool
        Whether the values without each patient exist.
    influences : tuple of Influence or None
        Influences of each run, for AUC.
    one_patient_because : tuple of (str or None), (n_runs,), or ()
        Why a run's value does not exist without some patient; () where every run's does.
    edges : mapping of str to bool, (n_runs,)
        For a mean of other values, such as an average over labels: what each is ("f1 of Edema"), and whether a run's
        value of it `is_at_edge`.
    """

    metric: str
    label: str
    because: tuple[str | None, ...]
    variants: np.ndarray
    patients: np.ndarray
    n_images: int
    n_positive: int | None
    df_patients: float
    has_jackknife: bool = True
    influences: tuple[Influence, ...] | None = None
    one_patient_because: tuple[str | None, ...] = ()
    edges: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def n_patients(self) -> int:
        """Patients of the data set."""
        return len(self.patients)

    @property
    def values(self) -> np.ndarray:
        """On the data, float64, (n_runs,)."""
        return self.variants[:, 0]

    @property
    def without_patient(self) -> np.ndarray:
        """Without each patient, float64, (n_runs, n_patients)."""
        return self.variants[:, 1 : 1 + self.n_patients]

    @property
    def replicates(self) -> np.ndarray:
        """In each bootstrap replicate, float64, (n_runs, replicates)."""
        return self.variants[:, 1 + self.n_patients :]


def is_at_edge(metric: str, values: np.ndarray) -> np.ndarray:
    """Whether each value is the smallest or the largest that the metric can have: bool, (n_runs,).

    Such a value does not change without a patient or in a replicate, so it seems to have no error.
    """
    facts = METRICS[metric]
    if facts.low is None or facts.high is None:
        return np.zeros(len(values), dtype=bool)
    return is_end(values, facts.low, facts.high)


def count_patients(patient: np.ndarray) -> int:
    """Number of different patients among images, each given by its patient's number: int, (n_images,)."""
    return int(np.count_nonzero(np.bincount(patient)))
