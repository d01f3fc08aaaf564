"""With one seed in an arm, the answer is the test of the trained models over patients, and says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval import evaluate
from medkt_reports.lookup import Lookup
from medkt_reports.prose import sentences


@pytest.fixture(scope="module")
def found():
    """Results of one seed an arm, and of one seed against two."""
    rng = np.random.default_rng(3)
    target = rng.integers(0, 2, 500)

    def frame(gain):
        ids = [f"i{k:03}" for k in range(500)]
        scores = 1 / (1 + np.exp(2 - gain * target - rng.normal(size=500)))
        return pd.DataFrame({"image_id": ids, "patient_id": ids, "target_A": target, "score_A": scores})

    one, two, three = frame(0.2), frame(3.0), frame(3.0)
    return [evaluate({"TL": [one], "AT": arm}, replicates=0) for arm in ([two], [two.copy(), three])]


@pytest.mark.parametrize("which", [0, 1])
def test_the_answer_falls_back_to_patients(found, which):
    result = found[which]
    [sentence] = sentences.answers(Lookup(result))
    delong = next(
        row for row in result.comparisons if (row.test, row.metric, row.label) == ("delong-clustered", "auc", "macro")
    )
    assert f"95 % CI {100 * delong.low:.1f} to {100 * delong.high:.1f}; patients random" in sentence.text
    assert "the trained models of AT reach" in sentence.text
    assert "one seed" in sentence.text
    assert "no measure of how sure" not in sentence.text
    assert sentence.verdict == "superior"
    assert "does not cover retraining" in sentence.limitation


def test_an_undefined_difference_stays_undefined(found):
    lookup = Lookup(found[0])
    row = next(row for row in found[0].comparisons if row.metric == "f1" and row.label == "macro")
    assert row.difference is None  # no validation predictions: no thresholds
    assert sentences.sentence(lookup, row, sentences.Margins(found[0])).verdict == "undefined"
