"""Choose thresholds again in every bootstrap replicate, on resampled validation patients.

In: the runs' validation predictions. Out: a threshold for each label and replicate, and the sums of calls at the
replicate's own threshold. The draws of test patients are the same as for all other metrics.

A replicate of F1 or of an operating point then varies as if you repeated the study with other validation and other test
patients; only the models stay the same. Validation patients have their own random streams and are sorted by id. Thus
the results do not depend on threads, the order of rows or other arms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from medkt_eval.compiled import njit
from medkt_eval.metrics.ranking import rank
from medkt_eval.predictions.files.parquet_columns import AnyPredictions
from medkt_eval.resampling.draws import BLOCK, LANES, for_each_block, multiplicities
from medkt_eval.resampling.strata import Strata, patient_strata
from medkt_eval.runtime.execution import LOCAL, Execution, Work

RULES = ("max_f1", "youden", "sensitivity")
MAX_F1, YOUDEN, SENSITIVITY = range(3)


@dataclass(frozen=True)
class ThresholdRefit:
    """Settings of the choice of thresholds in every replicate.

    Parameters
    ----------
    rule : str
        A rule of `thresholds.choose`, except a fixed threshold.
    replicates : int
        Number of replicates.
    seed : int
        Seed of the evaluation, as for `draws.multiplicities`.
    stratified : bool
        Whether validation patients are drawn in strata, like test patients.
    """

    rule: str
    replicates: int
    seed: int
    stratified: bool = False

    def thresholds(
        self, validations: Iterable[AnyPredictions | None], n_labels: int, *, dataset: str, execution: Execution = LOCAL
    ) -> np.ndarray:
        """Choose each label's threshold in each replicate.

        Parameters
        ----------
        validations : iterable of Predictions, PredictionFile or None
            One for each run; None if the run has no thresholds.
        n_labels : int
            Number of labels.
        dataset : str
            Name of the data set. Data sets draw independently of each other.
        execution : Execution
            Computes the replicates, in parts.

        Returns
        -------
        float64, (n_runs, n_labels, replicates)
            NaN if no validation image of the replicate is positive. For Youden's rule, also if none is negative.
        """
        none = np.full((n_labels, self.replicates), np.nan)
        works = (self._work(validation, n_labels, dataset, execution) for validation in validations)
        return np.array([np.concatenate(parts, axis=1) if parts else none for parts in execution.in_order(works)])

    def _work(
        self, validation: AnyPredictions | None, n_labels: int, dataset: str, execution: Execution
    ) -> Work[np.ndarray]:
        if validation is None:
            return Work(_choose_in, None, [])
        patient, n_patients = validation.patients()
        strata = patient_strata(validation, patient, n_patients) if self.stratified else None
        columns = [_descending(validation, k, patient, n_patients) for k in range(n_labels)]
        blocks = max(-(-self.replicates // BLOCK), 1)
        each = -(-blocks // execution.parts)
        lanes = [range(first * BLOCK, min((first + each) * BLOCK, self.replicates)) for first in range(0, blocks, each)]
        return Work(_choose_in, _Choice(self, columns, n_patients, dataset, strata, execution.threads), lanes)


_Descending = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Choice:
    """One run's validation images of each label, and the names of their random streams."""

    refit: ThresholdRefit
    columns: Sequence[_Descending]
    n_patients: int
    dataset: str
    strata: Strata | None
    threads: int | None


def _choose_in(choice: _Choice, lanes: range) -> np.ndarray:
    """Choose thresholds in some replicates. All blocks except the last are full. float64, (n_labels, n)."""
    name, _, number = choice.refit.rule.partition("=")
    sensitivity = float(number) if number else 0.0
    chosen = np.empty((len(choice.columns), len(lanes)))

    def fill(block: int) -> None:
        drawn = multiplicities(
            choice.n_patients,
            dataset=choice.dataset,
            seed=choice.refit.seed,
            block=lanes.start // BLOCK + block,
            strata=choice.strata,
            split="validation",
        )
        for values, (patient, positive, score) in zip(chosen, choice.columns, strict=True):
            block_values = values[block * BLOCK : (block + 1) * BLOCK]
            block_values[:] = _choose(drawn, patient, positive, score, RULES.index(name), sensitivity)[
                : len(block_values)
            ]

    for_each_block(fill, len(lanes), choice.threads)
    return chosen


def _descending(validation: AnyPredictions, k: int, patient: np.ndarray, n_patients: int) -> _Descending:
    """Return patient, truth and score of label k's images, the highest score first."""
    target = validation.target(k)
    labelled = ~np.isnan(target)
    score = validation.score(k)[labelled]
    ranking = rank(target[labelled], score, patient[labelled], n_patients)
    descending = score[ranking.order][::-1].astype(np.float64)
    return ranking.patient[::-1].astype(np.uint32), ranking.positive[::-1].copy(), descending


