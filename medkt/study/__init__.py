"""A study: from a study file to run folders.

In: a study file. Out: one run folder for each run, trained on this machine or on a cluster.
Read first: study.py. run_plan.py lists the runs; preparation.py checks everything before training begins.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medkt.study.study import train_study, train_study_file

__all__ = ["train_study", "train_study_file"]


def __getattr__(name: str) -> Any:
    """Import on first use, because the settings of a study need no torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("medkt.study.study"), name)
