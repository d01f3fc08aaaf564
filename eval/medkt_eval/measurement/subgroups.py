"""Metrics by subgroup, and gaps between subgroups: the columns `group_<name>` of prediction files.

In: a `TestSet`. Out: `MetricOfRuns` on each group's images, and the gap between a group and all other images. Is the
method as good for women as for men, and does it widen the gap? Seyyed-Kalantari et al. 2021, PSB 26:232.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest

import numpy as np

from medkt_eval.inference.obuchowski_rockette import patient_covariance
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.label_averages import LabelsDefined
from medkt_eval.measurement.label_metric import MeasurementOptions, count_patients
from medkt_eval.measurement.metric_of_runs import MetricOfRuns, jackknife_bias, of_patients, replicate_covariance
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.predictions.values.group_order import groups_in_order
from medkt_eval.runtime.execution import LOCAL, Execution


@dataclass(frozen=True)
class GroupMeasures:
    """One metric on a group's images, and the gap: this metric minus the metric on all other images that name a group.

    If there are two groups, only the first has a gap; the second's is the same with the sign reversed.
    """

    group: MetricOfRuns
    gap: MetricOfRuns | None
    n_patients: int  # patients with an image in the group


def measure_subgroups(
    test: TestSet,
    options: MeasurementOptions,
    *,
    averages: tuple[str, ...],
    labels_defined: LabelsDefined,
    execution: Execution = LOCAL,
) -> Iterator[GroupMeasures]:
    """Measure every group of every group column; images without a value in the column are left out.

    Parameters
    ----------
    test, options, averages, labels_defined, execution
        As in `all_labels.measure`.
    """
    for name, values in test.predictions.groups.items():
        named = values != ""
        groups = groups_in_order(values[named], test.predictions.group_orders.get(name, ()))
        for value in groups:
            inside = named & (values == value)
            measured = partial(
                measure,
                test,
                options,
                averages=averages,
                labels_defined=labels_defined,
                keep_patients=True,
                execution=execution,
            )
            of_group, of_others = measured(images=inside), measured(images=named & ~inside)
            for metric, other in zip(of_group, of_others, strict=True):
                group = _over_its_patients(metric, f"{name}={value}")
                df_patients = min(group.df_patients, other.df_patients)
                gap = None
                if len(groups) != 2 or value == groups[0]:
                    gap = _over_its_patients(_gap(metric, other, group.group), group.group)
                    gap = replace(gap, df_patients=df_patients)
                yield GroupMeasures(group, gap, _n_patients(test, inside))


def _n_patients(test: TestSet, images: np.ndarray) -> int:
    return count_patients(test.patient[images])


def _over_its_patients(metric: MetricOfRuns, group: str | None) -> MetricOfRuns:
    """The metric with its group's name; its jackknife is over the patients that it has an image of."""
    if metric.without_patient is None or metric.patients is None:
        return replace(metric, group=group, covariance=replicate_covariance(metric.replicates))
    without = of_patients(metric.without_patient, metric.patients)
    return replace(
        metric,
        group=group,
        covariance=patient_covariance(without),
        without_patient=without,
        bias=jackknife_bias(metric.metric, metric.values, without),
    )


def _gap(metric: MetricOfRuns, other: MetricOfRuns, group: str | None) -> MetricOfRuns:
    """The metric minus the other, run by run; `_over_its_patients` adds covariance."""
    absent = (f"outside {group}: {why}" if why else None for why in other.because)
    left, right = metric.without_patient, other.without_patient
    return replace(
        metric,
        values=metric.values - other.values,
        patients=metric.patients
        if metric.patients is None or other.patients is None
        else metric.patients | other.patients,
        scale=float(np.nanmax(np.abs([*metric.values, *other.values, 0.0]))),
        because=tuple(first or second for first, second in zip(metric.because, absent, strict=True)),
        covariance=np.full_like(metric.covariance, np.nan),
        one_patient_because=tuple(
            (first and f"in {group}, {first}") or (second and f"outside {group}, {second}")
            for first, second in zip_longest(metric.one_patient_because, other.one_patient_because)
        ),
        edges={
            **{f"{part} in {group}": at_edge for part, at_edge in metric.edges.items()},
            **{f"{part} outside {group}": at_edge for part, at_edge in other.edges.items()},
        },
        delong=None,
        replicates=metric.replicates - other.replicates,
        without_patient=None if left is None or right is None else left - right,
    )
