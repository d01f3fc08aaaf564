"""Metrics, paired differences and gaps by the groups that prediction files name: columns `group_<name>`.

In: a `TestSet`. Out: `MetricOfRuns`s on each group's images, and of the gap between a group and all other images.
"Is the method as good for women as for men, and does it widen the gap?": Seyyed-Kalantari et al. 2021, PSB 26:232.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from medkt_eval.inference.obuchowski_rockette import patient_covariance
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.label_averages import LabelsDefined
from medkt_eval.measurement.metric_of_runs import MetricOfRuns, replicate_covariance
from medkt_eval.measurement.one_label import MeasurementOptions, count_patients
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.runtime.execution import LOCAL, Execution


@dataclass(frozen=True)
class GroupMeasures:
    """One metric on a group's images, and the gap: the same less the metric on all other images that name a group.

    Of two groups the first alone has a gap: the second's is the same but for its sign.
    """

    group: MetricOfRuns
    gap: MetricOfRuns | None
    n_patients: int  # with an image in the group


def measure_subgroups(
    test: TestSet,
    asked: MeasurementOptions,
    *,
    averages: tuple[str, ...],
    labels_defined: LabelsDefined,
    execution: Execution = LOCAL,
) -> Iterator[GroupMeasures]:
    """Measure every group of every group column; images without a value in it are left out.

    Parameters
    ----------
    test, asked, averages, labels_defined, execution
        As `measures.measure`.
    """
    for name, values in test.predictions.groups.items():
        named = values != ""
        groups = np.unique(values[named].astype(str))
        for value in groups:
            inside = named & (values == value)
            measured = partial(
                measure,
                test,
                asked,
                averages=averages,
                labels_defined=labels_defined,
                keep_patients=True,
                execution=execution,
            )
            mine, others = measured(images=inside), measured(images=named & ~inside)
            for one, rest in zip(mine, others, strict=True):
                group = _among(one, test, inside, f"{name}={value}")
                df_patients = min(group.df_patients, rest.df_patients, _n_patients(test, named & ~inside) - 1.0)
                gap = None
                if len(groups) != 2 or value == groups[0]:
                    gap = _among(_gap(one, rest, group.group), test, named, group.group)
                    gap = replace(gap, df_patients=df_patients)
                yield GroupMeasures(group, gap, _n_patients(test, inside))


def _n_patients(test: TestSet, images: np.ndarray) -> int:
    return count_patients(test.patient[images])


def _among(one: MetricOfRuns, test: TestSet, images: np.ndarray, group: str | None) -> MetricOfRuns:
    """Named, its jackknife and degrees of freedom over the patients who have one of the images."""
    df_patients = min(one.df_patients, _n_patients(test, images) - 1.0)
    if one.without_patient is None:
        return replace(one, group=group, df_patients=df_patients, covariance=replicate_covariance(one.replicates))
    without = one.without_patient[:, np.unique(test.patient[images])]
    covariance = patient_covariance(without)
    return replace(one, group=group, df_patients=df_patients, covariance=covariance, without_patient=without)


def _gap(one: MetricOfRuns, rest: MetricOfRuns, group: str | None) -> MetricOfRuns:
    """One less the rest, run by run; patients may have images in both. Its covariance is `_among`'s to make."""
    absent = (f"outside {group}: {why}" if why else None for why in rest.because)
    left, right = one.without_patient, rest.without_patient
    return replace(
        one,
        values=one.values - rest.values,
        because=tuple(first or second for first, second in zip(one.because, absent, strict=True)),
        covariance=np.full_like(one.covariance, np.nan),
        delong=None,
        replicates=one.replicates - rest.replicates,
        without_patient=None if left is None or right is None else left - right,
    )
