"""How a data set's contrasts are tested: what was declared, what was asked for, and the numbers both need."""

from __future__ import annotations

from dataclasses import dataclass

from medkt_eval.study.declaration import Analysis
from medkt_eval.study.requests import Request


@dataclass(frozen=True)
class AnalysisOptions:
    """How contrasts are tested.

    Parameters
    ----------
    analysis : Analysis
    request : Request
    level : float
        Confidence level in (0, 1).
    seed : int
        Of the random numbers.
    n_patients : int or None
        None where images were declared independent and no patient is named.
    """

    analysis: Analysis
    request: Request
    level: float
    seed: int
    n_patients: int | None
