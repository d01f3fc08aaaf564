"""MAIN PATH of the reports: an EvaluationResult -> a page, tables and figures in a folder.

The results are indexed once. Tables are built and rendered as LaTeX, CSV and Markdown. Figures are drawn and written as
SVG, PDF and the CSV of their numbers. The page shows all of them; the checklists and the model card are separate files.
Files are written atomically, and the same results give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from medkt_eval.errors import InputError
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.atomic_files import write_bytes_atomically, write_text_atomically
from medkt_eval.runtime.garbage import quick_collections
from medkt_reports.figures import catalogue as figures
from medkt_reports.figures import pictures
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.style import ReportFigure
from medkt_reports.lookup import Lookup
from medkt_reports.page import checklists, html, model_card
from medkt_reports.page.contents import make_page
from medkt_reports.renderers import latex, plain
from medkt_reports.tables.catalogue import TABLES, ReportTables, build_tables, file_name
from medkt_reports.tables.model import Table

Format = Literal["latex", "html", "csv", "markdown"]
# Names of the files that a report writes; the table's or figure's own name in the first group.
_TABLE_FILE = re.compile(rf"({'|'.join(map(file_name, TABLES))})(?:-standalone\.tex|\.(?:tex|csv|md))")
_FIGURE_FILE = re.compile(
    rf"((?:{'|'.join(figures.FIGURES)})-\d+-[a-z0-9-]+|(?:samples|attention)-\d+)\.(?:svg|pdf|csv)"
)


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
        Folder to write into; made if absent. Files of the same name are replaced; tables and figures of an older
        report are removed.
    images : Path or None
        Folder of results.json, which holds the pictures that the runs kept; None: a report without images.
    templates : Path or None
        Folder of Jinja templates that replace ours of the same name.
    plain_latex : bool
        LaTeX tables without siunitx.

    Returns
    -------
    list of Path
        The files written, `index.html` first.

    Raises
    ------
    InputError
        If `templates` is not a folder, or a template in it is wrong.
    """
    if templates is not None and not templates.is_dir():
        raise InputError(f"{templates}: not a folder; expected one with Jinja templates such as page.html.jinja")
    with quick_collections():
        return list(_written(Lookup(result), out, images, templates, plain_latex=plain_latex))


def _written(
    lookup: Lookup, out: Path, images: Path | None, templates: Path | None, *, plain_latex: bool
) -> Iterator[Path]:
    tables = build_tables(lookup)
    drawn = figures.draw(lookup)
    sheets = pictures.sheets(lookup, images)
    page = make_page(lookup, tables, drawn, sheets, pictures.why_no_sheets(lookup, images))
    yield _text(out / "index.html", html.render_page(page, templates))
    yield from _tables(tables, out / "tables", plain_latex=plain_latex)
    yield from _figures([*drawn.all(), *map(pictures.sheet_figure, sheets)], out / "figures")
    for checklist in page.checklists:
        yield _text(out / "checklists" / f"{checklist.name}.md", checklists.checklist_markdown(checklist))
    yield _text(out / "model-card.md", model_card.render(lookup, templates))


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


def _tables(tables: ReportTables, folder: Path, *, plain_latex: bool) -> Iterator[Path]:
    _remove_older(folder, _TABLE_FILE, {table.name for table in tables.present.values()})
    for table in tables.present.values():
        yield _text(folder / f"{table.name}.tex", latex.tabular(table, plain=plain_latex))
        yield _text(folder / f"{table.name}-standalone.tex", latex.standalone(table, plain=plain_latex))
        yield _text(folder / f"{table.name}.csv", plain.comma_separated(table))
        yield _text(folder / f"{table.name}.md", plain.markdown(table))


def _figures(drawn: list[ReportFigure], folder: Path) -> Iterator[Path]:
    _remove_older(folder, _FIGURE_FILE, {figure.name for figure in drawn})
    for figure in drawn:
        yield _text(folder / f"{figure.name}.svg", figure.svg)
        yield _bytes(folder / f"{figure.name}.pdf", figure_style.pdf(figure))
        yield _text(folder / f"{figure.name}.csv", figure_style.csv(figure))


def _remove_older(folder: Path, ours: re.Pattern[str], kept: set[str]) -> None:
    """Remove tables and figures of an older report that this one lacks; files with other names stay."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = ours.fullmatch(path.name)
        if match and match[1] not in kept and path.is_file():
            path.unlink()


def _text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, text)
    return path


def _bytes(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomically(path, content)
    return path
