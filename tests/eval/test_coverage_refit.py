"""Cells of the coverage study in which thresholds are chosen on validation patients: truth, and what is counted."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from benchmarks.coverage_study import further_cells
from benchmarks.coverage_study.further_cells import RefitCell, read_further
from benchmarks.coverage_study.procedures import analyse_further

CELL = read_further()["F1, 100 validation patients"]


def best_f1(cell: RefitCell) -> float:
    """The largest F1 of any threshold, on infinitely many images."""
    separation, prevalence = float(cell.separation[0, 0]), cell.prevalence[0]

    def loss(threshold: float) -> float:
        hits, false_calls = stats.norm.sf(threshold - separation), stats.norm.sf(threshold)
        return -2 * prevalence * hits / (prevalence * (1 + hits) + (1 - prevalence) * false_calls)

    return -float(optimize.minimize_scalar(loss, bounds=(-1, 4), method="bounded").fun)


def test_a_chosen_threshold_loses_less_the_more_validation_patients_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(further_cells, "CHOICES", 60)
    few, many = (replace(CELL, validation_patients=n).truth.mean() for n in (50, 3000))
    assert few < many - 0.005
    assert best_f1(CELL) - 0.002 < many < best_f1(CELL)


def test_refitted_limits_have_the_width_of_thresholds_that_vary() -> None:
    outcomes = [one for number in range(40) for one in analyse_further(CELL, number)]
    width = {
        name: np.mean([one.width for one in outcomes if (one.of, one.name) == ("arm 0", name)])
        for name in {one.name for one in outcomes}
    }
    assert width["refitted"] == pytest.approx(width["refitted, not moved to the estimate"], rel=1e-9)
    assert width["refitted"] > 1.05 * width["thresholds held fixed"]
    refitted = [one for one in outcomes if one.name == "refitted"]
    assert len(refitted) == 120
    assert np.mean([one.covers for one in refitted]) > 0.85
