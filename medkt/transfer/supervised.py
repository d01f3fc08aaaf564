"""Supervised training from random weights: the loss is only the task's.

In: the keys of an arm. Out: `Supervised`. A study's own teachers are trained like this too.
"""

from __future__ import annotations

from typing import Literal

from medkt.settings import RANDOM
from medkt.transfer.settings import MethodSettings


class Supervised(MethodSettings):
    """Settings of supervised training; it has no keys of its own."""

    method: Literal["supervised"]

    def check_start(self, initialisation: str) -> None:
        """Refuse any start except random weights."""
        if initialisation != RANDOM:
            raise ValueError("starting from trained weights is transfer learning: set method = 'transfer_learning'")
