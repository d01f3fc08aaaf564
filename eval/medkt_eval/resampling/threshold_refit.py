"""Thresholds chosen again in every bootstrap replicate, on resampled validation patients.

In: the runs' validation predictions. Out: a threshold for each label and replicate, and in each replicate the sums of
calls at its own threshold, over the same draws of test patients as everywhere else.

A replicate of F1 or of an operating point then varies as if you repeated the study with other validation and other test
patients; only the models are held fixed. Validation patients have their own random streams and are sorted by id, so
threads, order of rows and other arms change no bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from medkt_eval.metrics.ranking import rank
from medkt_eval.predictions.parquet_columns import AnyPredictions
from medkt_eval.resampling.draws import BLOCK, LANES, for_each_block, multiplicities
from medkt_eval.resampling.strata import Strata, patient_strata
from medkt_eval.runtime.execution import LOCAL, Execution, Work

RULES = ("max_f1", "youden", "sensitivity")
MAX_F1, YOUDEN, SENSITIVITY = range(3)


@dataclass(frozen=True)
class ThresholdRefit:
    """How thresholds are chosen again in every replicate.

    Parameters
    ----------
    rule : str
        Rule of `thresholds.choose` other than a fixed threshold.
    replicates : int
        Number of replicates.
    seed : int
        Seed of the evaluation: see `draws.multiplicities`.
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
            One for each run; None: the run has no thresholds.
        n_labels : int
            Number of labels.
        dataset : str
            Name of the data set. Data sets draw independently of each other.
        execution : Execution
            Where replicates are computed, in parts.

        Returns
        -------
        float64, (n_runs, n_labels, replicates)
            NaN if the replicate's validation images have no positive one (for Youden's rule: only one class).
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
    """Thresholds in some replicates, all in full blocks except the last: float64, (n_labels, n)."""
    name, _, number = choice.refit.rule.partition("=")
    sensitivity = float(number) if number else 0.0
    found = np.empty((len(choice.columns), len(lanes)))

    def fill(block: int) -> None:
        drawn = multiplicities(
            choice.n_patients,
            dataset=choice.dataset,
            seed=choice.refit.seed,
            block=lanes.start // BLOCK + block,
            strata=choice.strata,
            split="validation",
        )
        for values, (whose, positive, score) in zip(found, choice.columns, strict=True):
            here = values[block * BLOCK : (block + 1) * BLOCK]
            here[:] = _choose(drawn, whose, positive, score, RULES.index(name), sensitivity)[: len(here)]

    for_each_block(fill, len(lanes), choice.threads)
    return found


