"""The tables of metrics, averages, intervals and tests are complete and match the functions and words."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from medkt_eval import evaluate
from medkt_eval.errors import InputError
from medkt_eval.measurement.calibration import CALIBRATION
from medkt_eval.measurement.metric_functions import BY_KIND, OF_CONFUSION, OF_RANKING, check_computed
from medkt_eval.metrics import one_run
from medkt_eval.resampling.bootstrap import RankedReplicates
from medkt_eval.results.vocabulary import (
    AVERAGES,
    DEFAULT_METRICS,
    HEADLINES,
    INTERVALS,
    LOWER_IS_BETTER,
    METRICS,
    MORE_METRICS,
    REASONS,
    ROOTS,
    TESTS,
)

STATISTICS = Path(__file__).parents[3] / "docs" / "statistics.md"


def of_kind(kind: str) -> set[str]:
    return {name for name, metric in METRICS.items() if metric.kind == kind}


@pytest.mark.parametrize("kind", ["ranking", "calls", "probabilities", "bins", "top bins"])
def test_every_metric_of_a_kind_has_a_function(kind):
    assert of_kind(kind) == BY_KIND[kind].keys()


def test_every_metric_of_several_classes_has_a_function():
    assert OF_CONFUSION.keys() == {name for name, metric in METRICS.items() if metric.needs_of_classes}
    assert of_kind("confusion") <= OF_CONFUSION.keys()


def test_every_other_metric_is_measured_somewhere():
    assert of_kind("calibration") == set(CALIBRATION)
    assert {metric.kind for metric in METRICS.values()} == {*BY_KIND, "calibration", "root"}
    assert set(ROOTS.values()) == of_kind("root")
    assert set(ROOTS) <= METRICS.keys()
    assert {field.name for field in fields(RankedReplicates)} == OF_RANKING.keys()  # computed in replicates too
    check_computed([*DEFAULT_METRICS, *MORE_METRICS])


def test_scikit_learn_checks_every_metric_of_one_label_but_the_quantile():
    of_one_label = of_kind("ranking") | of_kind("calls") | of_kind("probabilities")
    assert one_run.COMPUTED.keys() == of_one_label - {"sensitivity_at_specificity"} | {"ece"}


def test_every_entry_has_words():
    for table in (METRICS, INTERVALS, TESTS):
        for name, entry in table.items():
            assert entry.word.strip(), name
            assert "_" not in entry.word, name


def test_the_document_of_the_statistics_describes_every_metric():
    text = STATISTICS.read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in text] == []


def test_facts_fit_each_other():
    for name, metric in METRICS.items():
        assert metric.needs, name
        assert set(metric.needs) <= REASONS.keys()
        assert set(metric.averages) <= AVERAGES.keys()
        assert metric.is_bounded == np.isfinite(metric.largest_difference)
        assert metric.low is None or metric.high is None or metric.low < metric.high
        assert metric.is_bounded or metric.reading, f"{name}: without bounds, a reader must be told how to read it"
    assert {name for name in METRICS if METRICS[name].default} == {*DEFAULT_METRICS, *of_kind("root")}
    assert {*DEFAULT_METRICS, *MORE_METRICS} == METRICS.keys() - of_kind("calibration") - of_kind("root")
    assert {metric for pairs in HEADLINES.values() for metric, _ in pairs} <= set(DEFAULT_METRICS)
    assert {average for pairs in HEADLINES.values() for _, average in pairs} <= AVERAGES.keys()
    assert {metric for test in TESTS.values() for metric in test.metrics} <= METRICS.keys()
    assert set(LOWER_IS_BETTER) == {*of_kind("probabilities"), *of_kind("bins"), *of_kind("top bins"), *of_kind("root")}


def test_differences_have_the_bounds_of_their_metric():
    assert METRICS["auc"].largest_difference == 1.0
    assert METRICS["kappa_quadratic"].largest_difference == 2.0
    assert METRICS["calibration_slope"].largest_difference == np.inf


@pytest.mark.parametrize("kind", ["ranking", "calls", "probabilities", "bins", "confusion"])
def test_a_metric_that_nothing_computes_is_an_error(kind, two_arms: Path, monkeypatch: pytest.MonkeyPatch):
    facts = replace(METRICS["f1"], word="toy metric", kind=kind, default=False)
    monkeypatch.setitem(METRICS, "toy", facts)
    monkeypatch.setattr("medkt_eval.study.requests.MORE_METRICS", (*MORE_METRICS, "toy"))
    with pytest.raises(InputError, match=r"'toy' .* nothing computes it; add its function"):
        evaluate(two_arms, replicates=0, add=["toy"])


def test_a_metric_without_a_largest_value_has_untransformed_intervals(two_arms: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METRICS, "f1", replace(METRICS["f1"], high=None))
    rows = [row for row in evaluate(two_arms, replicates=100).estimates if (row.metric, row.label) == ("f1", "macro")]
    (default,) = [row for row in rows if row.interval == "seeds+patients:or" and row.arm == "at"]
    assert default.high - default.value == pytest.approx(default.value - default.low, rel=1e-12)
    assert "patients:bootstrap-percentile" in {row.interval for row in rows if row.low is not None}


def test_a_metric_without_facts_is_an_error():
    with pytest.raises(InputError, match="metric 'auroc' is unknown; expected one of auc, average_precision"):
        check_computed(["auc", "auroc"])


def test_a_metric_of_classes_needs_a_function_of_classes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METRICS, "npv", replace(METRICS["npv"], needs_of_classes="image"))
    with pytest.raises(InputError, match=r"'npv' .* nothing computes it"):
        check_computed(["npv"])
