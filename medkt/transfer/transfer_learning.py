"""Transfer learning: the student starts from trained weights, and the loss is only the task's.

In: the keys of an arm. Out: `TransferLearning`. The start weights are loaded by `medkt.models.initialisation`; which
layers train is decided by `medkt.models.freezing`.
"""

from __future__ import annotations

from typing import Literal

from medkt.settings import RANDOM
from medkt.transfer.settings import MethodSettings


class TransferLearning(MethodSettings):
    """Settings of transfer learning; it has no keys of its own."""

    method: Literal["transfer_learning"]

    def check_start(self, initialisation: str) -> None:
        """Refuse a start from random weights."""
        if initialisation == RANDOM:
            raise ValueError("a random start is no transfer learning: set method = 'supervised'")
