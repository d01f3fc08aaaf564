"""The examples in medkt's docstrings run and print what they show."""

import doctest
import importlib
import pkgutil

import medkt


def test_examples_in_docstrings():
    names = [m.name for m in pkgutil.walk_packages(medkt.__path__, "medkt.") if not m.name.endswith("__main__")]
    results = [doctest.testmod(importlib.import_module(name)) for name in names]
    assert sum(result.attempted for result in results) > 10
    assert [name for name, result in zip(names, results, strict=True) if result.failed] == []
