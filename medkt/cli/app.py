"""The command line: which commands there are. How they end is in exit.py."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from medkt import __version__
from medkt.cli.data import data_app
from medkt.cli.evaluate import evaluate
from medkt.cli.example import example
from medkt.cli.exit import INTERRUPTED, end, fail, print_any_character
from medkt.cli.plan import plan
from medkt.cli.report import report, table
from medkt.cli.teacher import teacher_app
from medkt.cli.train import train
from medkt_eval.errors import InputError

app = typer.Typer(
    help="Does one way of transferring knowledge beat another on a medical imaging task, by how much, and how surely?",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(train)
app.command()(evaluate)
app.command()(report)
app.command()(table)
app.command()(plan)
app.command()(example)
app.add_typer(teacher_app, name="teacher")
app.add_typer(data_app, name="data")


def _print_version(requested: bool) -> None:
    if requested:
        print(f"medkt {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _check_environment() -> None:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "0")  # numpy and matplotlib read it
    if not epoch.isdecimal() or len(epoch) > 11:
        raise InputError(
            f"SOURCE_DATE_EPOCH is {epoch!r}; expected the seconds since 1970, or no such environment variable"
        )


def main() -> None:
    """Run the command line; an error becomes one line and an exit status."""
    from medkt_eval.runtime.reading.names import check_printable

    print_any_character()
    try:
        try:
            check_printable(sys.argv[1:], "argument", "the command line", longest=10_000)
            _check_environment()
            app()
        finally:
            sys.stdout.flush()  # here, where a closed pipe can still be reported
    except Exception as error:
        end(error)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # typer ends with 1 and says nothing
            end(ended.__context__)
        if ended.code == INTERRUPTED and isinstance(ended.__context__, typer.Exit):  # typer says nothing here either
            fail("interrupted. Files that were complete before are kept", INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
