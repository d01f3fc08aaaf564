"""The command line: which commands there are, and how they end.

Exit status 0: done. 2: the input is wrong; one line on standard error says what and where. 1: anything else.
"""

from __future__ import annotations

from typing import Annotated

import typer

from medkt import __version__
from medkt.cli.data import data_app
from medkt.cli.evaluate import evaluate
from medkt.cli.example import example
from medkt.cli.exit import fail
from medkt.cli.plan import plan
from medkt.cli.report import report, table
from medkt.cli.teacher import teacher_app
from medkt.cli.train import train

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


def main() -> None:
    """Run the command line; turn expected errors into one line and an exit status."""
    from medkt.errors import TrainingError
    from medkt_eval.errors import InputError
    from medkt_eval.runtime.locations import is_storage_error

    try:
        app()
    except InputError as error:
        fail(str(error), 2, once=True)
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror or error}. Files that were complete before are kept", 1)
    except TrainingError as error:
        fail(str(error), 1)
    except Exception as error:
        if not is_storage_error(error):
            raise
        fail(f"object storage: {error}. Files that were complete before are kept", 1)


if __name__ == "__main__":
    main()
