"""The studentised patient bootstrap of AUC: each replicate of a difference is divided by its own standard error.

In: rankings of every label and run, and weights of the runs (an arm's mean, a difference). Out: `Studentized`: values
and standard errors on the data and in each replicate, for each label, macro and weighted. It exists only for AUC, whose
patients' influences have a closed form in every replicate. Efron & Tibshirani 1993, chapter 12.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medkt_eval.compiled import njit
from medkt_eval.metrics.ranking import Ranking
from medkt_eval.resampling.draws import LANES, multiplicities
from medkt_eval.runtime.execution import LOCAL, Execution, Work


@dataclass(frozen=True)
class Studentized:
    """Weighted sums of runs' AUCs, with their standard errors.

    Parameters
    ----------
    values, ses : float64, (n_sums, 1 + replicates)
        On the data, then in each replicate; NaN where a label is left with one class.
    """

    values: np.ndarray
    ses: np.ndarray


def studentized_auc(
    rankings: Sequence[Sequence[Ranking]],
    weights: np.ndarray,
    *,
    replicates: int,
    seed: int,
    dataset: str,
    execution: Execution = LOCAL,
) -> list[Studentized]:
    """Compute weighted sums of runs' AUCs and their standard errors, in every replicate.

    Parameters
    ----------
    rankings : sequence (labels) of sequence (runs) of Ranking
        All over the same patients.
    weights : float64, (n_sums, n_runs)
        Weights of the runs in each sum.
    replicates : int
        Number of replicates.
    seed, dataset
        As in `draws.multiplicities`, which draws the patients.
    execution : Execution
        It computes the replicates.

    Returns
    -------
    list of Studentized
        One for each label, then macro, then weighted by the number of positives.
    """
    # The empty range is the data themselves.
    parts = [range(0), *(range(first, min(first + LANES, replicates)) for first in range(0, replicates, LANES))]
    data = rankings, weights, {"seed": seed, "dataset": dataset}
    (blocks,) = execution.in_order([Work(_one_block, data, parts)])
    values, ses = np.concatenate(blocks, axis=-1)
    return [Studentized(of_label, se) for of_label, se in zip(values, ses, strict=True)]


def _one_block(data: tuple[Sequence[Sequence[Ranking]], np.ndarray, dict[str, Any]], lanes: range) -> np.ndarray:
    """Values and standard errors in one block's replicates, or on the data: float64, (2, n_labels + 2, n_sums, n)."""
    rankings, weights, stream = data
    n_patients = rankings[0][0].n_patients
    if not lanes:
        return np.array(_one_replicate(rankings, weights, np.ones(n_patients, dtype=np.int64)))[..., None]
    drawn = multiplicities(n_patients, block=lanes.start // LANES, **stream)
    each = [_one_replicate(rankings, weights, drawn[:, k % LANES].astype(np.int64)) for k in lanes]
    return np.moveaxis(np.array(each), 0, -1)


def _one_replicate(
    rankings: Sequence[Sequence[Ranking]], weights: np.ndarray, drawn: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard errors of every label and both averages, float64, (n_labels + 2, n_sums)."""
    n_runs, n_patients = len(rankings[0]), len(drawn)
    n_drawn = int(drawn.sum())
    label_aucs, label_errors, label_sizes = [], [], []
    macro, weighted = np.zeros((n_runs, n_patients)), np.zeros((n_runs, n_patients))
    own = np.zeros(n_patients)
    for runs in rankings:
        auc, influence = np.empty(n_runs), np.empty((n_runs, n_patients))
        for j, ranking in enumerate(runs):
            auc[j] = _influences(ranking.positive, ranking.patient, ranking.ends_tie, drawn, influence[j])
        first = runs[0]
        positives = np.bincount(first.patient[first.positive], minlength=n_patients).astype(np.float64)
        m = float(positives @ drawn)
        label_aucs.append(auc)
        label_errors.append(_standard_errors(_weighed(weights, influence), drawn, n_drawn))
        label_sizes.append(m)
        macro += influence / len(rankings)
        weighted += m * influence + positives * auc[:, None]
        own += positives
    aucs, sizes = np.array(label_aucs), np.array(label_sizes)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (sizes[:, None] * aucs).sum(axis=0) / sizes.sum()
        weighted = (weighted - own * mean[:, None]) / sizes.sum()
    values = _weighed(weights, np.array([*label_aucs, aucs.mean(axis=0), mean]).T).T
    averages = [_standard_errors(_weighed(weights, influence), drawn, n_drawn) for influence in (macro, weighted)]
    return values, np.array([*label_errors, *averages])


def _standard_errors(influence: np.ndarray, drawn: np.ndarray, n_drawn: int) -> np.ndarray:
    return np.sqrt(n_drawn / (n_drawn - 1) * (influence**2 * drawn).sum(axis=1))


@njit(cache=True, nogil=True)
def _influences(positive, patient, ends_tie, drawn, influence):
    """AUC of the drawn patients; writes the influence of one copy of each patient. NaN if a class is missing."""
    n = len(positive)
    m_total, n_total = 0, 0
    for i in range(n):
        if positive[i]:
            m_total += drawn[patient[i]]
        else:
            n_total += drawn[patient[i]]
    if m_total == 0 or n_total == 0:
        influence[:] = np.nan
        return np.nan
    influence[:] = 0.0
    wins, positives_below, negatives_below, start = 0.0, 0, 0, 0
    for i in range(n):
        if not ends_tie[i]:
            continue
        m_tied, n_tied = 0, 0
        for k in range(start, i + 1):
            if positive[k]:
                m_tied += drawn[patient[k]]
            else:
                n_tied += drawn[patient[k]]
        v10 = (negatives_below + n_tied / 2) / n_total
        v01 = (m_total - positives_below - m_tied / 2) / m_total
        wins += m_tied * v10
        for k in range(start, i + 1):
            influence[patient[k]] += v10 / m_total if positive[k] else v01 / n_total
        positives_below += m_tied
        negatives_below += n_tied
        start = i + 1
    auc = wins / m_total
    for i in range(n):
        influence[patient[i]] -= auc / m_total if positive[i] else auc / n_total
    return auc


@njit(cache=True, nogil=True)
def _weighed(weights, of_runs):
    """Weighted sums over runs, float64, (n_sums, n); not by BLAS, so that bits do not depend on the other runs."""
    sums = np.zeros((len(weights), of_runs.shape[1]))
    for k in range(len(weights)):
        for j in range(len(of_runs)):
            if weights[k, j] != 0:
                for i in range(of_runs.shape[1]):
                    sums[k, i] += weights[k, j] * of_runs[j, i]
    return sums
