"""Evaluate tables with every option, and check what holds for any result."""

from __future__ import annotations

import json
import math

import pytest

from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.results.vocabulary import MORE_METRICS
from medkt_eval.study import requests

EVERYTHING = (
    *MORE_METRICS,
    *requests.MORE_AVERAGES,
    *requests.MORE_INTERVALS,
    "permutation",
    "mcnemar",
    "max-t",
    *requests.MORE,
)
OF_SEEDS = requests.TESTS_FOR_SEEDS


@pytest.fixture
def every_option():
    """All options of --add, except tests over seeds, which need two seeds or more."""
    return EVERYTHING


@pytest.fixture
def everything(tmp_path):
    """A function that evaluates tables with every option, checks the invariants of a result, and returns it."""

    def run(tables, seeds="nested", *, add=None, **options):
        study = tmp_path / "study.toml"
        add = (*EVERYTHING, *OF_SEEDS[seeds]) if add is None else add
        # In the study file, a name that is computed nowhere on these tables has a note; --add would refuse it.
        settings = f'seeds = "{seeds}"\nordered = true\nmargin = 0.05\nadd = {json.dumps(list(add))}\n'
        study.write_text(f"[analysis]\n{settings}")
        options = {"replicates": 100, "study": study, "validation": None, "identical_runs": True} | options
        result = evaluate(tables, **options)
        check(result, tmp_path / "results.json")
        return result

    return run


def check(result, path):
    result.write(path)
    assert EvaluationResult.read(path) == result
    text = path.read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    for row in result.runs:
        _is_number_or_has_reason(row, row.value)
    for row in result.thresholds:
        _is_number_or_has_reason(row, row.value)
    for row in result.estimates:
        _is_number_or_has_reason(row, row.value, row.low, row.high)
        _is_interval(row, row.value, row.interval)
    for row in [*result.comparisons, *result.gaps]:
        _is_number_or_has_reason(row, row.difference, row.p_value)
        _is_interval(row, row.difference, row.test)
        assert (row.p_value is None) == (row.p_adjusted is None), row
        if row.p_value is not None:
            assert 0 <= row.p_value <= row.p_adjusted <= 1, row
            assert row.se is None or row.se > 1e-12, row
        if row.p_value is not None and row.low is None:
            assert row.note, row
    for row in result.omnibus:
        _is_number_or_has_reason(row, row.p_value)
    for curve in result.curves:
        assert len(curve.x) == len(curve.y) > 0
        for y, low, high in zip(curve.y, curve.low or [], curve.high or [], strict=True):
            assert (low is None) == (high is None)
            assert low is None or low <= y <= high, curve


def _is_number_or_has_reason(row, *numbers):
    for number in numbers:
        assert number is None or math.isfinite(number), row
    if None in numbers and not getattr(row, "note", None):
        assert row.undefined_because, row


def _is_interval(row, value, name):
    assert (row.low is None) == (row.high is None), row
    if None not in (row.low, value):
        assert row.low < row.high, row
        assert "bootstrap" in name or name == "max-t" or row.low <= value <= row.high, row
