"""Average precision and its exact patient jackknife.

In: `Ranking`, one label's images in the order of one run's scores. Out: average precision, with all patients and
without each.

For a positive image x, TP(x) positive images and N(x) images of any kind score at least as high as x. Average precision
is the mean of TP(x)/N(x) over the m positives. It equals scikit-learn's sum over thresholds, with one term for each
positive.
"""

from __future__ import annotations

import numpy as np

from medkt_eval.compiled import njit
from medkt_eval.metrics.ranking import Ranking


def average_precision(ranking: Ranking) -> float:
    """Average precision of one run on one label; NaN without a positive.

    Parameters
    ----------
    ranking : Ranking

    Notes
    -----
    scikit-learn: `average_precision_score(positive, scores)`, which returns 0 without a positive.

    Examples
    --------
    >>> from medkt_eval.metrics.ranking import rank
    >>> average_precision(rank(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), np.arange(4), 4)).__round__(6)
    0.833333
    """
    if ranking.n_positive == 0:
        return float("nan")
    hits, images, _ = _at_or_above(ranking.positive, ranking.ends_tie)
    return float((hits / images)[ranking.positive[::-1]].mean())


def average_precision_without_each_patient(ranking: Ranking) -> np.ndarray:
    """Average precision with one patient left out, for every patient, exact.

    Parameters
    ----------
    ranking : Ranking

    Returns
    -------
    float64, (n_patients,)
        NaN where no positive is left; all images' value for a patient without images.

    Notes
    -----
    Without a patient who has a positives and b images at or above x, TP(x)/N(x) becomes (TP(x) - a)/(N(x) - b). Between
    two neighbouring images of the patient, a and b are constant. Prefix sums of TP/(N - b) and 1/(N - b) over the
    positives, a pair for each b, then give the sum over all positives there at once. The patient's own positives are
    subtracted. With N images and m positives, this takes O(N + m sqrt(N)) steps and O(N) memory.
    """
    return _without_each(ranking.positive, ranking.patient, ranking.ends_tie, ranking.n_patients)


@njit(cache=True, nogil=True)
def _at_or_above(positive, ends_tie):
    """For each image, in descending order of score: positives and images that score at least as high; positives higher.

    Returns
    -------
    int64, (n_images,), three times
    """
    n_images = len(positive)
    hits, images, higher = np.empty(n_images, np.int64), np.empty(n_images, np.int64), np.empty(n_images, np.int64)
    start = positives = 0
    for end in range(n_images):
        positives += positive[n_images - 1 - end]
        if end + 1 == n_images or ends_tie[n_images - 2 - end]:
            hits[start : end + 1] = positives
            images[start : end + 1] = end + 1
            higher[start : end + 1] = 0 if start == 0 else hits[start - 1]
            start = end + 1
    return hits, images, higher


@njit(cache=True, nogil=True)
def _without_each(positive, patient, ends_tie, n_patients):
    hits, images, higher = _at_or_above(positive, ends_tie)
    positive, patient = positive[::-1], patient[::-1]
    tp, n = hits[positive], images[positive]  # of each positive, in descending order of score
    m = len(tp)
    own, first = _by_patient(patient, n_patients)
    total = np.zeros(n_patients)  # sum over the positives that are left of their precision
    a = np.zeros(n_patients, np.int64)  # positives among each patient's first b images
    with_tp, alone = np.zeros(m + 1), np.zeros(m + 1)  # prefix sums of TP/(N - b) and of 1/(N - b)
    active = np.arange(n_patients)  # patients with b images or more
    b = 0
    while len(active):
        few = len(active) <= b  # then a loop over each patient's positives is cheaper; m sqrt(N) bounds both costs
        if not few:
            for x in range(m):
                share = 1 / (n[x] - b) if n[x] > b else 0.0  # N = b: the patient's own images and no others
                with_tp[x + 1] = with_tp[x] + tp[x] * share
                alone[x + 1] = alone[x] + share
        n_active = 0
        for i in active:
            following = first[i] + b  # index into `own` of the image that ends this stretch
            has_more = following < first[i + 1]
            begin = higher[own[following - 1]] if b else 0
            end = higher[own[following]] if has_more else m
            if few:
                for x in range(begin, end):
                    if n[x] > b:
                        total[i] += (tp[x] - a[i]) / (n[x] - b)
            else:
                total[i] += with_tp[end] - with_tp[begin] - a[i] * (alone[end] - alone[begin])
            if has_more:
                a[i] += positive[own[following]]
                active[n_active] = i
                n_active += 1
        active = active[:n_active]
        b += 1
    for i in range(n_patients):
        of_patient = own[first[i] : first[i + 1]]
        total[i] -= _own_share(positive[of_patient], hits[of_patient], images[of_patient])
        total[i] = total[i] / (m - a[i]) if m > a[i] else np.nan
    return total


@njit(cache=True, nogil=True)
def _own_share(positive, hits, images):
    """What the positives of one patient have added to the sum; the arguments hold that patient's images."""
    share = 0.0
    a = tied = 0
    for k in range(len(positive)):
        a += positive[k]
        tied += positive[k]
        if k + 1 == len(positive) or images[k + 1] != images[k]:
            if images[k] > k + 1:
                share += tied * (hits[k] - a) / (images[k] - k - 1)
            tied = 0
    return share


@njit(cache=True, nogil=True)
def _by_patient(patient, n_patients):
    """Indices of the images, patient by patient and each patient's in order; index of each patient's first one."""
    first = np.zeros(n_patients + 1, np.int64)
    for i in patient:
        first[i + 1] += 1
    first = np.cumsum(first)
    free = first.copy()
    images = np.empty(len(patient), np.int64)
    for k, i in enumerate(patient):
        images[free[i]] = k
        free[i] += 1
    return images, first
