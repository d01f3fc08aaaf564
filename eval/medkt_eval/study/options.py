"""The options of an evaluation: the numbers its caller gives, and what the tests of one data set need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medkt_eval.errors import InputError
from medkt_eval.study.declaration import Analysis
from medkt_eval.study.requests import Request


@dataclass(frozen=True)
class EvaluationOptions:
    """What the caller of an evaluation gives besides the study's `[analysis]`; see `evaluation.evaluate`."""

    level: float
    replicates: int
    seed: int
    comparisons: Literal["default", "all"]
    command: str | None

    def check(self) -> None:
        """Refuse numbers that are out of range.

        Raises
        ------
        InputError
            If the level is not in (0, 1), or there are too few replicates.
        """
        if not 0 < self.level < 1:
            raise InputError(f"--level is {self.level}; expected a number between 0 and 1, for example 0.95")
        if self.replicates != 0 and self.replicates < 100:
            raise InputError(
                f"--replicates is {self.replicates}; expected 100 or more (2000 is the default), or 0 for none"
            )


@dataclass(frozen=True)
class AnalysisOptions:
    """How the contrasts of one data set are tested.

    Parameters
    ----------
    analysis : Analysis
    request : Request
    level : float
        Confidence level in (0, 1).
    seed : int
        Seed of the random numbers.
    n_patients : int or None
        None: images were declared independent, and predictions have no patient ids.
    """

    analysis: Analysis
    request: Request
    level: float
    seed: int
    n_patients: int | None
