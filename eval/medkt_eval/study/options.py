"""The options of an evaluation: the numbers its caller gives, and what the tests of one data set need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medkt_eval.errors import InputError
from medkt_eval.results.vocabulary import METRICS
from medkt_eval.study.declaration import Analysis
from medkt_eval.study.requests import Request

LOWEST_LEVEL, HIGHEST_LEVEL = 0.01, 0.999999  # beyond them, limits meet in the value or leave every bound


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
            If the level, the seed or the number of replicates is out of range.
        """
        if not LOWEST_LEVEL <= self.level <= HIGHEST_LEVEL:
            raise InputError(
                f"--level is {self.level}; expected a number between 0 and 1, from {LOWEST_LEVEL} to {HIGHEST_LEVEL}, "
                "for example 0.95"
            )
        if not 0 <= self.seed < 2**63:
            raise InputError(f"--seed is {self.seed}; expected an integer from 0 to {2**63 - 1}")
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

    def levels_against_margin(self, metric: str, margin: float | None) -> dict[str, float]:
        """1 - alpha of each one-sided test against the margin; empty if a comparison has no margin."""
        if margin is None:
            return {}
        levels = {"tost": self.level}
        if not METRICS[metric].lower_is_better:
            alpha = self.analysis.non_inferiority_level
            levels["non-inferiority"] = self.level if alpha is None else 1 - alpha
        return levels
