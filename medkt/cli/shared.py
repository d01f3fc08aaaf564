"""What the commands share: how they take a place, and how they end where they cannot go on."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import NoReturn

PLACE = "<path or URL>"


def place_given(given: str) -> Path:
    """A folder here, or the URL of one in object storage."""
    from medkt_eval.errors import InputError
    from medkt_eval.runtime.locations import location

    try:
        return location(given)
    except InputError as error:  # told here, for typer would take it for one of its own
        fail(str(error), 2)


def fail(message: str, status: int, *, once: bool = False) -> NoReturn:
    """Say why and end; `once`: what all of torchrun's processes find is said by the first."""
    if not once or int(os.environ.get("WORLD_SIZE", "1")) == 1 or os.environ.get("RANK") == "0":
        print(f"medkt: {message}", file=sys.stderr)
    else:
        time.sleep(2)  # whoever ends first has torchrun end the others, though they have not spoken
    raise SystemExit(status)
