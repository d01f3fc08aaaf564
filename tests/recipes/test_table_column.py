"""The recipe of a column and a table: both are in every form of the report."""

from __future__ import annotations

import csv
import re


def test_a_new_column_is_in_every_form_of_the_table(recipe, report):
    out = report(recipe("Add a table column"), timed=False)
    with (out / "tables" / "comparisons.csv").open(encoding="utf-8") as file:
        assert [row["Patients"] for row in csv.DictReader(file)] == ["317"]
    markdown = (out / "tables" / "comparisons.md").read_text(encoding="utf-8")
    assert re.search(r"^\| Left arm .* Seeds \| Patients \|$", markdown, re.MULTILINE)
    assert re.search(r"\| 2 \+ 2 \| 317 \|$", markdown, re.MULTILINE)
    latex = (out / "tables" / "comparisons.tex").read_text(encoding="utf-8")
    assert "{Seeds} & " in latex
    assert re.search(r"\{Patients\} .*\n", latex)
    assert re.search(r"& 317 \\\\", latex)
    page = (out / "index.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="comparisons"') :]
    section = section[: section.index("</section>")]
    assert '<th scope="col">Seeds</th><th scope="col">Patients</th></tr>' in section
    assert "<td>317</td></tr>" in section


def test_a_new_table_is_shown_or_said_to_be_missing(recipe, report):
    copy = recipe("Add a table")
    without = (report(copy, timed=False) / "index.html").read_text(encoding="utf-8")
    assert "<li>Training time: not recorded.</li>" in without[without.index('<section id="missing"') :]
    out = report(copy, timed=True)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Training time: not recorded." not in page
    section = page[page.index('<section id="learning"') :]
    section = section[: section.index("</section>")]
    assert '<th scope="col">Seconds a run</th>' in section
    for end in (".tex", "-standalone.tex", ".csv", ".md"):
        text = (out / "tables" / f"training-time{end}").read_text(encoding="utf-8")
        assert "Seconds a run" in text
        assert re.search(r"\b89\b", text)
