"""The examples in the docstrings of the reports run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import medkt_reports

MODULES = [module.name for module in pkgutil.walk_packages(medkt_reports.__path__, "medkt_reports.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    modules = map(importlib.import_module, MODULES)
    assert sum(bool(test.examples) for module in modules for test in doctest.DocTestFinder().find(module)) > 30
