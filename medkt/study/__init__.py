"""A study file becomes runs.

In: a `Study`. Out: one run folder a run, trained here, side by side or on a cluster.
Read first: study.py.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medkt.study.study import train_study

__all__ = ["train_study"]


def __getattr__(name: str) -> Any:
    """Import on first use: the settings of a study need no torch."""
    modules = {"train_study": "medkt.study.study"}
    if name not in modules:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(modules[name]), name)
