"""The recipes of an interval and of a test over seeds, carried out together on two arms of three seeds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

SEEDS = (0, 1, 2)


def write_predictions(folder: Path) -> dict[str, list[float]]:
    """Prediction files of two arms; returns the AUC of each seed."""
    truth = np.random.default_rng(5).random(60) < 0.5
    aucs: dict[str, list[float]] = {"TL": [], "AT": []}
    for arm, skill in (("TL", 0.7), ("AT", 1.1)):
        for seed in SEEDS:
            scores = skill * truth + np.random.default_rng([seed, len(aucs["TL"])]).normal(size=60)
            frame = pd.DataFrame(
                {
                    "image_id": [f"i{k:02d}" for k in range(60)],
                    "patient_id": [f"p{k // 2:02d}" for k in range(60)],
                    "target_Edema": truth.astype(int),
                    "score_Edema": 1 / (1 + np.exp(-scores)),
                }
            )
            frame.to_csv(folder / f"{arm}_s{seed}.csv", index=False)
            aucs[arm].append(float(roc_auc_score(frame["target_Edema"], frame["score_Edema"])))
    return aucs


def test_a_new_interval_and_a_new_test_are_in_options_results_and_report(copy, tmp_path: Path):
    copy.follow("Add an interval")
    copy.follow("Add a test")
    aucs = write_predictions(tmp_path)
    arms = ["--arm", "TL=TL_s*.csv", "--arm", "AT=AT_s*.csv"]
    added = ["--add", "seeds:t-logit", "--add", "kolmogorov-smirnov"]
    copy.run("-m", "medkt", "evaluate", *arms, *added, "--replicates", "100", "--out", "out", cwd=tmp_path)
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))

    names = {arm["arm"]: arm["name"] for arm in results["arms"]}
    rows = [row for row in results["estimates"] if row["metric"] == "auc" and row["label"] == "Edema"]
    intervals = {names[row["arm"]]: row for row in rows if row["interval"] == "seeds:t-logit"}
    for arm, values in aucs.items():
        logits = np.log(np.array(values) / (1 - np.array(values)))
        limits = stats.t.interval(0.95, 2, logits.mean(), stats.sem(logits))
        expected = [float(1 / (1 + np.exp(-limit))) for limit in limits]
        assert [intervals[arm]["low"], intervals[arm]["high"]] == pytest.approx(expected, rel=1e-9)

    rows = [row for row in results["comparisons"] if row["metric"] == "auc" and row["label"] == "Edema"]
    (row,) = [row for row in rows if row["test"] == "kolmogorov-smirnov"]
    assert row["p_value"] == pytest.approx(stats.ks_2samp(aucs["AT"], aucs["TL"], method="exact").pvalue)
    assert row["scope"] == "seeds"

    page = (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Student&#39;s t over seeds on the logit scale" in page
    assert "Kolmogorov–Smirnov" in (tmp_path / "out" / "report" / "tables" / "companions.csv").read_text("utf-8")
