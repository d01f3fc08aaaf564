"""The commands `medkt report` and `medkt table`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medkt.cli.options import NoImages, PlainLatex, Results


class TableFormat(StrEnum):
    """The formats of a table."""

    latex = "latex"
    html = "html"
    csv = "csv"
    markdown = "markdown"


def report(
    results: Results,
    out: Annotated[
        str | None, typer.Option(metavar="PATH", help="Folder for the report. Default: report/ beside results.json.")
    ] = None,
    templates: Annotated[Path | None, typer.Option(help="Folder of templates to use instead of medkt's.")] = None,
    no_images: NoImages = False,
    plain: PlainLatex = False,
) -> None:
    """Write the report of an evaluation again, from results.json."""
    from medkt.cli.output.out_folder import check_report
    from medkt_eval.errors import InputError
    from medkt_eval.results.schema import EvaluationResult
    from medkt_reports.build import write_report

    if out == "":
        raise InputError("--out is '', which is empty; expected a folder, for example . for the current one")
    folder = results.parent / "report" if out is None else Path(out)
    check_report(folder, "--out" if out is not None else "the report's folder")
    images = None if no_images else results.parent
    write_report(EvaluationResult.read(results), folder, images=images, templates=templates, plain_latex=plain)
    print(f"Report:  {folder / 'index.html'}")


def table(
    results: Results,
    table: Annotated[str, typer.Option(help="I to VI, comparisons, labels, reference, subgroups, ...")],
    format: Annotated[TableFormat, typer.Option(help="Format of the table.")] = TableFormat.latex,  # noqa: A002
    plain: PlainLatex = False,
) -> None:
    """Print one table to standard output."""
    from medkt_eval.results.schema import EvaluationResult
    from medkt_reports.build import table as render

    print(render(EvaluationResult.read(results), table, format.value, plain_latex=plain))
