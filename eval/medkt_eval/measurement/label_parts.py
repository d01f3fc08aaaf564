"""The measures of one label in parts that may be computed apart, and joined.

In: a label's images, scores and calls. Out: `Work` for an `Execution`; from its results, the label's `LabelMetric`s and
its positive images. The values, with what goes with them, are one part; replicates are split where their random streams
begin, so the split changes no bit. Each part ranks the scores anew, which takes the time of three blocks of replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medkt_eval.measurement.one_label import Images, LabelMetric, MeasurementOptions, measure_label, positives_variants
from medkt_eval.resampling.draws import BLOCK
from medkt_eval.resampling.threshold_refit import resample_calls
from medkt_eval.runtime.execution import Execution, Work

Part = tuple[np.ndarray, list[LabelMetric]]  # positive images, and metrics, in the part's variants


@dataclass(frozen=True)
class LabelData:
    """What each part of a label's measures is made of; see `label_measures.measure_label`.

    Parameters
    ----------
    asked : MeasurementOptions
        Of the whole.
    label : str
    images : Images
    scores : float64, (n_runs, n_images)
    called, no_call_because
    refitted : sequence of (slice, float64 (n_runs, replicates))
        Stretches of images, and their threshold in each replicate; empty: thresholds are held fixed.
    """

    asked: MeasurementOptions
    label: str
    images: Images
    scores: np.ndarray
    called: Sequence[np.ndarray | None]
    no_call_because: Sequence[str | None]
    refitted: Sequence[tuple[slice, np.ndarray]] = ()


def label_work(data: LabelData, execution: Execution) -> Work[Part]:
    """A label's measures, their replicates in about as many parts as the place wants."""
    return Work(
        _measure_part,
        replace(data, asked=replace(data.asked, threads=execution.threads)),
        _parts(data.asked.replicates, execution.parts),
    )


def joined(parts: list[Part]) -> Part:
    """The whole; its parts are let go."""
    if len(parts) == 1:
        return parts.pop()
    positives = np.concatenate([weights for weights, _ in parts])
    of_metrics = list(zip(*(found for _, found in parts), strict=True))
    parts.clear()
    found = []
    while of_metrics:
        same = of_metrics.pop(0)
        found.append(replace(same[0], variants=np.concatenate([one.variants for one in same], axis=1)))
    return positives, found


def _parts(replicates: int, wanted: int) -> list[tuple[bool, int, int]]:
    """Whether values are wanted, the first replicate, their number; the last part takes what is less than a block.

    So no part has but one or two replicates: numpy adds columns that are so short in another order.
    """
    if wanted == 1:
        return [(True, 0, replicates)]
    blocks = max(replicates // BLOCK, 1)
    starts = list(range(0, blocks * BLOCK, -(-blocks // wanted) * BLOCK))
    ends = [*starts[1:], replicates]
    return [(True, 0, 0), *((False, start, end - start) for start, end in zip(starts, ends, strict=True) if end)]


def _measure_part(data: LabelData, part: tuple[bool, int, int]) -> Part:
    values, first, replicates = part
    asked = replace(data.asked, values=values, first=first, replicates=replicates)
    found = measure_label(
        asked, data.label, data.images, data.scores, data.called, data.no_call_because, _drawn_calls(data, asked)
    )
    return positives_variants(data.images, asked), found


def _drawn_calls(data: LabelData, asked: MeasurementOptions) -> np.ndarray | None:
    """Sums of calls in each replicate, where thresholds are chosen again; None: they are not."""
    if not data.refitted or not asked.of_calls:
        return None
    drawn = [
        resample_calls(
            data.images.truth[stretch],
            data.images.patient[stretch],
            data.images.n_patients,
            data.scores[:, stretch],
            thresholds[:, asked.first : asked.first + asked.replicates],
            seed=asked.seed,
            dataset=asked.dataset,
            strata=asked.strata,
            first=asked.first,
            threads=asked.threads,
        )
        for stretch, thresholds in data.refitted
    ]
    return np.sum(drawn, axis=0)
