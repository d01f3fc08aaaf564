"""Metrics, intervals and tests: the defaults, those on request, and refusals."""

from __future__ import annotations

import re

import pytest

from medkt_eval.errors import InputError
from medkt_eval.results.vocabulary import DEFAULT_METRICS, MORE_METRICS, TESTS
from medkt_eval.study.requests import (
    DEFAULT_AVERAGES,
    DEFAULT_INTERVALS,
    MORE,
    MORE_AVERAGES,
    MORE_INTERVALS,
    MORE_TESTS,
    TESTS_FOR_SEEDS,
    Request,
    request,
)

NESTED_TESTS, CROSSED_TESTS = TESTS_FOR_SEEDS["nested"], TESTS_FOR_SEEDS["crossed"]


def nested(*names: str, ordered: bool = False) -> Request:
    return request(names, seeds="nested", ordered=ordered)


def test_defaults():
    assert nested() == Request(DEFAULT_METRICS, DEFAULT_AVERAGES, DEFAULT_INTERVALS, (), (), ())


def test_order_is_that_of_the_lists_and_not_of_asking():
    found = nested(
        "npv", "accuracy", "macro_ovo", "patients:bootstrap-bca", "patients:jackknife", "max-t", "mann-whitney"
    )
    assert found.metrics == (*DEFAULT_METRICS, "accuracy", "npv")
    assert found.averages == (*DEFAULT_AVERAGES, "macro_ovo")
    assert found.intervals == (*DEFAULT_INTERVALS, "patients:jackknife", "patients:bootstrap-bca")
    assert found.tests == ("mann-whitney", "max-t")
    assert found.names[:3] == ("npv", "accuracy", "macro_ovo")  # as asked for


def test_what_is_there_already_and_what_is_asked_for_twice_stands_once():
    found = nested("auc", "subgroups", "macro", "subgroups", "seeds:t")
    assert (found.metrics, found.averages, found.intervals) == (DEFAULT_METRICS, DEFAULT_AVERAGES, DEFAULT_INTERVALS)
    assert found.more == ("subgroups",)
    assert found.names == ("auc", "subgroups", "macro", "seeds:t")


def test_every_name_can_be_asked_for_and_leads_to_one_field():
    for name in (*MORE_METRICS, *MORE_AVERAGES, *MORE_INTERVALS, *NESTED_TESTS, "permutation", "max-t", *MORE):
        found = nested(name)
        fields = [name in getattr(found, field) for field in ("metrics", "averages", "intervals", "tests", "more")]
        assert sum(fields) == 1, name
    for name in CROSSED_TESTS:
        assert request([name], seeds="crossed", ordered=False).tests == (name,)
    groups = (
        DEFAULT_METRICS,
        MORE_METRICS,
        DEFAULT_AVERAGES,
        MORE_AVERAGES,
        DEFAULT_INTERVALS,
        MORE_INTERVALS,
        MORE_TESTS,
        MORE,
    )
    every = [name for group in groups for name in group]
    assert len(set(every)) == len(every)


def test_kappa_is_a_default_where_classes_are_ordered():
    assert nested(ordered=True).metrics == (*DEFAULT_METRICS, "kappa_quadratic")
    assert nested("kappa_quadratic", "npv", ordered=True).metrics == (*DEFAULT_METRICS, "npv", "kappa_quadratic")
    assert "kappa_quadratic" not in nested().metrics


def test_mcnemar_brings_the_metrics_that_it_tests():
    found = nested("mcnemar")
    assert found.metrics == (*DEFAULT_METRICS, *TESTS["mcnemar"].metrics)
    assert found.tests == found.names == ("mcnemar",)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("AUC", "did you mean 'auc'?"),
        ("acuracy", "did you mean 'accuracy'?"),
        ("bootstrap-bca", "did you mean 'patients:bootstrap-bca'?"),
        ("xyzzy", "expected one of accuracy, auc, average_precision"),
    ],
)
def test_unknown_names(name, hint):
    with pytest.raises(InputError, match=re.escape(f"--add {name!r}: no such metric, interval or test; {hint}")):
        nested("accuracy", name)


@pytest.mark.parametrize("name", CROSSED_TESTS)
def test_tests_of_pairs_of_seeds_need_crossed_seeds(name):
    with pytest.raises(InputError, match=f"--add '{name}': it pairs seeds, but seeds are nested"):
        nested(name)


@pytest.mark.parametrize("name", NESTED_TESTS)
def test_tests_that_ignore_pairs_need_nested_seeds(name):
    with pytest.raises(InputError, match=f"--add '{name}': it ignores the pairs .* expected wilcoxon or sign-flip"):
        request([name], seeds="crossed", ordered=False)


def test_a_name_that_the_study_requests_is_named_as_the_studys():
    with pytest.raises(InputError, match=r"\[analysis\] add 'sensitvity': no such metric.*did you mean 'sensitivity'"):
        request(["sensitvity"], seeds="nested", ordered=False, declared=["sensitvity"])
