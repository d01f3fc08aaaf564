"""Metrics of all runs on one label: on the data, without each patient, and in each bootstrap replicate.

In: truth of one label's images, every run's scores and calls, patients. Out: `LabelMetric`, one a metric. A metric is
computed once for all three uses: from one sort of the scores, or from sums over images.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from medkt_eval.inference.over_patients.delong import Influence, influence
from medkt_eval.metrics import sums
from medkt_eval.metrics.average_precision import average_precision, average_precision_without_each_patient
from medkt_eval.metrics.placements import auc_without_each_patient, placements
from medkt_eval.metrics.ranking import Ranking, rank
from medkt_eval.metrics.sums import Function, Sums
from medkt_eval.resampling.bootstrap import resample_ranked, resample_sums
from medkt_eval.resampling.strata import Strata

RANKED = ("auc", "average_precision", "sensitivity_at_specificity")
SEVERAL_CLASSES = tuple(sums.OF_CONFUSION)  # of a multi-class run as a whole


def count_patients(patient: np.ndarray) -> int:
    """Different patients among images, each given by its patient's number: int, (n_images,)."""
    return int(np.count_nonzero(np.bincount(patient)))


@dataclass(frozen=True)
class MeasurementOptions:
    """What is to be measured.

    Parameters
    ----------
    metrics : tuple of str
        Names of design: `auc`, `f1`, ...
    replicates : int
        Bootstrap replicates; 0: none.
    seed : int
        Of the replicates' random numbers.
    dataset : str
        The data set's name: its replicates are streams of their own.
    specificity : float
        Of `sensitivity_at_specificity`.
    strata : Strata or None
        That patients are drawn in; None: all from all.
    values : bool
        Whether values on the data and without each patient are wanted too; False: the replicates alone, as of a part.
    first : int
        Number of the first replicate, a multiple of `resampling.BLOCK`.
    threads : int or None
        At work on replicates; None: one a processor.
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

    @property
    def of_calls(self) -> bool:
        """Whether a metric of calls is among the metrics."""
        return any(metric in sums.OF_CALLS for metric in self.metrics)


@dataclass(frozen=True)
class Images:
    """The images that a metric is computed on.

    Parameters
    ----------
    truth : bool, (n_images,)
    patient : int64, (n_images,)
        0 to n_patients - 1.
    n_patients : int
        Of the data set; some may have no image here.
    """

    truth: np.ndarray
    patient: np.ndarray
    n_patients: int

    @cached_property
    def df_patients(self) -> float:
        """The smaller of the patients with a positive image and those with a negative one, less one."""
        return min(count_patients(self.patient[mask]) for mask in (self.truth, ~self.truth)) - 1.0


@dataclass(frozen=True)
class LabelMetric:
    """One metric of every run on one label, or averaged over labels.

    Parameters
    ----------
    metric, label : str
    because : tuple of (str or None), (n_runs,)
        Why a run's value does not exist.
    variants : float64, (n_runs, 1 + n_patients + replicates)
        On the data; without each patient; in each replicate. NaN where it does not exist. Of a part without values,
        the replicates alone.
    n_patients : int
    n_images : int
    n_positive : int or None
    df_patients : float
    has_jackknife : bool
        Whether the values without each patient exist; a quantile-like metric has none.
    influences : tuple of Influence or None
        Of each run, for AUC.
    """

    metric: str
    label: str
    because: tuple[str | None, ...]
    variants: np.ndarray
    n_patients: int
    n_images: int
    n_positive: int | None
    df_patients: float
    has_jackknife: bool = True
    influences: tuple[Influence, ...] | None = None

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


def positives_variants(images: Images, asked: MeasurementOptions) -> np.ndarray:
    """Positive images on the data, without each patient and in each replicate: the weights of a weighted average."""
    found = Sums(np.bincount(images.patient[images.truth], minlength=images.n_patients)[None].astype(np.float64))
    return _variants_of_sums([found], {"positives": lambda s: s[0]}, asked)["positives"][0]


def measure_label(
    asked: MeasurementOptions,
    label: str,
    images: Images,
    scores: np.ndarray,
    called: Sequence[np.ndarray | None],
    no_call_because: Sequence[str | None],
    drawn_calls: np.ndarray | None = None,
) -> list[LabelMetric]:
    """Every metric asked for on one label.

    Parameters
    ----------
    asked : MeasurementOptions
    label : str
    images : Images
        The label's images, those that are not labelled left out.
    scores : float, (n_runs, n_images)
        Higher = more likely.
    called : sequence of (bool, (n_images,)) or None
        Each run's calls; None where it has no threshold.
    no_call_because : sequence of str or None
        Each run's reason where it has none.
    drawn_calls : float64, (n_runs, 4, replicates), or None
        Sums of calls in each replicate, whose thresholds were chosen again: see `threshold_refit.resample_calls`. Their
        metrics have no patient jackknife, which leaves out test patients alone. None: the calls are the same in all.
    """
    found = _ranked(asked, label, images, scores)
    found += _of_calls(asked, label, images, called, no_call_because, drawn_calls)
    return found + _of_probabilities(asked, label, images, scores)


def measure_confusion(
    asked: MeasurementOptions,
    truth: np.ndarray,
    called: np.ndarray,
    n_classes: int,
    patient: np.ndarray,
    n_patients: int,
) -> list[LabelMetric]:
    """Metrics of a multi-class run over all classes at once, label "micro".

    Parameters
    ----------
    truth : int64, (n_images,)
        Classes.
    called : int64, (n_runs, n_images)
        Each run's arg max.
    """
    wanted = {metric: sums.OF_CONFUSION[metric] for metric in asked.metrics if metric in sums.OF_CONFUSION}
    if not wanted:
        return []
    tables = (sums.confusion(truth, run, n_classes, patient, n_patients) for run in called)
    images = Images(np.ones(len(truth), dtype=bool), patient, n_patients)
    reasons = {"balanced_accuracy": "a class has no image", "kappa_quadratic": "one class alone, in truth and calls"}
    return [
        replace(
            _measured(metric, "micro", images, variants, [None] * len(called), reasons.get(metric, "no image")),
            n_positive=None,
            df_patients=count_patients(patient) - 1.0,
        )
        for metric, variants in _variants_of_sums(tables, wanted, asked).items()
    ]


def _ranked(asked: MeasurementOptions, label: str, images: Images, scores: np.ndarray) -> list[LabelMetric]:
    wanted = [metric for metric in asked.metrics if metric in RANKED]
    if not wanted:
        return []
    rankings = [rank(images.truth, run, images.patient, images.n_patients) for run in scores]
    specificity = asked.specificity if "sensitivity_at_specificity" in wanted else None
    replicates = resample_ranked(
        rankings,
        replicates=asked.replicates,
        seed=asked.seed,
        dataset=asked.dataset,
        average_precision="average_precision" in wanted,
        specificity=specificity,
        strata=asked.strata,
        first=asked.first,
        threads=asked.threads,
    )
    n_positive = int(images.truth.sum())
    one_class = 0 in (n_positive, len(images.truth) - n_positive)
    found = []
    for metric in wanted:
        influences = None
        drawn = getattr(replicates, metric)
        if not asked.values:
            data = np.zeros((len(scores), 0))
        elif (n_positive == 0) or (one_class and metric != "average_precision"):
            data = np.full((len(scores), 1 + images.n_patients), np.nan)
        elif metric == "auc":
            data, influences = _auc(rankings)
        elif metric == "average_precision":
            data = np.array(
                [np.append(average_precision(r), average_precision_without_each_patient(r)) for r in rankings]
            )
        else:
            data = np.array(
                [np.append(_sensitivity_at(r, asked.specificity), np.full(r.n_patients, np.nan)) for r in rankings]
            )
        kind = "positive" if n_positive == 0 else "negative"
        found.append(
            _measured(
                metric,
                label,
                images,
                np.concatenate([data, drawn], axis=1),
                [None] * len(scores),
                f"no {kind} image among {len(images.truth)}",
                has_jackknife=metric != "sensitivity_at_specificity",
                influences=influences,
            )
        )
    return found


def _auc(rankings: Sequence[Ranking]) -> tuple[np.ndarray, tuple[Influence, ...]]:
    placed = [placements(ranking) for ranking in rankings]
    data = [np.append(p.auc, auc_without_each_patient(r, p)) for r, p in zip(rankings, placed, strict=True)]
    return np.array(data), tuple(influence(r, p) for r, p in zip(rankings, placed, strict=True))


def _sensitivity_at(ranking: Ranking, specificity: float) -> float:
    """Largest sensitivity of the thresholds (score >= threshold) with at least that specificity."""
    negatives_below = np.cumsum(~ranking.positive)
    positives_below = np.cumsum(ranking.positive)
    ends = ranking.ends_tie  # thresholds just above a group of ties
    enough = negatives_below[ends] / ranking.n_negative >= specificity  # a product could round past a whole number
    return float((ranking.n_positive - positives_below[ends][enough]).max() / ranking.n_positive)


def _of_calls(
    asked: MeasurementOptions,
    label: str,
    images: Images,
    called: Sequence[np.ndarray | None],
    no_call_because: Sequence[str | None],
    drawn_calls: np.ndarray | None,
) -> list[LabelMetric]:
    wanted = {metric: sums.OF_CALLS[metric] for metric in asked.metrics if metric in sums.OF_CALLS}
    if not wanted:
        return []
    nothing = np.zeros(len(images.truth), dtype=bool)
    tables = (
        sums.calls(images.truth, nothing if run is None else run, images.patient, images.n_patients) for run in called
    )
    absent = np.array([run is None for run in called])
    reasons = {
        "specificity": f"no negative image among {len(images.truth)}",
        "ppv": f"none of {len(images.truth)} images was called",
        "npv": f"all {len(images.truth)} images were called",
        "balanced_accuracy": f"one class among {len(images.truth)} images",
    }
    found = []
    for metric, variants in _variants_of_sums(tables, wanted, asked, drawn_calls).items():
        because = reasons.get(metric, f"no positive image among {len(images.truth)}")
        variants[absent] = np.nan
        found.append(
            _measured(metric, label, images, variants, no_call_because, because, has_jackknife=drawn_calls is None)
        )
    return found


def _of_probabilities(asked: MeasurementOptions, label: str, images: Images, scores: np.ndarray) -> list[LabelMetric]:
    wanted = {metric: sums.OF_PROBABILITIES[metric] for metric in asked.metrics if metric in sums.OF_PROBABILITIES}
    if not wanted:
        return []
    wrong = np.array([run.min(initial=0) < 0 or run.max(initial=1) > 1 for run in scores])
    because = [f"a score of {label} lies outside [0, 1]: not a probability" if run else None for run in wrong]
    tables = (sums.probabilities(images.truth, np.clip(run, 0, 1), images.patient, images.n_patients) for run in scores)
    found = []
    for metric, variants in _variants_of_sums(tables, wanted, asked).items():
        variants[wrong] = np.nan
        found.append(_measured(metric, label, images, variants, because, "no image"))
    return found


def _variants_of_sums(
    tables: Iterable[Sums],
    metrics: Mapping[str, Function],
    asked: MeasurementOptions,
    drawn: Sequence[np.ndarray] | np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Each metric of every run's sums: on the data, without each patient, in each replicate (`drawn`, where given)."""
    known, cells = [], []
    for table in tables:  # one at a time: a table has a row a sum and a column a patient
        states = (table.total[:, None], table.without_patient) if asked.values else ()
        known.append({name: [metric(state) for state in states] for name, metric in metrics.items()})
        if drawn is None:
            cells.append(table.cells())
    if drawn is None:
        drawn = resample_sums(
            cells,
            replicates=asked.replicates,
            seed=asked.seed,
            dataset=asked.dataset,
            strata=asked.strata,
            first=asked.first,
            threads=asked.threads,
        )
    return {
        name: np.array([np.concatenate([*own[name], metric(part)]) for own, part in zip(known, drawn, strict=True)])
        for name, metric in metrics.items()
    }


def _measured(
    metric: str,
    label: str,
    images: Images,
    variants: np.ndarray,
    because: Sequence[str | None],
    otherwise: str,
    *,
    has_jackknife: bool = True,
    influences: tuple[Influence, ...] | None = None,
) -> LabelMetric:
    """A metric with the reasons of the runs whose value does not exist: `because`, or `otherwise` where it is None."""
    absent = np.isnan(variants[:, 0])
    return LabelMetric(
        metric=metric,
        label=label,
        because=tuple((why or otherwise) if gone else None for why, gone in zip(because, absent, strict=True)),
        variants=variants,
        n_patients=images.n_patients,
        n_images=len(images.truth),
        n_positive=int(images.truth.sum()),
        df_patients=images.df_patients,
        has_jackknife=has_jackknife,
        influences=influences,
    )
