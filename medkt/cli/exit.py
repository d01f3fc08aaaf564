"""How a command ends when it cannot continue."""

from __future__ import annotations

import os
import sys
import time
from typing import NoReturn


def fail(message: str, status: int, *, once: bool = False) -> NoReturn:
    """Print one line to standard error and exit.

    Parameters
    ----------
    message : str
        What went wrong, where, and what to do.
    status : int
        2 for wrong input, 1 for anything else.
    once : bool
        Whether all of torchrun's processes fail with this message; then only the first prints it.
    """
    if not once or int(os.environ.get("WORLD_SIZE", "1")) == 1 or os.environ.get("RANK") == "0":
        print(f"medkt: {message}", file=sys.stderr)
    else:
        time.sleep(2)  # torchrun ends all processes as soon as one ends; the first must have printed by then
    raise SystemExit(status)
