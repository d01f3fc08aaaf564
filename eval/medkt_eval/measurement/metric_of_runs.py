"""One metric of one label or average, for every run of a data set: what intervals and tests are computed from.

In: a metric's values on the data, without each patient and in each replicate. Out: `MetricOfRuns`, from which the runs
of one or several arms can be taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from medkt_eval.inference.obuchowski_rockette import patient_covariance
from medkt_eval.resampling.limits import MOST_UNDEFINED
from medkt_eval.results.schema import Arm
from medkt_eval.results.vocabulary import AVERAGES, METRICS

FEW_PATIENTS = "fewer than two patients, or one label averaged and fewer than two of a kind: no degrees of freedom"
FEW_OF_A_KIND = "fewer than two patients have a positive image, or fewer than two a negative one: no degrees of freedom"


@dataclass(frozen=True)
class MetricOfRuns:
    """One metric of one label or average, of every run of a data set.

    Parameters
    ----------
    metric, label : str
    runs : tuple of str
        Run ids.
    values : float64, (n_runs,)
        NaN where a run has no value.
    because : tuple of (str or None), (n_runs,)
        Why a run has no value.
    n_images : int
    n_positive : int or None
        None for an average.
    df_patients : float
        Degrees of freedom of a variance over patients.
    covariance : float64, (n_runs, n_runs)
        Covariance over patients, from the patient jackknife, or from the bootstrap for a metric without jackknife. NaN
        where it is undefined.
    delong : float64, (n_runs, n_runs), or None
        Clustered DeLong covariance of AUC; None for other metrics.
    replicates : float64, (n_runs, replicates)
        Values in each bootstrap replicate. Every run, label and metric has the same draws of patients.
    without_patient : float64, (n_runs, n_patients), or None
        Values without each patient; None where they were not kept or do not exist.
    patients : bool, (n_patients,), or None
        Which patients the metric has an image of; None where they were not kept.
    has_jackknife : bool
        Whether `covariance` comes from the patient jackknife.
    bias : float64, (n_runs,), or None
        The jackknife's estimate of each value's bias (Quenouille 1956, Biometrika 43:353); None for a metric whose
        interval is not corrected for it.
    group : str or None
        Subgroup of the images, such as "sex=F"; None: all images.
    scale : float
        The largest of the values that a gap is a difference of, which decides what is a rounding error; 0: no gap.
    one_patient_because : tuple of (str or None), (n_runs,), or ()
        Why a run's value does not exist without some patient; () where every run's does.
    edges : mapping of str to bool, (n_runs,)
        The value itself and, for a mean, each value that it gives weight ("f1 of Edema"), and whether a run's value of
        it is at an end of its range: see `label_metric.is_at_edge`.
    """

    metric: str
    label: str
    runs: tuple[str, ...]
    values: np.ndarray
    because: tuple[str | None, ...]
    n_images: int
    n_positive: int | None
    df_patients: float
    covariance: np.ndarray
    delong: np.ndarray | None
    replicates: np.ndarray
    without_patient: np.ndarray | None
    patients: np.ndarray | None = None
    has_jackknife: bool = True
    bias: np.ndarray | None = None
    group: str | None = None
    scale: float = 0.0
    one_patient_because: tuple[str | None, ...] = ()
    edges: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def undefined_because(self) -> str | None:
        """Why the mean over the runs does not exist: the first run without a value. None: every run has one."""
        return next((f"{run}: {why}" for run, why in zip(self.runs, self.because, strict=True) if why), None)

    @property
    def no_covariance_because(self) -> str | None:
        """Why the default analysis has no covariance over patients, or no degrees of freedom; None where it has."""
        if not self.has_jackknife and np.isnan(self.covariance).any():
            return (
                "its covariance is the bootstrap's, which does not exist: too few replicates, or over 1 % are undefined"
            )
        if self.df_patients < 1:
            return FEW_PATIENTS if self.label in AVERAGES else FEW_OF_A_KIND
        return None

    def no_error_because(self, *arms: Arm) -> str | None:
        """Why the error over patients of these arms cannot be estimated; None where it can.

        A value that does not exist without some patient has no jackknife, and no replicate without that patient. A
        value at an end of its range with every seed of an arm seems to have no error. A mean that gives such a value
        weight, as an average over labels does, would inherit that.
        """
        for arm in arms:
            runs = run_indices(self.runs, arm)
            for run in runs if self.one_patient_because else ():
                if because := self.one_patient_because[run]:
                    remedy = self._remedy([]) if self.label in ("macro", "weighted") else ""
                    return f"{self.runs[run]}: {because}, so it shows no error to estimate{remedy}"
            parts = [part for part, at_edge in self.edges.items() if at_edge[runs].all()]
            if f"{self.metric} of {self.label}" in parts:
                every = "every seed's" if len(runs) > 1 else "its"
                return f"{arm.arm}: {every} value is at an end of its range, which shows no error to estimate"
            if parts:
                seeds = "with every seed, " if len(runs) > 1 else ""
                are = "is" if len(parts) == 1 else "are each"
                return (
                    f"{arm.arm}: {seeds}{' and '.join(parts)} {are} at an end of its range, which shows no error to "
                    f"estimate{self._remedy(parts)}"
                )
        return None

    def _remedy(self, parts: list[str]) -> str:
        """What to ask for in place of a mean of which these parts show no error; empty where there is nothing."""
        named = "labels named beforehand (average_labels in [analysis])"
        if self.label in ("macro", "weighted"):
            return f"; average over {named}"
        part = METRICS[self.metric].mean_over_classes_of
        if self.label == "micro" and part is not None and all(name.startswith(f"{part} of ") for name in parts):
            return f"; ask for the macro {part}, over {named}"
        return ""

    def of_arm(self, arm: Arm) -> MetricOfRuns:
        """The same metric, of one arm's runs in the order of its seeds."""
        return self.of_arms(arm)

    def of_arms(self, *arms: Arm) -> MetricOfRuns:
        """The same metric, of the runs of several arms, one arm after the other."""
        return self.of_runs(np.concatenate([run_indices(self.runs, arm) for arm in arms]))

    def of_runs(self, runs: np.ndarray) -> MetricOfRuns:
        """The same metric, of some runs.

        Parameters
        ----------
        runs : int64, (n,)
            Indices into `self.runs`.
        """
        block = np.ix_(runs, runs)
        return replace(
            self,
            runs=tuple(self.runs[j] for j in runs),
            values=self.values[runs],
            because=tuple(self.because[j] for j in runs),
            covariance=self.covariance[block],
            delong=None if self.delong is None else self.delong[block],
            replicates=self.replicates[runs],
            without_patient=None if self.without_patient is None else self.without_patient[runs],
            bias=None if self.bias is None else self.bias[runs],
            one_patient_because=tuple(self.one_patient_because[j] for j in runs) if self.one_patient_because else (),
            edges={part: at_edge[runs] for part, at_edge in self.edges.items()},
        )


