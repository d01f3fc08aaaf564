"""Statistics on predictions: metrics, intervals, comparisons. Needs no torch and no images.

From Python: `medkt_eval.evaluate` on a folder of runs or on prediction tables gives an `EvaluationResult`; wrong input
raises `InputError`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from medkt_eval.errors import InputError

if TYPE_CHECKING:
    from medkt_eval.evaluation import evaluate
    from medkt_eval.results.schema import EvaluationResult

__all__ = ["EvaluationResult", "InputError", "evaluate"]


def __getattr__(name: str) -> Any:
    """Import on first use: pandas and scipy take a second, and `medkt --help` needs neither."""
    modules = {"EvaluationResult": "medkt_eval.results.schema", "evaluate": "medkt_eval.evaluation"}
    if name not in modules:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(modules[name]), name)