def resample_calls(
    truth: np.ndarray,
    patient: np.ndarray,
    n_patients: int,
    scores: np.ndarray,
    thresholds: np.ndarray,
    *,
    seed: int,
    dataset: str,
    strata: Strata | None = None,
    first: int = 0,
    threads: int | None = None,
) -> np.ndarray:
    """Count images, positives, calls and hits in each replicate, at the replicate's own threshold.

    Parameters
    ----------
    truth : bool, (n_images,)
        Whether each test image has the label.
    patient : int, (n_images,)
        Patient of each image, 0 to n_patients - 1.
    n_patients : int
    scores : float64, (n_runs, n_images)
    thresholds : float64, (n_runs, replicates)
        An image is called if score >= threshold. If a threshold is NaN, there are no calls.
    seed, dataset, strata, first, threads
        They define the draws of test patients, as for `bootstrap.resample_sums`.

    Returns
    -------
    float64, (n_runs, 4, replicates)
        Sums of images, positives, calls and hits. Calls and hits are NaN if the threshold is.
    """
    replicates = thresholds.shape[1]
    counts = np.empty((len(scores), 4, replicates))
    rows = patient.astype(np.uint32)
    ranks_of_runs = []
    for run, chosen in zip(
        scores, thresholds, strict=True
    ):  # compare ranks instead of scores: they are as wide as the counts
        ascending = np.unique(run)
        padded = np.full(-(-replicates // BLOCK) * BLOCK, len(ascending), dtype=np.uint32)
        padded[:replicates] = np.searchsorted(ascending, chosen)
        ranks_of_runs.append((np.searchsorted(ascending, run).astype(np.uint32), padded))

    def fill(block: int) -> None:
        drawn = multiplicities(n_patients, dataset=dataset, seed=seed, block=first // BLOCK + block, strata=strata)
        lanes = slice(block * BLOCK, (block + 1) * BLOCK)
        for values, (ranks, lowest) in zip(counts, ranks_of_runs, strict=True):
            block_values = values[:, lanes]
            block_values[:] = _call(drawn, rows, truth, ranks, lowest[lanes])[:, : block_values.shape[1]]

    for_each_block(fill, replicates, threads)
    counts[:, 2:] = np.where(np.isnan(thresholds)[:, None], np.nan, counts[:, 2:])
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def _choose(
    multiplicity: np.ndarray, patient: np.ndarray, positive: np.ndarray, score: np.ndarray, rule: int, least: float
) -> np.ndarray:
    """Choose the threshold of each lane by the rule, the lowest of equally good ones. float64, (LANES,).

    Images are in descending order of score. `least` is the smallest sensitivity for the rule of that name. Only scores
    of drawn images can be thresholds. The other two rules skip scores that no positive image has, because more calls
    without a hit are worse.
    """
    images, positives = _totals(multiplicity, patient), _totals(multiplicity, patient[positive])
    chosen = np.full(LANES, np.nan)
    best = np.full(LANES, -np.inf)
    calls = np.zeros(LANES, dtype=np.int64)
    hits = np.zeros(LANES, dtype=np.int64)
    tied = np.zeros(LANES, dtype=np.int64)  # drawn images with this score
    candidate = rule == SENSITIVITY
    for k in range(len(patient)):
        row = patient[k]
        for lane in range(LANES):
            tied[lane] += multiplicity[row, lane]
        if positive[k]:
            candidate = True
            for lane in range(LANES):
                hits[lane] += multiplicity[row, lane]
        if k + 1 < len(patient) and score[k + 1] == score[k]:
            continue
        for lane in range(LANES):
            calls[lane] += tied[lane]
        if candidate:
            for lane in range(LANES):
                merit = _merit(rule, least, hits[lane], calls[lane], positives[lane], images[lane])
                if tied[lane] and merit >= best[lane]:
                    best[lane] = merit
                    chosen[lane] = score[k]
            candidate = rule == SENSITIVITY
        tied[:] = 0
    return np.where((positives > 0) & ((rule != YOUDEN) | (positives < images)), chosen, np.nan)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _merit(rule: int, least: float, hits: int, calls: int, positives: int, images: int) -> float:
    """Return what the rule maximises. It is computed as in thresholds.py, so that equal merits are equal floats."""
    if rule == MAX_F1:
        return 2 * hits / (calls + positives)
    if rule == YOUDEN:
        return float(hits * (images - positives) - (calls - hits) * positives)
    return -float(calls) if hits / positives >= least else -np.inf  # fewest calls means the highest threshold


@njit(cache=True, nogil=True)
def _totals(multiplicity: np.ndarray, patient: np.ndarray) -> np.ndarray:
    """Count the drawn images of these patients in each lane. int64, (LANES,)."""
    totals = np.zeros(LANES, dtype=np.int64)
    for k in range(len(patient)):
        row = patient[k]
        for lane in range(LANES):
            totals[lane] += multiplicity[row, lane]
    return totals


@njit(cache=True, nogil=True)
def _call(
    multiplicity: np.ndarray, patient: np.ndarray, positive: np.ndarray, rank_of_image: np.ndarray, lowest: np.ndarray
) -> np.ndarray:
    """Count images, positives, calls and hits of each lane. float64, (4, LANES)."""
    counts = np.zeros((4, LANES), dtype=np.uint32)
    for image in range(len(patient)):
        row, score_rank = patient[image], rank_of_image[image]
        for lane in range(LANES):
            drawn = np.uint32(multiplicity[row, lane])
            counts[0, lane] += drawn
            counts[2, lane] += drawn * np.uint32(score_rank >= lowest[lane])
        if positive[image]:
            for lane in range(LANES):
                drawn = np.uint32(multiplicity[row, lane])
                counts[1, lane] += drawn
                counts[3, lane] += drawn * np.uint32(score_rank >= lowest[lane])
    return counts.astype(np.float64)
