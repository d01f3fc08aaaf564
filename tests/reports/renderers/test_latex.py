"""LaTeX: texts are escaped, numbers aligned and braces balanced, and pdflatex compiles the exported files."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkt_reports import build
from medkt_reports.lookup import Lookup
from medkt_reports.renderers import latex
from medkt_reports.renderers.siunitx_columns import number_column
from medkt_reports.tables.catalogue import build_tables
from medkt_reports.tables.model import Cell, Row, Span, Table, text_cell

NAMES = ("IV", "V", "comparisons", "labels", "label-differences")


def unescaped(text):
    return re.sub(r"\\[{}$&#%_]", "", text)


def is_balanced(text):
    depth = 0
    for character in unescaped(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


@given(st.text())
def test_no_text_leaves_a_special_character_or_an_open_brace(text):
    escaped = latex.escape(text)
    assert is_balanced(escaped)
    bare = re.sub(r"\$\\[a-z]+\$|\$-\$|\$\^\{\\circ\}\$", "", unescaped(escaped))
    assert not set("$&#%_^") & set(bare)
    assert all(command in KNOWN for command in re.findall(r"\\[a-zA-Z]+", bare))
    assert "\n" not in escaped


KNOWN = {
    rf"\{name}"
    for name in (
        "textbackslash",
        "textasciicircum",
        "textasciitilde",
        "textless",
        "textgreater",
        "textbar",
        "textasciigrave",
        "textquotesingle",
        "textquotedbl",
        "ldots",
        "quotedblbase",
    )
}


@pytest.mark.parametrize("name", NAMES)
def test_exported_tables_are_balanced_and_their_names_are_escaped(result, name):
    text = build.table(result, name, "latex")
    assert is_balanced(text)
    assert r"\input" not in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and r"\multicolumn" not in line]
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1


def test_latex_of_a_label_comes_from_the_study_file_alone(result):
    text = build.table(result, "labels", "latex")
    assert r"\emph{Edema}" in text
    assert r"50\%\_\{\textbackslash{}input\{x\}\}" in text


def test_marks(result):
    text = build.table(result, "V", "latex")
    assert re.search(r"& \\bfseries \d\d\.\d+\{ \$\\pm\$ \\num\{\d\.\d+\}\}", text)
    assert re.search(r"& (\d\d\.\d+)\{\\llap\{\\underline\{\\phantom\{\\num\{\1\}\}\}\} \$\\pm\$", text)
    assert r"\rlap{$^{\dagger}$}" in text


def test_plain_needs_no_siunitx(result):
    tables = build_tables(Lookup(result)).present
    for table in tables.values():
        text = latex.tabular(table, plain=True) + latex.standalone(table, plain=True)
        assert not re.search(r"siunitx|sisetup|\\num|S\[", text)
    text = latex.tabular(tables["V"], plain=True)
    assert re.search(r"\\textbf\{\d\d\.\d+ \$\\pm\$ \d\.\d+\}", text)
    assert re.search(r"\\underline\{\d\d\.\d+ \$\\pm\$ \d\.\d+\}", text)


NUMBERS = [
    Cell("76.63", "± 0.18"),
    Cell("+9.5", "(−12.1 to 3.0)"),
    Cell("−0.25", value=-0.0025),
    Cell("> 0.999"),
    Cell("22,274"),
    Cell("n/a"),
    Cell(""),
]


def test_a_column_of_numbers_keeps_room_for_the_widest_of_each_part():
    column = number_column(NUMBERS)
    assert column.specification == r"S[table-format=<+5.3{ (\num{-12.1} to \num{3.0})}]"
    assert [column.cell(cell) for cell in NUMBERS] == [
        r"76.63{ $\pm$ \num{0.18}}",
        r"+9.5{ (\num{-12.1} to \num{3.0})}",
        "-0.25",
        "> 0.999",
        "22274",
        "{n/a}",
        "",
    ]
    second = column.cell(Cell("76.6", mark="second", dagger=True))
    assert second == r"76.6{\llap{\underline{\phantom{\num{76.6}}}\phantom{00}}}\rlap{$^{\dagger}$}"


@pytest.mark.parametrize(
    "words",
    [
        [text_cell("7"), text_cell("last 34 layers")],
        [text_cell("123456789012"), text_cell("ab3456789012")],  # digits of a hash
        [Cell("4 classes", value=4), Cell("14", value=14)],
        [Cell("n/a"), Cell("")],
        [Cell("14", latex=r"\emph{14}")],
        [],
    ],
)
def test_words_are_no_column_of_numbers(words):
    assert number_column(words) is None


HOSTILE = [
    r"50%_{\input{x}}",
    "a & b # $c$ ~ ^",
    "[0.5pt] first",
    "* star",
    "naïve Ménière",
    "β ≥ 3 – “q” --- x",
    "胸部",
    "100 % \\\\ \\end{document}",
    'it\'s "so" `x` <b> |',
    "Ωmega ğüş",
]


def ran(folder, *command):
    return subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=120, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    for program in ("pdflatex", "pdftotext"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt install texlive-science texlive-latex-extra poppler-utils")
    return tmp_path_factory.mktemp("latex")


def compiled(folder, table, *, plain=False, layout="-layout"):
    """The text of a standalone table after pdflatex."""
    name = f"{table.name}-plain" if plain else table.name
    (folder / f"{name}.tex").write_text(latex.standalone(table, plain=plain), encoding="utf-8")
    run = ran(folder, "pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", f"{name}.tex")
    assert run.returncode == 0, f"{name}: {run.stdout[-2000:]}"
    assert "Overfull" not in run.stdout, name
    return ran(folder, "pdftotext", layout, f"{name}.pdf", "-").stdout


@pytest.mark.latex
@pytest.mark.parametrize("plain", [False, True])
def test_every_table_compiles_and_its_cells_are_in_the_pdf(result, folder, plain):
    tables = build_tables(Lookup(result)).present
    assert set(tables) >= set(NAMES)
    for name, table in tables.items():
        printed = parts(compiled(folder, table, plain=plain))
        for row in table.rows:
            for cell in row.cells:
                assert parts(f"{cell.text} {cell.uncertainty}") <= printed, (name, cell)


@pytest.mark.latex
def test_a_long_table_goes_over_pages(result, folder):
    table = build_tables(Lookup(result)).present["comparisons"]
    long = replace(table, name="long", rows=table.rows * 40)
    assert len(long.rows) > 500
    compiled(folder, long)
    pages = ran(folder, "pdfinfo", "long.pdf").stdout
    assert int(re.search(r"Pages:\s+(\d+)", pages)[1]) > 5
    assert r"\endhead" in latex.standalone(long)
    assert r"\endhead" not in latex.standalone(table)


def parts(text):
    """Words and numbers, without TeX's spaces."""
    return set(re.split(r"[\s<>()†+]+", text.replace("−", "-")))


