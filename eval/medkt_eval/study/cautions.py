"""What a reader must know before any number: scores that are no probabilities or only calls, and images left out.

In: the test sets. Out: sentences that begin with `CAUTION`, which the terminal and the report print first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medkt_eval.measurement.test_sets import TestSet

CAUTION = "Caution: "
SHOWN = 4  # columns or runs that a sentence lists


def cautions(tests: Sequence[TestSet]) -> list[str]:
    """Sentences for the top of the notes.

    Parameters
    ----------
    tests : sequence of TestSet
    """
    return [CAUTION + text for test in tests for text in _of(test)]


def _of(test: TestSet) -> list[str]:
    return [*_left_out(test), *_other_scales(test), *_two_scales(test), *_calls(test)]


def _left_out(test: TestSet) -> list[str]:
    if not test.left_out:
        return []
    dropped = [f"{each.n_left_out} of {each.n_images} images of {each.run}" for each in test.left_out]
    return [
        f"{test.dataset}: only the {test.n_images} test images that all {len(test.runs)} runs have are evaluated "
        f"(--shared-images). Left out: {_listed(dropped)}. If the images that a run lacks are harder or easier than "
        "others, every number here is biased"
    ]


def _other_scales(test: TestSet) -> list[str]:
    found = [(source, repair.example) for source, repair in test.repairs if repair.kind == "scale"]
    if not found:
        return []
    files = len({source for source, _ in found})
    examples = _listed([example for source, example in found if source == found[0][0]])
    return [
        f"{test.dataset}: scores are no probabilities in {files} table(s) (first: {examples}). Brier score, "
        "calibration and net benefit are not computed from them, and thresholds need validation scores of the same "
        "scale. Write probabilities: the sigmoid of logits, or percentages divided by 100"
    ]


def _two_scales(test: TestSet) -> list[str]:
    found = [f"{source}: {repair.example}" for source, repair in test.repairs if repair.kind == "two scales"]
    if not found:
        return []
    return [
        f"{test.dataset}: validation and test scores may be of two scales: {_listed(found)}. A threshold is of one "
        "scale. If one file holds probabilities and the other does not, write both as probabilities"
    ]


def _calls(test: TestSet) -> list[str]:
    found = []
    for k, label in enumerate(test.labels):
        scores = test.scores_of(k)
        binary = ((scores == 0) | (scores == 1)).all(axis=1) & (np.ptp(scores, axis=1) == 1)
        found += [f"{label} in {test.runs[run]}" for run in np.flatnonzero(binary)]
    if not found:
        return []
    return [
        f"{test.dataset}: scores are only 0 and 1: {_listed(found)}. If they are calls at a threshold, AUC and average "
        "precision are those of the calls, not of the model. Give the scores that the calls were made from"
    ]


def _listed(texts: Sequence[str]) -> str:
    more = "" if len(texts) <= SHOWN else f"; and {len(texts) - SHOWN} more"
    return "; ".join(texts[:SHOWN]) + more
