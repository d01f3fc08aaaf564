"""MAIN PATH of the reports: an EvaluationResult -> a page, tables and figures in a folder.

The results are indexed once. Tables are built from them, then rendered as LaTeX, CSV and Markdown; figures are drawn
from them, then written as SVG, PDF and the CSV of what they show; the page gathers all of it. Every file is written
whole or not at all, and the same results give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from medkt_eval.errors import InputError
from medkt_eval.files import write_bytes_whole, write_text_whole
from medkt_eval.results import EvaluationResult
from medkt_reports import figure_style, figures, html, latex, plain
from medkt_reports.comparison_table import companions_table, comparisons_table
from medkt_reports.label_tables import label_differences_table, labels_table
from medkt_reports.lookup import Lookup
from medkt_reports.page import make_page
from medkt_reports.paper_tables import table_five, table_four
from medkt_reports.tables import Table

Format = Literal["latex", "html", "csv", "markdown"]
_RENDER: dict[Format, Callable[[Table], str]] = {
    "latex": latex.tabular,
    "html": html.render_table,
    "csv": plain.comma_separated,
    "markdown": plain.markdown,
}
# What each name of a table is built by; the interval is the preferred one that the results hold.
_TABLES: dict[str, Callable[[Lookup, str], Table | None]] = {
    "IV": table_four,
    "V": table_five,
    "comparisons": lambda lookup, _interval: comparisons_table(lookup),
    "companions": lambda lookup, _interval: companions_table(lookup),
    "labels": labels_table,
    "label-differences": lambda lookup, _interval: label_differences_table(lookup),
}
# Names of the files that write_report writes, the table's or figure's own name in the first group.
_TABLE_FILE = re.compile(
    r"(table4|table5|comparisons|companions|labels|label-differences)(?:-standalone\.tex|\.(?:tex|csv|md))"
)
_FIGURE_FILE = re.compile(r"((?:forest|learning|seeds)-\d+-[a-z0-9-]+)\.(?:svg|pdf|csv)")


def write_report(result: EvaluationResult, out: Path, templates: Path | None = None) -> list[Path]:
    """Write the report of an evaluation.

    Parameters
    ----------
    result : EvaluationResult
        What `medkt evaluate` found.
    out : Path
        Folder to write into; made if absent. Files of the same name are replaced; tables and figures of an older
        report are removed.
    templates : Path or None
        Folder of Jinja templates that stand in for ours of the same name.

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
    lookup = Lookup(result)
    tables = [table for table in built_tables(lookup).values() if table is not None]
    drawn = figures.draw(lookup)
    page = html.render_page(make_page(lookup, drawn), templates)

    for folder in (out / "tables", out / "figures"):
        folder.mkdir(parents=True, exist_ok=True)
    _remove_older(out / "tables", _TABLE_FILE, {table.name for table in tables})
    _remove_older(out / "figures", _FIGURE_FILE, {figure.name for figure in drawn.all()})
    written = []
    for table in tables:
        written += [
            _text(out / "tables" / f"{table.name}.tex", latex.tabular(table)),
            _text(out / "tables" / f"{table.name}-standalone.tex", latex.standalone(table)),
            _text(out / "tables" / f"{table.name}.csv", plain.comma_separated(table)),
            _text(out / "tables" / f"{table.name}.md", plain.markdown(table)),
        ]
    for figure in drawn.all():
        written += [
            _text(out / "figures" / f"{figure.name}.svg", figure_style.svg(figure)),
            _bytes(out / "figures" / f"{figure.name}.pdf", figure_style.pdf(figure)),
            _text(out / "figures" / f"{figure.name}.csv", figure_style.csv(figure)),
        ]
    return [_text(out / "index.html", page), *written]


def table(result: EvaluationResult, name: str, format: Format) -> str:  # noqa: A002
    """One table as text.

    Parameters
    ----------
    result : EvaluationResult
        What `medkt evaluate` found.
    name : {"IV", "V", "comparisons", "companions", "labels", "label-differences"}
        Which table.
    format : {"latex", "html", "csv", "markdown"}
        How it is written; LaTeX is a tabular that needs booktabs.

    Raises
    ------
    InputError
        If there is no such table or format, or the results hold nothing for it.
    """
    built = built_tables(Lookup(result))
    existing = [known for known, made in built.items() if made is not None]
    exist = f"these results have {', '.join(existing)}" if existing else "these results have no table"
    if name not in built:
        raise InputError(f"--table {name}: no such table; {exist}")
    if format not in _RENDER:
        raise InputError(f"--format {format}: no such format; expected one of {', '.join(_RENDER)}")
    found = built[name]
    if found is None:
        raise InputError(f"--table {name}: the results hold nothing for it; {exist}")
    return _RENDER[format](found)


def built_tables(lookup: Lookup) -> dict[str, Table | None]:
    """Every table by name; None where the results hold nothing for it."""
    interval = next(iter(lookup.intervals()), "")
    return {name: build(lookup, interval) for name, build in _TABLES.items()}


def _remove_older(folder: Path, ours: re.Pattern[str], kept: set[str]) -> None:
    """Remove what an older report left: only files named as we name them, of tables or figures that are no more."""
    for path in sorted(folder.iterdir()):
        match = ours.fullmatch(path.name)
        if match and match[1] not in kept and path.is_file():
            path.unlink()


def _text(path: Path, text: str) -> Path:
    write_text_whole(path, text)
    return path


def _bytes(path: Path, content: bytes) -> Path:
    write_bytes_whole(path, content)
    return path