def _descending(validation: AnyPredictions, k: int, patient: np.ndarray, n_patients: int) -> _Descending:
    """Patient, truth and score of label k's images, the highest score first."""
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
    """Images, positives, calls and hits in each replicate, called at the replicate's own threshold.

    Parameters
    ----------
    truth : bool, (n_images,)
        Of one label's test images.
    patient : int, (n_images,)
        0 to n_patients - 1.
    n_patients : int
    scores : float64, (n_runs, n_images)
    thresholds : float64, (n_runs, replicates)
        Called is score >= threshold; NaN: no call exists.
    seed, dataset, strata, first, threads
        Of the test patients' draws, which are those of `resampling.resample_sums`.

    Returns
    -------
    float64, (n_runs, 4, replicates)
        In the order of `sums.CALLS`; calls and hits are NaN where the threshold is.
    """
    replicates = thresholds.shape[1]
    found = np.empty((len(scores), 4, replicates))
    rows = patient.astype(np.uint32)
    places = []
    for run, chosen in zip(scores, thresholds, strict=True):  # compared by rank: integers as wide as the counts
        ascending = np.unique(run)
        padded = np.full(-(-replicates // BLOCK) * BLOCK, len(ascending), dtype=np.uint32)
        padded[:replicates] = np.searchsorted(ascending, chosen)
        places.append((np.searchsorted(ascending, run).astype(np.uint32), padded))

    def fill(block: int) -> None:
        drawn = multiplicities(n_patients, dataset=dataset, seed=seed, block=first // BLOCK + block, strata=strata)
        lanes = slice(block * BLOCK, (block + 1) * BLOCK)
        for values, (place, lowest) in zip(found, places, strict=True):
            here = values[:, lanes]
            here[:] = _call(drawn, rows, truth, place, lowest[lanes])[:, : here.shape[1]]

    for_each_block(fill, replicates, threads)
    found[:, 2:] = np.where(np.isnan(thresholds)[:, None], np.nan, found[:, 2:])
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _choose(
    multiplicity: np.ndarray, patient: np.ndarray, positive: np.ndarray, score: np.ndarray, rule: int, least: float
) -> np.ndarray:
    """Threshold of each lane by the rule, of equally good ones the lowest: float64, (LANES,).

    Images in descending order of score; `least` is the sensitivity of that rule. Only scores of drawn images are
    thresholds. With the other two rules a score that no positive image has is passed over: more calls without a hit
    are worse.
    """
    images, positives = _totals(multiplicity, patient), _totals(multiplicity, patient[positive])
    chosen = np.full(LANES, np.nan)
    best = np.full(LANES, -np.inf)
    calls = np.zeros(LANES, dtype=np.int64)
    hits = np.zeros(LANES, dtype=np.int64)
    tied = np.zeros(LANES, dtype=np.int64)  # drawn images of this score
    worth_a_look = rule == SENSITIVITY
    for k in range(len(patient)):
        row = patient[k]
        for lane in range(LANES):
            tied[lane] += multiplicity[row, lane]
        if positive[k]:
            worth_a_look = True
            for lane in range(LANES):
                hits[lane] += multiplicity[row, lane]
        if k + 1 < len(patient) and score[k + 1] == score[k]:
            continue
        for lane in range(LANES):
            calls[lane] += tied[lane]
        if worth_a_look:
            for lane in range(LANES):
                merit = _merit(rule, least, hits[lane], calls[lane], positives[lane], images[lane])
                if tied[lane] and merit >= best[lane]:
                    best[lane] = merit
                    chosen[lane] = score[k]
            worth_a_look = rule == SENSITIVITY
        tied[:] = 0
    return np.where((positives > 0) & ((rule != YOUDEN) | (positives < images)), chosen, np.nan)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _merit(rule: int, least: float, hits: int, calls: int, positives: int, images: int) -> float:
    """What the rule makes largest, computed as thresholds.py does: equal merits are equal floats."""
    if rule == MAX_F1:
        return 2 * hits / (calls + positives)
    if rule == YOUDEN:
        return float(hits * (images - positives) - (calls - hits) * positives)
    return -float(calls) if hits / positives >= least else -np.inf  # the highest threshold calls fewest


@njit(cache=True, nogil=True)
def _totals(multiplicity: np.ndarray, patient: np.ndarray) -> np.ndarray:
    """Drawn images of these patients in each lane: int64, (LANES,)."""
    found = np.zeros(LANES, dtype=np.int64)
    for k in range(len(patient)):
        row = patient[k]
        for lane in range(LANES):
            found[lane] += multiplicity[row, lane]
    return found


@njit(cache=True, nogil=True)
def _call(
    multiplicity: np.ndarray, patient: np.ndarray, positive: np.ndarray, place: np.ndarray, lowest: np.ndarray
) -> np.ndarray:
    """Images, positives, calls and hits of each lane: float64, (4, LANES)."""
    counts = np.zeros((4, LANES), dtype=np.uint32)
    for image in range(len(patient)):
        row, here = patient[image], place[image]
        for lane in range(LANES):
            drawn = np.uint32(multiplicity[row, lane])
            counts[0, lane] += drawn
            counts[2, lane] += drawn * np.uint32(here >= lowest[lane])
        if positive[image]:
            for lane in range(LANES):
                drawn = np.uint32(multiplicity[row, lane])
                counts[1, lane] += drawn
                counts[3, lane] += drawn * np.uint32(here >= lowest[lane])
    return counts.astype(np.float64)
