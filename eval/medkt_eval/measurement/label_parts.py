"""The measurement of one label, split into parts that can be computed apart and joined again.

In: a label's images, scores and calls. Out: `Work` for an `Execution`, and from its results the `LabelMetric`s of the
label and its positive images. The values form one part. Replicates are split where their random streams begin, so the
number of parts changes no bit. Each part ranks the scores again, which takes as long as three blocks of replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medkt_eval.measurement.label_metric import Images, LabelMetric, MeasurementOptions
from medkt_eval.measurement.one_label import measure_label, positives_variants
from medkt_eval.resampling.bootstrap import BLOCK
from medkt_eval.resampling.threshold_refit import resample_calls
from medkt_eval.runtime.execution import Execution, Work

Part = tuple[np.ndarray, list[LabelMetric]]  # positive images, and metrics, in the part's variants


@dataclass(frozen=True)
class LabelData:
    """What each part of a label's measurement reads; see `one_label.measure_label`.

    Parameters
    ----------
    options : MeasurementOptions
        The options of all parts together.
    label : str
    images : Images
    scores : float64, (n_runs, n_images)
    called : sequence of (bool, (n_images,)) or None
    no_call_because : sequence of str or None
    refitted : sequence of (slice, float64 (n_runs, replicates))
        Stretches of images, and their threshold in each replicate; empty: thresholds are held fixed.
    """

    options: MeasurementOptions
    label: str
    images: Images
    scores: np.ndarray
    called: Sequence[np.ndarray | None]
    no_call_because: Sequence[str | None]
    refitted: Sequence[tuple[slice, np.ndarray]] = ()


def label_work(data: LabelData, execution: Execution) -> Work[Part]:
    """The work that measures a label, its replicates in about as many parts as the execution asks for."""
    return Work(
        _measure_part,
        replace(data, options=replace(data.options, threads=execution.threads)),
        _parts(data.options.replicates, execution.parts),
    )


def joined(parts: list[Part]) -> Part:
    """All parts of a label as one; `parts` is emptied, to free its memory."""
    if len(parts) == 1:
        return parts.pop()
    positives = np.concatenate([weights for weights, _ in parts])
    of_metrics = list(zip(*(metrics for _, metrics in parts), strict=True))
    parts.clear()
    metrics = []
    while of_metrics:
        of_parts = of_metrics.pop(0)
        variants = np.concatenate([part.variants for part in of_parts], axis=1)
        metrics.append(replace(of_parts[0], variants=variants))
    return positives, metrics


def _parts(replicates: int, n_parts: int) -> list[tuple[bool, int, int]]:
    """List for each part whether it computes values, its first replicate, and its number of replicates.

    The last part takes the replicates that do not fill a block. So no part has only one or two replicates, which numpy
    would add up in another order.
    """
    if n_parts == 1:
        return [(True, 0, replicates)]
    blocks = max(replicates // BLOCK, 1)
    starts = list(range(0, blocks * BLOCK, -(-blocks // n_parts) * BLOCK))
    ends = [*starts[1:], replicates]
    return [(True, 0, 0), *((False, start, end - start) for start, end in zip(starts, ends, strict=True) if end)]


def _measure_part(data: LabelData, part: tuple[bool, int, int]) -> Part:
    values, first, replicates = part
    options = replace(data.options, values=values, first=first, replicates=replicates)
    drawn_calls = _drawn_calls(data, options)
    metrics = measure_label(
        options, data.label, data.images, data.scores, data.called, data.no_call_because, drawn_calls
    )
    return positives_variants(data.images, options), metrics


def _drawn_calls(data: LabelData, options: MeasurementOptions) -> np.ndarray | None:
    """Sums of calls in each replicate if thresholds are chosen again in each; None: they are held fixed."""
    if not data.refitted or not options.of_kind("calls"):
        return None
    drawn = [
        resample_calls(
            data.images.truth[stretch],
            data.images.patient[stretch],
            data.images.n_patients,
            data.scores[:, stretch],
            thresholds[:, options.first : options.first + options.replicates],
            seed=options.seed,
            dataset=options.dataset,
            strata=options.strata,
            first=options.first,
            threads=options.threads,
        )
        for stretch, thresholds in data.refitted
    ]
    return np.sum(drawn, axis=0)
