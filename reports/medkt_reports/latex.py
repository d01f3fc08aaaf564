r"""LaTeX of a table: booktabs, every text escaped.

In: a `Table`. Out: a tabular to \input, or a document of its own that pdflatex compiles. LaTeX is taken as such only
from `Cell.latex`, which holds what the study file's `label_latex` says.
"""

from __future__ import annotations

import unicodedata

from medkt_reports import words
from medkt_reports.tables import Cell, Row, Span, Table

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "`": r"\textasciigrave{}", "'": r"\textquotesingle{}", '"': r"\textquotedbl{}",
    "[": "{[}", "]": "{]}", "*": "{*}",  # after \\ these would be read as its arguments
    "±": r"$\pm$", "−": r"$-$", "×": r"$\times$", "≥": r"$\geq$", "≤": r"$\leq$", "≈": r"$\approx$", "√": r"$\surd$",
    "†": r"$\dagger$", "‡": r"$\ddagger$", "°": r"$^{\circ}$", "·": r"$\cdot$", "µ": r"$\mu$",
    "–": "--", "—": "---", "…": r"\ldots{}", "‘": "`", "’": "'", "“": "``", "”": "''", "„": r"\quotedblbase{}",
    "\u00a0": "~", "\u202f": "~", "\u2009": "~",
}  # fmt: skip
_GREEK = {
    letter: rf"$\{unicodedata.name(letter).rpartition(' ')[2].lower()}$" for letter in "αβγδεζηθικλμνξπρστυφχψω"
} | {"λ": r"$\lambda$"}  # Unicode's name is "lamda"
_LIGATURES = frozenset(("--", ",,"))  # pairs that T1 fonts would set as another sign
# The letters beyond Latin-1 that the T1 encoding has.
_T1_LETTERS = frozenset("ĂăĄąĆćČčĎďĐđĘęĚěĞğĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž")


def escape(text: str) -> str:
    r"""Text as LaTeX that prints it and does nothing else.

    White space becomes one space. A letter that pdflatex has no glyph for is printed without its accent, or else as its
    code point: give such a label its LaTeX in the study file's `label_latex`.

    Examples
    --------
    >>> print(escape(r"50%_{\input{x}}"))
    50\%\_\{\textbackslash{}input\{x\}\}
    >>> escape("Ménière, 胸")
    'Ménière, {[}U+80F8{]}'
    """
    one_line = " ".join(unicodedata.normalize("NFC", text).split())
    escaped = [_escape_character(character) for character in one_line]
    for k in range(1, len(one_line)):
        if one_line[k - 1 : k + 1] in _LIGATURES:
            escaped[k] = "{}" + escaped[k]
    return "".join(escaped)


def _escape_character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in _GREEK:
        return _GREEK[character]
    if " " <= character <= "~" or character in _T1_LETTERS:
        return character
    if "À" <= character <= "ÿ":
        return character
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if " " <= c <= "~")
    if plain:
        return "".join(_SPECIAL.get(c, c) for c in plain)
    return "" if unicodedata.category(character).startswith("C") else f"{{[}}U+{ord(character):04X}{{]}}"


def tabular(table: Table) -> str:
    r"""The tabular alone, to \input into a table environment; its caption and notes as comments above it."""
    comments = [f"% {escape(text)}" for text in ("Needs booktabs.", table.caption, *table.notes)]
    return "\n".join([*comments, *_tabular_lines(table)]) + "\n"


def standalone(table: Table) -> str:
    """A document of one page, as large as the table with its caption and notes."""
    lines = [
        r"\documentclass[border=8pt]{standalone}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage{textcomp}",
        r"\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}",
        r"\usepackage{booktabs}",
        r"\newsavebox{\tablebox}",
        r"\newlength{\tablewidth}",
        r"\begin{document}",
        r"\sbox{\tablebox}{%",
        *_tabular_lines(table),
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


def _tabular_lines(table: Table) -> list[str]:
    lines = [rf"\begin{{tabular}}{{l{'c' * (table.n_columns - 1)}}}", r"\toprule"]
    for row in table.head:
        lines.append(_head_line(row))
        if any(span.width > 1 for span in row):
            lines += _rules(row)
    lines.append(r"\midrule")
    for k, (group, rows) in enumerate(table.grouped()):
        if group:
            lines += ([r"\addlinespace"] if k else []) + [_across(rf"\textit{{{escape(group)}}}", table.n_columns)]
        lines += [_line(row, indent=bool(group)) for row in rows]
    lines.append(r"\bottomrule")
    if table.synthetic:  # a row of its own: the comments above are lost in print
        lines.append(_across(rf"\footnotesize {escape(words.synthetic(table.synthetic))}", table.n_columns))
    return [*lines, r"\end{tabular}"]


def _head_line(row: tuple[Span, ...]) -> str:
    spans = (
        rf"\multicolumn{{{span.width}}}{{c}}{{{escape(span.text)}}}" if k else escape(span.text)
        for k, span in enumerate(row)
    )
    return " & ".join(spans) + r" \\"


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


def _line(row: Row, *, indent: bool) -> str:
    stub = (r"\quad " if indent else "") + _cell(row.stub)
    return " & ".join([stub, *map(_cell, row.cells)]) + r" \\"


def _cell(cell: Cell) -> str:
    text = escape(cell.text) if cell.latex is None else cell.latex
    if cell.uncertainty:
        text = f"{text} {escape(cell.uncertainty)}"
    if cell.mark == "best":
        text = rf"\textbf{{{text}}}"
    if cell.mark == "second":
        text = rf"\underline{{{text}}}"
    return text + (r"$^{\dagger}$" if cell.undistinguished else "")
