"""Validation predictions that are test predictions under other ids are refused; those of other images never are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate

N = 400


def table(seed, digits=4, images="t", labels=2, n=N):
    rng = np.random.default_rng([seed, labels])
    truth = np.random.default_rng([ord(images), labels]).random((n, labels)) < 0.4
    ids = {"image_id": [f"{images}{k}" for k in range(n)], "patient_id": [f"{images}{k // 2}" for k in range(n)]}
    scores = 1 / (1 + np.exp(0.5 - truth - rng.normal(size=(n, labels))))
    columns = {f"target_{k}": truth[:, k].astype(int) for k in range(labels)}
    return pd.DataFrame(ids | columns | {f"score_{k}": scores[:, k].round(digits) for k in range(labels)})


def copy(frame):
    return frame.assign(image_id="v" + frame["image_id"], patient_id="v" + frame["patient_id"])


COPIES = {
    "two digits": (2, lambda s: copy(table(s, 2))),
    "one image left out": (4, lambda s: copy(table(s)).iloc[1:]),
    "seeds swapped": (4, lambda s: copy(table(1 - s))),
    "images of others besides": (4, lambda s: pd.concat([copy(table(s)), table(s + 9, images="w")[:200]])),
    "a twentieth changed": (
        4,
        lambda s: copy(table(s)).assign(score_0=lambda d: d["score_0"].where(d.index > 20, 0.5)),
    ),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_refused(name):
    digits, validation = COPIES[name]
    with pytest.raises(InputError, match=r"validation table [01]: scores and targets are those of the test images"):
        evaluate(
            {"TL": [table(s, digits) for s in (0, 1)]}, validation={"TL": [validation(s) for s in (0, 1)]}, replicates=0
        )


@pytest.mark.parametrize("labels", [1, 3])
@pytest.mark.parametrize("digits", [0, 1, 2])
@pytest.mark.parametrize("n", [20, N, 5000])
def test_other_images_are_accepted_however_few_values_scores_take(digits, labels, n):
    for seed in range(3):
        test, other = table(seed, digits, "t", labels, n), table(seed + 50, digits, "u", labels, n)
        assert evaluate({"TL": [test]}, validation={"TL": [other]}, replicates=0).runs
