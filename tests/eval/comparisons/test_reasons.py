"""Every reason for a null interval is true of the images: an input for each reason, and the fact it states."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.evaluation import evaluate

N, PATIENT = 24, np.repeat(np.arange(8), 3)
SEVERAL = (np.arange(N) % 2).astype(int)  # every patient has a positive image and a negative one
NONE, OF_ONE, OF_TWO = np.zeros(N, int), (PATIENT == 0).astype(int), (PATIENT < 2).astype(int)
NOISE = np.random.default_rng(1).random((2, N))


def at(truth: np.ndarray) -> np.ndarray:
    """Scores of two seeds that rank all positives first."""
    return (NOISE + truth) / 2


def patients_of(images: np.ndarray) -> int:
    return len(set(PATIENT[images]))


OR, PERCENTILE = "seeds+patients:or", "patients:bootstrap-percentile"
FEW = "fewer than two patients have a positive image, or fewer than two a negative one"
CASES = [
    # truth, scores of each seed, metric, interval, replicates, reason, the fact
    (NONE, NOISE, "brier", OR, 0, FEW, patients_of(NONE == 1) < 2),
    (OF_ONE, NOISE, "brier", "patients:jackknife", 0, FEW, patients_of(OF_ONE == 1) < 2),
    (1 - OF_ONE, NOISE, "brier", OR, 0, FEW, patients_of(OF_ONE == 1) < 2),
    (NONE, NOISE, "auc", OR, 0, "no positive image among 24", not NONE.any()),
    (1 - NONE, NOISE, "auc", OR, 0, "no negative image among 24", (1 - NONE).all()),
    (OF_ONE, NOISE, "auc", OR, 0, "all positive images are of one patient", patients_of(OF_ONE == 1) == 1),
    (1 - OF_ONE, NOISE, "auc", OR, 0, "all negative images are of one patient", patients_of(OF_ONE == 1) == 1),
    (OF_ONE, NOISE, "auc", "patients:delong", 0, "all positive images are of one patient", True),
    (OF_ONE, NOISE, "auc", PERCENTILE, 100, "all positive images are of one patient", True),
    (SEVERAL, at(OF_ONE), "ppv", OR, 0, "all images that were called are of one patient", True),
    (SEVERAL, at(1 - OF_ONE), "npv", OR, 0, "all images that were not called are of one patient", True),
    (SEVERAL, NOISE / 3, "ppv", OR, 0, "none of 24 images was called", (NOISE / 3 < 0.5).all()),
    (SEVERAL, 1 - NOISE / 3, "npv", OR, 0, "all 24 images were called", (1 - NOISE / 3 >= 0.5).all()),
    (SEVERAL, NOISE[:1], "auc", OR, 0, "one seed", len(NOISE[:1]) == 1),
    (SEVERAL, NOISE[:1], "auc", "seeds:t", 0, "one seed", len(NOISE[:1]) == 1),
    (SEVERAL, 0 * NOISE + 0.5, "auc", OR, 0, "no variation over seeds or patients to measure", True),
    (SEVERAL, 0 * NOISE + 0.5, "auc", "seeds:t", 0, "all 2 seeds gave the same value", True),
    (SEVERAL, at(SEVERAL), "auc", OR, 0, "every seed's value is at an end of its range", True),
    (SEVERAL, NOISE, "sensitivity_at_specificity", OR, 0, "too few replicates", True),
    (OF_TWO, NOISE, "sensitivity_at_specificity", OR, 100, "over 1 % are undefined", True),
    (OF_TWO, NOISE, "auc", PERCENTILE, 100, "bootstrap replicates are undefined", patients_of(OF_TWO == 1) == 2),
    (SEVERAL, NOISE, "auc", PERCENTILE, 0, "no bootstrap replicates were drawn", True),
    (SEVERAL, 1.5 * at(SEVERAL), "brier", OR, 0, "lies outside [0, 1]", (1.5 * at(SEVERAL) > 1).any()),
]


@pytest.mark.parametrize(("truth", "scores", "metric", "interval", "replicates", "reason", "fact"), CASES)
def test_the_reason_is_true_of_the_images(study, truth, scores, metric, interval, replicates, reason, fact):
    frames = [
        pd.DataFrame(
            {
                "image_id": [f"i{k:02d}" for k in range(N)],
                "patient_id": [f"p{k}" for k in PATIENT],
                "target_A": truth,
                "score_A": run,
            }
        )
        for run in scores
    ]
    result = evaluate(
        {"TL": frames},
        study=study('threshold_rule = "fixed=0.5"'),
        add=["ppv", "npv", "sensitivity_at_specificity", "patients:jackknife"],
        replicates=replicates,
        identical_runs=True,
    )
    (row,) = (
        row
        for row in result.estimates
        if (row.metric, row.label, row.interval, row.group) == (metric, "A", interval, None)
    )
    assert fact
    assert row.low is None
    assert reason in row.undefined_because


def test_a_group_of_one_patient_has_no_interval():
    frames = [
        pd.DataFrame(
            {
                "image_id": [f"i{k:02d}" for k in range(N)],
                "patient_id": [f"p{k}" for k in PATIENT],
                "group_site": np.where(PATIENT == 0, "small", "large"),
                "target_A": SEVERAL,
                "score_A": run,
            }
        )
        for run in NOISE
    ]
    result = evaluate({"TL": frames}, add=["subgroups"], replicates=0)
    (row,) = (
        r for r in result.estimates if (r.metric, r.label, r.interval, r.group) == ("brier", "macro", OR, "site=small")
    )
    assert row.value is not None
    assert "without some patient there is no brier of A" in row.undefined_because
    (gap,) = (g for g in result.gaps if (g.metric, g.label, g.arm_b) == ("brier", "macro", None))
    assert gap.p_value is None
    assert "patient" in gap.undefined_because
