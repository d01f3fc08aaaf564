r"""LaTeX of a table: booktabs, numbers aligned by siunitx, every text escaped.

In: a `Table`. Out: a tabular to \input, or a document that pdflatex compiles; `plain` is for journals without
siunitx. Only `Cell.latex`, from `label_latex`, is not escaped; its commands were checked.
"""

from __future__ import annotations

from medkt_reports.language import words
from medkt_reports.renderers.latex_text import escape
from medkt_reports.renderers.siunitx_columns import NumberColumn, number_column
from medkt_reports.tables.model import Cell, Row, Span, Table

_SETUP = (
    r"\sisetup{reset-text-series=false, text-series-to-math=true, retain-explicit-plus=true, group-digits=integer, "
    r"group-separator={,}, group-minimum-digits=4}"
)
_ROWS_OF_A_PAGE = 120  # a larger page is hard to read, and TeX cannot set one of about 1,000 rows
_POINTS = {"character": 4.7, "column": 12.0}  # mean width of a character and of the space between columns, at 10 pt
_POINTS_IN_CM = 28.45
_LONGEST_LINE, _PARAGRAPH = 60, 42  # characters: longer texts are wrapped at about the second number


def tabular(table: Table, *, plain: bool = False) -> str:
    r"""The tabular alone, to \input into a table environment.

    Comments above it say what it needs, how wide it is, its caption and its notes.

    Parameters
    ----------
    table : Table
    plain : bool
        Without siunitx: numbers are centred.
    """
    needs = "Needs booktabs and array." if plain else "Needs booktabs and siunitx, version 3."
    width = (
        f"About {natural_width_cm(table):.0f} cm wide at 10 pt; where there is less room: a smaller font, a page in "
        r"landscape, or \resizebox{\linewidth}{!}{...} around it."
    )
    comments = [f"% {text}" for text in (needs, width, *map(escape, (table.caption, *table.notes)))]
    return "\n".join([*comments, *_tabular_lines(table, plain=plain)]) + "\n"