def run_indices(runs: tuple[str, ...], arm: Arm) -> np.ndarray:
    """Index into `runs` of each run of an arm, in the order of its seeds: int64, (n_seeds,)."""
    return np.array([runs.index(run) for run in arm.run_ids])


def of_patients(without_patient: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Values without each of the patients that a metric has an image of; the others would count in the jackknife.

    Parameters
    ----------
    without_patient : float64, (n_runs, n_patients)
    patients : bool, (n_patients,)

    Returns
    -------
    float64, (n_runs, patients.sum())
        All columns, which are NaN, if the metric has an image of no patient.
    """
    return (
        without_patient
        if patients.all() or not patients.any()
        else without_patient.take(np.flatnonzero(patients), axis=1)
    )


def jackknife_bias(metric: str, values: np.ndarray, without_patient: np.ndarray) -> np.ndarray | None:
    """Bias of each run's value by the patient jackknife: (P - 1) (mean value without a patient - value).

    Parameters
    ----------
    metric : str
    values : float64, (n_runs,)
    without_patient : float64, (n_runs, n_patients)

    Returns
    -------
    float64, (n_runs,), or None
        None for a metric whose intervals are not corrected for it.
    """
    if not METRICS[metric].is_bias_corrected:
        return None
    return (without_patient.shape[1] - 1) * (without_patient.mean(axis=1) - values)


def replicate_covariance(replicates: np.ndarray) -> np.ndarray:
    """Covariance of runs over the replicates in which all are defined.

    Parameters
    ----------
    replicates : float64, (n_runs, replicates)

    Returns
    -------
    float64, (n_runs, n_runs)
        NaN if there are no replicates, or more than 1 % of them are undefined.
    """
    defined = ~np.isnan(replicates).any(axis=0)
    if defined.sum() < max(2, (1 - MOST_UNDEFINED) * replicates.shape[1]):
        return np.full((len(replicates), len(replicates)), np.nan)
    drawn = np.ascontiguousarray(replicates[:, defined])
    return patient_covariance(drawn) * drawn.shape[1] / (drawn.shape[1] - 1) ** 2
