"""The examples in the docstrings of medkt_eval run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import numpy as np
import pytest

import medkt_eval

MODULES = sorted(m.name for m in pkgutil.walk_packages(medkt_eval.__path__, "medkt_eval.") if not m.ispkg)


def examples_of(name: str) -> tuple[ModuleType, list[doctest.DocTest]]:
    module = importlib.import_module(name)
    found = doctest.DocTestFinder().find(module, extraglobs={"np": np})
    return module, [test for test in found if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    _, tests = examples_of(name)
    told: list[str] = []
    runner = doctest.DocTestRunner()
    for test in tests:
        runner.run(test, out=told.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(told)


def test_there_are_examples():
    with_examples = {name for name in MODULES if examples_of(name)[1]}
    expected = {"inference.interval", "inference.multiplicity", "inference.over_seeds.t_tests", "metrics.thresholds"}
    assert {f"medkt_eval.{name}" for name in expected} <= with_examples