def standalone(table: Table, *, plain: bool = False) -> str:
    """A document: one page of the size of the table with caption and notes; a long table gets several pages."""
    if len(table.rows) > _ROWS_OF_A_PAGE:
        return _pages(table, plain=plain)
    lines = [
        r"\documentclass[border=8pt]{standalone}",
        *_packages(plain=plain),
        r"\newsavebox{\tablebox}",
        r"\newlength{\tablewidth}",
        r"\begin{document}",
        r"\sbox{\tablebox}{%",
        *_tabular_lines(table, plain=plain),
        r"}%",
        r"\setlength{\tablewidth}{\wd\tablebox}%",
        r"\ifdim\tablewidth<12cm\setlength{\tablewidth}{12cm}\fi",
        r"\begin{minipage}{\tablewidth}",
        r"\raggedright\emergencystretch=3em",
        rf"{escape(table.caption)}\par\medskip",
        r"\noindent\usebox{\tablebox}\par\smallskip",
        r"\footnotesize",
        *(rf"{escape(note)}\par" for note in table.notes),
        r"\end{minipage}",
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def _pages(table: Table, *, plain: bool) -> str:
    """A long table on several pages of its width, with its head on each."""
    width = 1.15 * natural_width_cm(table) + 4
    rows = "\n".join(_tabular_lines(table, plain=plain)).replace("{tabular}", "{longtable}")
    lines = [
        "% Of several pages: run pdflatex four times, until longtable has found the widths of its columns.",
        r"\documentclass{article}",
        *_packages(plain=plain),
        rf"\usepackage[paperwidth={width:.1f}cm,paperheight=29.7cm,margin=1.5cm]{{geometry}}",
        r"\usepackage{longtable}",
        r"\setlength{\LTleft}{0pt}\setlength{\parindent}{0pt}",
        r"\begin{document}",
        r"\raggedright\emergencystretch=3em",
        rf"{escape(table.caption)}\par",
        rows.replace(r"\midrule", "\\midrule\n\\endhead", 1),
        r"\footnotesize",
        *(rf"{escape(note)}\par" for note in table.notes),
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def _packages(*, plain: bool) -> list[str]:
    return [
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage{textcomp}",
        r"\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}",
        r"\usepackage{booktabs,array}" if plain else r"\usepackage{booktabs,siunitx}",
    ]


def natural_width_cm(table: Table) -> float:
    """Approximate width at 10 pt, from the characters of the widest cell of each column."""
    widths = [_paragraph(column) or max(map(_length, column), default=0) for column in _columns(table)]
    for row in reversed(table.head):
        first = 0
        for span in row:
            last = first + span.width - 1
            widths[last] += max(0, len(span.text) - sum(widths[first : last + 1]))
            first = last + 1
    points = _POINTS["character"] * sum(widths) + _POINTS["column"] * table.n_columns
    widest_group = max((_POINTS["character"] * len(row.group) for row in table.rows), default=0)
    return max(points, widest_group) / _POINTS_IN_CM


def _tabular_lines(table: Table, *, plain: bool) -> list[str]:
    stubs, *others = _columns(table)
    columns = [None if plain else number_column(cells) for cells in others]
    kinds = [_words_kind(stubs, "l")]
    for column, cells in zip(columns, others, strict=True):
        kinds.append(column.specification if column else _words_kind(cells, "c" if plain else "l"))
    lines = [] if plain else [r"\begingroup", rf"{_SETUP}%"]
    lines += [r"\begin{tabular}{", *kinds, r"}", r"\toprule"]
    for row in table.head:
        lines.append(_head_line(row, kinds))
        if any(span.width > 1 for span in row):
            lines += _rules(row)
    lines.append(r"\midrule")
    for k, (group, rows) in enumerate(table.grouped()):
        if group:
            lines += ([r"\addlinespace"] if k else []) + [_across(rf"\textit{{{escape(group)}}}", table.n_columns)]
        lines += [_line(row, columns, indent=bool(group)) for row in rows]
    lines.append(r"\bottomrule")
    if table.synthetic:  # a row, because the comments above are not printed
        lines.append(_across(rf"\footnotesize {escape(words.synthetic(table.synthetic))}", table.n_columns))
    return [*lines, r"\end{tabular}" if plain else r"\end{tabular}\endgroup"]


def _columns(table: Table) -> list[list[Cell]]:
    """Cells by column, the stub's first."""
    rows = [(row.stub, *row.cells) for row in table.rows]
    return [[row[k] for row in rows] for k in range(table.n_columns)]


def _words_kind(cells: list[Cell], short: str) -> str:
    """Column type for words: a paragraph column if they are long."""
    width = _paragraph(cells)
    points = _POINTS["character"] * width
    return rf">{{\raggedright\hangindent=1.5em\arraybackslash}}p{{{points:.0f}pt}}" if width else short


def _paragraph(cells: list[Cell]) -> int:
    """Characters per line if the texts of a column are to be wrapped, enough for each word; else 0."""
    if max(map(_length, cells), default=0) <= _LONGEST_LINE:
        return 0
    longest_word = max(len(word) for cell in cells for word in cell.text.split())
    return max(_PARAGRAPH, round(1.3 * longest_word))


def _length(cell: Cell) -> int:
    return len(f"{cell.text} {cell.uncertainty}".strip())


def _head_line(row: tuple[Span, ...], kinds: list[str]) -> str:
    """A head row: headings are centred over numbers and several columns, and left-aligned over words."""
    parts, first = [], 0
    for span in row:
        if first and span.text:
            place = "l" if span.width == 1 and kinds[first][0] in "l>" else "c"
            parts.append(rf"\multicolumn{{{span.width}}}{{{place}}}{{{escape(span.text)}}}")
        else:  # the stub's, or none
            parts += [escape(span.text), *[""] * (span.width - 1)]
        first += span.width
    return " & ".join(parts) + r" \\"


def _rules(row: tuple[Span, ...]) -> list[str]:
    rules, first = [], 1
    for k, span in enumerate(row):
        last = first + span.width - 1
        if k and span.text:
            rules.append(rf"\cmidrule(lr){{{first}-{last}}}")
        first = last + 1
    return rules


def _across(latex: str, n_columns: int) -> str:
    return rf"\multicolumn{{{n_columns}}}{{l}}{{{latex}}} \\"


def _line(row: Row, columns: list[NumberColumn | None], *, indent: bool) -> str:
    stub = (r"\quad " if indent else "") + _words(row.stub)
    cells = (column.cell(cell) if column else _words(cell) for column, cell in zip(columns, row.cells, strict=True))
    return " & ".join([stub, *cells]) + r" \\"


def _words(cell: Cell) -> str:
    """A cell of a column that is not aligned at the decimal point."""
    text = escape(cell.text) if cell.latex is None else cell.latex
    if cell.uncertainty:
        text = f"{text} {escape(cell.uncertainty)}"
    if cell.mark == "best":
        text = rf"\textbf{{{text}}}"
    if cell.mark == "second":
        text = rf"\underline{{{text}}}"
    return text + (r"$^{\dagger}$" if cell.dagger else "")
