"""`medkt example`: copies prediction files that ship with medkt and prints the command that evaluates them.

In: the name of a new folder. Out: six CSV files, two arms of three seeds; no training, no torch.
"""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import write_folder_atomically

ARMS = {"Transfer learning": "tl_seed*.csv", "Attention transfer": "at_seed*.csv"}


def example(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")] = Path(
        "medkt-example"
    ),
) -> None:
    """Copy synthetic predictions of two arms, and print the command that evaluates them."""
    if folder.exists():
        raise InputError(f"{folder} exists already; name another folder: medkt example DIR")
    tables = sorted(
        (file for file in files("medkt.example").iterdir() if file.name.endswith(".csv")), key=lambda file: file.name
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_folder_atomically(folder, {table.name: table.read_bytes() for table in tables})
    arms = [word for name, pattern in ARMS.items() for word in ("--arm", f"{name}={folder / pattern}")]
    print(f"{len(tables)} synthetic prediction files in {folder}. Next:\n")
    print(f"  {shlex.join(['medkt', 'evaluate', *arms])}")
