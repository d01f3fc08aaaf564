"""Imports from the documents of medkt 0.1 still work."""

from __future__ import annotations

from importlib import import_module

import pytest

DOCUMENTED = {
    "medkt.config": ["RunSettings", "read_study"],
    "medkt.data.phantom": ["phantom_chest", "phantom_fundus", "phantom_shapes"],
    "medkt.history_loggers": ["TensorBoard", "Together"],
    "medkt.observer": ["Observer"],
    "medkt.study": ["train_study"],
    "medkt_eval": ["EvaluationResult", "InputError", "evaluate"],
    "medkt_eval.errors": ["InputError"],
    "medkt_eval.evaluation": ["evaluate"],
    "medkt_eval.results": ["Arm", "Comparison", "Curve", "Estimate", "EvaluationResult", "RunValue", "Settings"],
    "medkt_reports.build": ["table", "write_report"],
    "medkt_reports.lookup": ["Lookup"],
}


@pytest.mark.parametrize(("module", "name"), [(m, name) for m, names in DOCUMENTED.items() for name in names])
def test_an_old_import(module: str, name: str):
    assert getattr(import_module(module), name) is not None
