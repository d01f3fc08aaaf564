"""LaTeX: every text escaped, braces balanced, and pdflatex compiles what is exported."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medkt_reports import build, latex
from medkt_reports.lookup import Lookup
from medkt_reports.tables import Row, Span, Table, text_cell

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


KNOWN = {rf"\{name}" for name in ("textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater",
                                  "textbar", "textasciigrave", "textquotesingle", "textquotedbl", "ldots",
                                  "quotedblbase")}  # fmt: skip


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
    assert re.search(r"\\textbf\{\d\d\.\d+ \$\\pm\$ \d\.\d+\}", text)
    assert re.search(r"\\underline\{\d\d\.\d+ \$\\pm\$ \d\.\d+\}", text)
    assert r"$^{\dagger}$" in text


HOSTILE = [r"50%_{\input{x}}", "a & b # $c$ ~ ^", "[0.5pt] first", "* star", "naïve Ménière", "β ≥ 3 – “q” --- x",
           "胸部", "100 % \\\\ \\end{document}", "it's \"so\" `x` <b> |", "Ωmega ğüş"]  # fmt: skip


def ran(folder, *command):
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=120,
                          check=False)  # fmt: skip


@pytest.fixture(scope="module")
def compiled(result, tmp_path_factory):
    """Text of each standalone table as pdflatex set it, and pdflatex's log."""
    for program in ("pdflatex", "pdftotext"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt install texlive-science poppler-utils")
    folder = tmp_path_factory.mktemp("latex")
    tables = {name: table for name, table in build.built_tables(Lookup(result)).items() if table is not None}
    tables["hostile"] = Table(
        "hostile", HOSTILE[0], " ".join(HOSTILE), ((Span(HOSTILE[1]), Span(HOSTILE[2], 2)),),
        tuple(Row(text_cell(text), (text_cell(text), text_cell("")), group=text) for text in HOSTILE), tuple(HOSTILE),
    )  # fmt: skip
    made = {}
    for name, table in tables.items():
        (folder / f"{name}.tex").write_text(latex.standalone(table), encoding="utf-8")
        run = ran(folder, "pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", f"{name}.tex")
        made[name] = (table, run.returncode, run.stdout, ran(folder, "pdftotext", "-layout", f"{name}.pdf", "-").stdout)
    return made


@pytest.mark.latex
def test_every_standalone_table_compiles(compiled):
    assert set(compiled) == {*NAMES, "hostile"}
    for name, (_, code, log, _) in compiled.items():
        assert code == 0, f"{name}: {log[-2000:]}"
        assert r"Overfull \hbox" not in log, name


@pytest.mark.latex
def test_the_cells_are_in_the_pdf(compiled):
    for name, (table, _, _, text) in compiled.items():
        if name == "hostile":
            continue
        words = text.replace("−", "-").split()
        for row in table.rows:
            for cell in row.cells:
                printed = cell.text.replace("−", "-")
                assert all(any(part in word for word in words) for part in printed.split()), (name, cell)


@pytest.mark.latex
def test_hostile_text_is_printed_as_it_stands(compiled):
    flat = "".join(compiled["hostile"][3].split())
    for text in (r"50%_{\input{x}}", "a&b#$c$~^", "[0.5pt]first", "*star", "naïveMénière", r"\\\end{document}", "ğüş"):
        assert text in flat
