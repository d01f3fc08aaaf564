"""Everything that is wrong with a table, in one message.

In: faults as they are found. Out: one `InputError`, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from medkt_eval.errors import InputError

SHOWN = 6  # faults that a message lists


@dataclass
class Faults:
    """Faults of one table, one for each column and kind.

    Parameters
    ----------
    source : str
        Name of the table.
    """

    source: str
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add a fault."""
        self.texts.append(text)

    def of_rows(self, bad: np.ndarray, fault: Callable[[int], str]) -> None:
        """Add the fault of the first row where `bad` is true, with the number of the others; none if there is none.

        Parameters
        ----------
        bad : bool, (n_images,)
        fault : callable
            Gives the fault of a row.
        """
        n = int(np.count_nonzero(bad))
        if n:
            more = "" if n == 1 else f" (and {n - 1} more {'row' if n == 2 else 'rows'})"
            self.add(fault(int(np.argmax(bad))) + more)

    def refuse(self) -> None:
        """Raise what was found.

        Raises
        ------
        InputError
            If there is a fault: all of them, of many the first.
        """
        if len(self.texts) == 1:
            raise InputError(f"{self.source}: {self.texts[0]}")
        if self.texts:
            shown = "; ".join(f"({k}) {text}" for k, text in enumerate(self.texts[:SHOWN], start=1))
            more = "" if len(self.texts) <= SHOWN else f"; and {len(self.texts) - SHOWN} more"
            raise InputError(f"{self.source}: {len(self.texts)} faults: {shown}{more}")
