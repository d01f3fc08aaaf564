"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medkt.cli.exit import fail

PATH_OR_URL = "<path or URL>"


def path_or_url(text: str) -> Path:
    """Parse a folder on this machine, or the URL of one in object storage."""
    from medkt_eval.errors import InputError
    from medkt_eval.runtime.locations import location

    if not text:
        fail("a folder or its URL is '', which is empty; expected a name, for example . for the current folder", 2)
    try:
        return location(text)
    except InputError as error:  # handled here, because typer would print an error of a parser as its own
        fail(str(error), 2)


Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Use a Dask cluster: tcp://HOST:8786, local:N or slurm:cluster.toml (docs/clusters.md).",
        show_default=False,
    ),
]
Results = Annotated[Path, typer.Argument(help="results.json of an evaluation.")]
NoImages = Annotated[bool, typer.Option("--no-images", help="Leave the pictures of test images out of the page.")]
PlainLatex = Annotated[bool, typer.Option("--plain", help="Write LaTeX tables without siunitx.")]