@pytest.mark.latex
@pytest.mark.parametrize("plain", [False, True])
def test_hostile_text_is_printed_as_it_stands(folder, plain):
    rows = (Row(text_cell(text), (text_cell(text), text_cell("")), group=text) for text in HOSTILE)
    head = ((Span(HOSTILE[1]), Span(HOSTILE[2], 2)),)
    table = Table("hostile", HOSTILE[0], " ".join(HOSTILE), head, tuple(rows), tuple(HOSTILE))
    flat = "".join(compiled(folder, table, plain=plain).split())
    for text in (r"50%_{\input{x}}", "a&b#$c$~^", "[0.5pt]first", "*star", "naïveMénière", r"\\\end{document}", "ğüş"):
        assert text in flat


@pytest.mark.latex
@pytest.mark.parametrize("plain", [False, True])
def test_long_texts_are_set_in_lines(folder, plain):
    long = ["word " * 40, "unbreakable" * 6, "short"]
    rows = tuple(Row(text_cell(text), (text_cell(text), Cell("1.5", value=1.5))) for text in long)
    table = Table("long", "", "", ((Span("x"), Span("y"), Span("z")),), rows)
    assert latex.natural_width_cm(table) < 40
    assert "unbreakable" * 6 in compiled(folder, table, plain=plain)


@pytest.mark.latex
def test_decimal_points_stand_under_each_other(folder):
    values = [
        Cell("76.63", "± 0.18"),
        Cell("9.5", "± 1.1", mark="second"),
        Cell("−0.25", "(−1.2 to 3.1)"),
        Cell("100.0", dagger=True),
    ]
    table = Table(
        "aligned",
        "",
        "",
        ((Span("x"), Span("A long head over the numbers")),),
        tuple(Row(text_cell("row"), (cell,)) for cell in values),
    )
    boxes = re.findall(r'xMax="([\d.]+)" yMax="[\d.]+">([^<]*)<', compiled(folder, table, layout="-bbox"))
    points = [
        float(right) - DIGIT * len(number.partition(".")[2])
        for cell in values
        for right, number in boxes
        if number == cell.text
    ]
    assert len(points) == len(values)
    assert max(points) - min(points) < 0.1


DIGIT = 4.98  # width of a digit of Latin Modern at 10 pt


@pytest.mark.latex
@pytest.mark.parametrize("name", ["V", "comparisons", "label-differences"])
def test_the_width_that_the_comment_gives_is_that_of_the_table(result, folder, name):
    table = build_tables(Lookup(result)).present[name]
    compiled(folder, table)
    size = re.search(r"Page size: +([\d.]+)", ran(folder, "pdfinfo", f"{table.name}.pdf").stdout)
    set_cm = float(size[1]) / 72 * 2.54 - 0.56  # except the page's border
    assert latex.natural_width_cm(table) == pytest.approx(set_cm, rel=0.1)
