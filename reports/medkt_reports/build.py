"""MAIN PATH of the reports: an EvaluationResult -> a page, tables and figures in a folder.

The results are indexed once. Tables are built and rendered as LaTeX, CSV and Markdown. Figures are drawn and written as
SVG, PDF and the CSV of their numbers. The page shows all of them; the checklists and the model card are separate files.
All files are made aside and replace those of an older report together; the same results give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from medkt_eval.errors import InputError
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.delivery import delivery
from medkt_eval.runtime.garbage import quick_collections
from medkt_reports.figures import catalogue as figures
from medkt_reports.figures import pictures
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import ReportFigure
from medkt_reports.lookup import Lookup
from medkt_reports.page import checklists, html, model_card
from medkt_reports.page.contents import make_page
from medkt_reports.page.marks import is_card, is_page, marked_card
from medkt_reports.page.notices import UNFINISHED
from medkt_reports.renderers import latex, plain
from medkt_reports.tables.catalogue import TABLES, ReportTables, build_tables, file_name
from medkt_reports.tables.model import Table

Format = Literal["latex", "html", "csv", "markdown"]
PAGE, CARD = "index.html", "model-card.md"
_FOLDERS = ("tables", "figures", "checklists")
_TABLE = rf"tables/(?:{'|'.join(map(file_name, TABLES))})(?:-standalone\.tex|\.(?:tex|csv|md))"
_FIGURE = rf"figures/(?:(?:{'|'.join(figures.FIGURES)})-\d+-[a-z0-9-]+|(?:samples|attention)-\d+)\.(?:svg|pdf|csv)"
_OURS = re.compile(rf"{_TABLE}|{_FIGURE}|checklists/checklist-[a-z-]+\.md|model-card\.md")
"""Names of the files that a report writes, apart from the page."""


def write_report(
    result: EvaluationResult,
    out: Path,
    *,
    images: Path | None = None,
    templates: Path | None = None,
    plain_latex: bool = False,
) -> list[Path]:
    """Write the report of an evaluation.

    Parameters
    ----------
    result : EvaluationResult
        What `medkt evaluate` found.
    out : Path
        Folder to write into; made if absent. The files of an older report are replaced or removed; files with other
        names stay.
    images, templates, plain_latex
        As in `report_files`.

    Returns
    -------
    list of Path
        The files written, `index.html` first.

    Raises
    ------
    InputError
        As in `report_files`, or if another process writes into `out`.
    OSError
        If a file cannot be written. The older report is then unchanged.
    """
    with delivery(out) as new:
        for name, content in report_files(result, images=images, templates=templates, plain_latex=plain_latex):
            new.add(name, content)
        return new.deliver(page=PAGE, notice=UNFINISHED, older=older_files(out))


def report_files(
    result: EvaluationResult, *, images: Path | None = None, templates: Path | None = None, plain_latex: bool = False
) -> Iterator[tuple[str, str | bytes]]:
    """Make the files of a report.

    Parameters
    ----------
    result : EvaluationResult
        What `medkt evaluate` found.
    images : Path or None
        Folder of results.json, which holds the pictures that the runs kept; None: a report without images.
    templates : Path or None
        Folder of Jinja templates that replace ours of the same name.
    plain_latex : bool
        LaTeX tables without siunitx.

    Yields
    ------
    tuple of str and (str or bytes)
        Name in the folder of the report, and content; `index.html` first.

    Raises
    ------
    InputError
        If `templates` is not a folder, or a template in it is wrong.
    """
    if templates is not None and not templates.is_dir():
        raise InputError(f"{templates}: not a folder; expected one with Jinja templates such as page.html.jinja")
    with quick_collections():
        lookup = Lookup(result)
        tables = build_tables(lookup)
        drawn = figures.draw(lookup)
        sheets = pictures.sheets(lookup, images)
        page = make_page(lookup, tables, drawn, sheets, pictures.why_no_sheets(lookup, images))
        yield PAGE, html.render_page(page, templates)
        yield from _tables(tables, plain_latex=plain_latex)
        yield from _figures([*drawn.all(), *map(pictures.sheet_figure, sheets)])
        for checklist in page.checklists:
            yield f"checklists/{checklist.name}.md", checklists.checklist_markdown(checklist)
        yield CARD, marked_card(model_card.render(lookup, templates))


def older_files(out: Path) -> list[str]:
    """Names of the files in a folder that an older report wrote; files with other names are not medkt's.

    The model card has a name that others use, too; see `file_of_others`.
    """
    paths = [out / CARD, *(path for folder in _FOLDERS for path in sorted((out / folder).glob("*")))]
    names = (path.relative_to(out).as_posix() for path in paths if path.is_file() or path.is_symlink())
    return [name for name in names if _OURS.fullmatch(name)]


def file_of_others(folder: Path) -> Path | None:
    """The page or the model card in a folder that a report would replace although medkt did not write it.

    A page of a user's template has no mark; it is medkt's if tables, figures or checklists of a report lie beside it.
    """
    page, card = folder / PAGE, folder / CARD
    if page.is_file() and not is_page(page.read_bytes()) and not set(older_files(folder)) - {CARD}:
        return page
    return card if card.is_file() and not is_card(card.read_bytes()) else None


def table(result: EvaluationResult, name: str, format: Format, *, plain_latex: bool = False) -> str:  # noqa: A002
    """One table as text.

    Parameters
    ----------
    result : EvaluationResult
        What `medkt evaluate` built.
    name : str
        Which table: a name of `tables.catalogue.TABLES`, for example "IV".
    format : {"latex", "html", "csv", "markdown"}
        How it is written; LaTeX is a tabular that needs booktabs and siunitx.
    plain_latex : bool
        LaTeX without siunitx.

    Raises
    ------
    InputError
        If there is no such table or format, or the results hold nothing for it.
    """
    render: dict[str, Callable[[Table], str]] = {
        "latex": lambda table: latex.tabular(table, plain=plain_latex),
        "html": html.render_table,
        "csv": plain.comma_separated,
        "markdown": plain.markdown,
    }
    if name not in TABLES:
        raise InputError(f"--table {name}: no such table; expected one of {', '.join(TABLES)}")
    if format not in render:
        raise InputError(f"--format {format}: no such format; expected one of {', '.join(render)}")
    lookup = Lookup(result)
    built = TABLES[name].build(lookup)
    if built is None:
        existing = ", ".join(build_tables(lookup).present) or "no table"
        raise InputError(f"--table {name}: the results hold nothing for it; they have {existing}")
    return render[format](built)


def _tables(tables: ReportTables, *, plain_latex: bool) -> Iterator[tuple[str, str]]:
    for table in tables.present.values():
        yield f"tables/{table.name}.tex", latex.tabular(table, plain=plain_latex)
        yield f"tables/{table.name}-standalone.tex", latex.standalone(table, plain=plain_latex)
        yield f"tables/{table.name}.csv", plain.comma_separated(table)
        yield f"tables/{table.name}.md", plain.markdown(table)


def _figures(drawn: list[ReportFigure]) -> Iterator[tuple[str, str | bytes]]:
    for figure in drawn:
        yield f"figures/{figure.name}.svg", figure.svg
        yield f"figures/{figure.name}.pdf", figure_style.pdf(figure)
        yield f"figures/{figure.name}.csv", figure_style.csv(figure)
