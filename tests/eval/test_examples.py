"""The examples in the docstrings of medkt_eval are run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import numpy as np
import pytest

import medkt_eval

MODULES = sorted(module.name for module in pkgutil.iter_modules(medkt_eval.__path__))


def examples_of(name: str) -> tuple[ModuleType, list[doctest.DocTest]]:
    module = importlib.import_module(f"medkt_eval.{name}")
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
    assert {"intervals", "multiplicity", "seed_tests", "thresholds"} <= with_examples
