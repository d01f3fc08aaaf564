"""Metrics of all runs on one label: on the data, without each patient, and in each bootstrap replicate.

In: truth of one label's images, every run's scores and calls, patients. Out: a `LabelMetric` for each metric. One
function of `metric_functions` serves all three uses: it reads one sort of the scores, or sums over images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from medkt_eval.inference.over_patients.delong import Influence
from medkt_eval.measurement.label_bins import measure_bins
from medkt_eval.measurement.label_metric import Images, LabelMetric, MeasurementOptions, count_patients, is_at_edge
from medkt_eval.measurement.metric_functions import OF_CALLS, OF_CONFUSION, OF_PROBABILITIES, OF_RANKING, OfSums
from medkt_eval.metrics import sums
from medkt_eval.metrics.ranking import rank
from medkt_eval.metrics.sums import Sums
from medkt_eval.metrics.undefined import undefined_because, undefined_without_some_patient
from medkt_eval.resampling.bootstrap import resample_ranked, resample_sums
from medkt_eval.results.vocabulary import METRICS, REASONS


def measure_label(
    options: MeasurementOptions,
    label: str,
    images: Images,
    scores: np.ndarray,
    called: Sequence[np.ndarray | None],
    no_call_because: Sequence[str | None],
    drawn_calls: np.ndarray | None = None,
) -> list[LabelMetric]:
    """Every requested metric of every run on one label.

    Parameters
    ----------
    options : MeasurementOptions
    label : str
    images : Images
        The label's images, without those that are not labelled.
    scores : float, (n_runs, n_images)
        Higher = more likely.
    called : sequence of (bool, (n_images,)) or None
        Each run's calls; None where it has no threshold.
    no_call_because : sequence of str or None
        Why a run has no threshold.
    drawn_calls : float64, (n_runs, 4, replicates), or None
        Sums of calls in each replicate, with thresholds chosen again in each: see `threshold_refit.resample_calls`.
        Metrics of calls then have no patient jackknife, because leaving out a test patient changes no threshold. None:
        thresholds are held fixed.
    """
    return [
        *_of_ranking(options, label, images, scores),
        *_of_calls(options, label, images, called, no_call_because, drawn_calls),
        *_of_probabilities(options, label, images, scores),
        *measure_bins(options, label, images, scores),
    ]


def measure_confusion(
    options: MeasurementOptions,
    truth: np.ndarray,
    called: np.ndarray,
    classes: Sequence[str],
    patient: np.ndarray,
    n_patients: int,
) -> list[LabelMetric]:
    """Metrics of multi-class runs over all classes at once, with label "micro".

    Parameters
    ----------
    options : MeasurementOptions
    truth : int64, (n_images,)
        Classes.
    called : int64, (n_runs, n_images)
        The class that each run scores highest.
    classes : sequence of str
        Names of the classes.
    patient : int64, (n_images,)
        0 to n_patients - 1.
    n_patients : int
    """
    functions = {metric: OF_CONFUSION[metric] for metric in options.metrics if METRICS[metric].needs_of_classes}
    if not functions:
        return []
    tables = (sums.confusion(truth, run, len(classes), patient, n_patients) for run in called)
    images = Images(np.ones(len(truth), dtype=bool), patient, n_patients)
    measured = []
    for metric, variants in _variants_of_sums(tables, functions, options).items():
        need = METRICS[metric].needs_of_classes
        assert need is not None
        of_metric = _label_metric(metric, "micro", images, variants, lambda _, need=need: REASONS[need])
        measured.append(
            replace(
                of_metric,
                n_positive=None,
                df_patients=count_patients(patient) - 1.0,
                one_patient_because=tuple(
                    f"without some patient: {REASONS[need]}" if np.isnan(run).any() else None
                    for run in of_metric.without_patient
                ),
                edges=_edges_of_classes(metric, truth, called, classes),
            )
        )
    return measured


def _edges_of_classes(
    metric: str, truth: np.ndarray, called: np.ndarray, classes: Sequence[str]
) -> dict[str, np.ndarray]:
    """Whether the values of each class that a metric is the mean of are at an end of their range."""
    part = METRICS[metric].mean_over_classes_of
    if part is None:
        return {}
    every = np.zeros(len(truth), dtype=np.int64)  # as if of one patient: only the totals are read
    edges = {}
    for k, name in enumerate(classes):
        totals = [sums.calls(truth == k, run == k, every, 1).total for run in called]
        edges[f"{part} of {name}"] = is_at_edge(part, np.array([OF_CALLS[part](total) for total in totals]))
    return edges


def positives_variants(images: Images, options: MeasurementOptions) -> np.ndarray:
    """Number of positive images on the data, without each patient and in each replicate.

    They are the weights of a weighted average: float64, (1 + n_patients + replicates,).
    """
    positives = np.bincount(images.patient[images.truth], minlength=images.n_patients)
    table = Sums(positives[None].astype(np.float64))
    return _variants_of_sums([table], {"positives": lambda sums: sums[0]}, options)["positives"][0]


def _of_ranking(options: MeasurementOptions, label: str, images: Images, scores: np.ndarray) -> list[LabelMetric]:
    metrics = options.of_kind("ranking")
    if not metrics:
        return []
    rankings = [rank(images.truth, run, images.patient, images.n_patients) for run in scores]
    replicates = resample_ranked(
        rankings,
        replicates=options.replicates,
        seed=options.seed,
        dataset=options.dataset,
        average_precision="average_precision" in metrics,
        specificity=options.specificity if "sensitivity_at_specificity" in metrics else None,
        strata=options.strata,
        first=options.first,
        threads=options.threads,
    )
    measured = []
    for metric in metrics:
        because = undefined_because(metric, label, images.truth)
        influences: list[Influence | None] = [None]
        if not options.values:
            data = np.zeros((len(scores), 0))
        elif because:
            data = np.full((len(scores), 1 + images.n_patients), np.nan)
        else:
            of_runs = [OF_RANKING[metric](ranking, options.specificity) for ranking in rankings]
            data, influences = np.array([values for values, _ in of_runs]), [influence for _, influence in of_runs]
        measured.append(
            replace(
                _label_metric(
                    metric,
                    label,
                    images,
                    np.concatenate([data, getattr(replicates, metric)], axis=1),
                    lambda _, because=because: because,
                ),
                has_jackknife=METRICS[metric].has_jackknife,
                influences=None if None in influences else tuple(one for one in influences if one is not None),
                one_patient_because=(undefined_without_some_patient(metric, images.truth, images.patient),)
                * len(scores),
            )
        )
    return measured


def _of_calls(
    options: MeasurementOptions,
    label: str,
    images: Images,
    called: Sequence[np.ndarray | None],
    no_call_because: Sequence[str | None],
    drawn_calls: np.ndarray | None,
) -> list[LabelMetric]:
    functions = {metric: OF_CALLS[metric] for metric in options.of_kind("calls")}
    if not functions:
        return []
    nothing = np.zeros(len(images.truth), dtype=bool)
    tables = [
        sums.calls(images.truth, nothing if run is None else run, images.patient, images.n_patients) for run in called
    ]
    no_calls = np.array([run is None for run in called])
    measured = []
    for metric, variants in _variants_of_sums(tables, functions, options, drawn_calls).items():
        variants[no_calls] = np.nan

        def because(run: int, metric: str = metric) -> str | None:
            return no_call_because[run] or undefined_because(metric, label, images.truth, called=called[run])

        measured.append(
            replace(
                _label_metric(metric, label, images, variants, because),
                has_jackknife=drawn_calls is None,
                one_patient_because=tuple(
                    undefined_without_some_patient(metric, images.truth, images.patient, called=run) for run in called
                ),
                edges={
                    f"{part} of {label}": is_at_edge(part, np.array([OF_CALLS[part](table.total) for table in tables]))
                    for part in METRICS[metric].mean_of
                },
            )
        )
    return measured


def _of_probabilities(options: MeasurementOptions, label: str, images: Images, scores: np.ndarray) -> list[LabelMetric]:
    functions = {metric: OF_PROBABILITIES[metric] for metric in options.of_kind("probabilities")}
    if not functions:
        return []
    outside = np.array([run.min(initial=0) < 0 or run.max(initial=1) > 1 for run in scores])
    tables = (sums.probabilities(images.truth, np.clip(run, 0, 1), images.patient, images.n_patients) for run in scores)
    measured = []
    for metric, variants in _variants_of_sums(tables, functions, options).items():
        variants[outside] = np.nan

        def because(run: int, metric: str = metric) -> str | None:
            return undefined_because(metric, label, images.truth, score=scores[run])

        one_patient = undefined_without_some_patient(metric, images.truth, images.patient)
        measured.append(
            replace(
                _label_metric(metric, label, images, variants, because),
                one_patient_because=(one_patient,) * len(scores),
            )
        )
    return measured


def _variants_of_sums(
    tables: Iterable[Sums],
    functions: Mapping[str, OfSums],
    options: MeasurementOptions,
    drawn: Sequence[np.ndarray] | np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Each metric of every run's sums: on the data, without each patient, in each replicate.

    `drawn` holds the sums of each replicate; None: patients are drawn here.
    """
    of_data, cells = [], []
    for table in tables:  # one at a time: a table has a row for each sum and a column for each patient
        states = (table.total[:, None], table.without_patient) if options.values else ()
        of_data.append({name: [function(state) for state in states] for name, function in functions.items()})
        if drawn is None:
            cells.append(table.cells())
    if drawn is None:
        drawn = resample_sums(
            cells,
            replicates=options.replicates,
            seed=options.seed,
            dataset=options.dataset,
            strata=options.strata,
            first=options.first,
            threads=options.threads,
        )
    return {
        name: np.array(
            [np.concatenate([*of_run[name], function(part)]) for of_run, part in zip(of_data, drawn, strict=True)]
        )
        for name, function in functions.items()
    }


def _label_metric(
    metric: str, label: str, images: Images, variants: np.ndarray, because: Callable[[int], str | None]
) -> LabelMetric:
    """A metric, with the reason of each run whose value does not exist; `because` gives a run's reason."""
    absent = np.isnan(variants[:, 0])
    return LabelMetric(
        metric=metric,
        label=label,
        because=tuple(because(run) if absent[run] else None for run in range(len(variants))),
        variants=variants,
        patients=images.patients,
        n_images=len(images.truth),
        n_positive=int(images.truth.sum()),
        df_patients=images.df_patients,
    )
