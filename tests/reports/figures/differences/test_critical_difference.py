"""Demšar's diagram of the AUCs in his Table 6: ranks, connected methods and text."""

from __future__ import annotations

import numpy as np
import pytest

from medkt_eval.inference.friedman import friedman
from medkt_eval.results.schema import Omnibus
from medkt_reports.figures.differences.critical_difference import critical_difference
from medkt_reports.lookup import Lookup

# Demšar 2006, Table 6: AUC of C4.5 and three with tuned parameters on 14 data sets.
ARMS = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
TABLE_6 = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def row(level: float = 0.95, **changes) -> Omnibus:
    found = friedman(TABLE_6, level=level)
    assert found.mean_ranks is not None
    fields = {
        "test": "friedman",
        "scope": "data sets",
        "datasets": [f"set {k}" for k in range(14)],
        "arms": ARMS,
        "metric": "auc",
        "label": "macro",
        "statistic": found.statistic,
        "df1": found.df,
        "df2": None,
        "p_value": found.p_value,
        "mean_ranks": list(found.mean_ranks),
        "critical_difference": found.critical_difference,
        **changes,
    }
    return Omnibus(**fields)


def drawn(result, *rows: Omnibus):
    return critical_difference(Lookup(result.model_copy(update={"omnibus": list(rows)})), "x")


def test_arms_that_nemenyi_does_not_tell_apart_are_joined(result):
    one = drawn(result, row(0.9))
    assert one is not None
    data = one.data.set_index("arm")
    assert dict(data["mean_rank"].round(3)) == {"C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143}
    assert data["critical_difference"].iloc[0] == pytest.approx(2.291 * (4 * 5 / (6 * 14)) ** 0.5, abs=1e-3)  # his 1.12
    # section 3.2.2: at 0.10 C4.5 differs from both that tune m (1.143, 1.179), and C4.5+cf from neither
    assert data.loc["C4.5", "not_told_apart_from"] == "C4.5+cf"
    assert data.loc["C4.5+cf", "not_told_apart_from"] == "C4.5+m+cf; C4.5+m; C4.5"
    assert "Joined: from C4.5+m+cf to C4.5+cf; from C4.5+cf to C4.5." in one.alt
    bars = [sorted(map(float, line.get_xdata())) for line in one.figure.axes[0].lines if line.get_linewidth() == 3]
    assert bars == [pytest.approx([1.914, 2.943], abs=1e-3), pytest.approx([2.843, 3.193], abs=1e-3)]


def test_at_the_usual_level_all_four_are_joined_once(result):
    one = drawn(result, row(), row(metric="f1", label="weighted"), row(metric="brier"))
    assert one is not None
    assert [axes.get_title(loc="left") for axes in one.figure.axes] == ["Macro AUC", "Weighted F1"]
    assert one.alt.count("Joined: from C4.5+m+cf to C4.5.") == 2
    assert "over 14 data sets" in one.caption
    assert "Friedman p = 0.0" in one.caption


def test_few_data_sets_are_called_so_and_synthetic_ones_too(result):
    one = drawn(result, row(descriptive=True, datasets=["phantom-chest", "b", "c", "d", "e"]))
    assert one is not None
    assert "read it as a description" in one.caption
    assert "Friedman p" not in one.caption
    assert one.caption.endswith("SYNTHETIC: Phantom chest.")
    assert one.alt.startswith("SYNTHETIC: Phantom chest.")
    assert one.figure.get_suptitle() == "SYNTHETIC: Phantom chest"
    assert set(one.data["synthetic"]) == {"true"}


def test_without_ranks_there_is_no_diagram(result):
    assert drawn(result, row(mean_ranks=None, critical_difference=None, undefined_because="2 data sets")) is None
    tied = "all arms are tied on every data set"
    assert drawn(result, row(mean_ranks=[2.5] * 4, critical_difference=None, undefined_because=tied)) is None
    assert drawn(result) is None
