"""Tables IV and V: the position of each arm, the best arm, and arms that do not differ significantly from it."""

from __future__ import annotations

import csv
import io

import pytest

from medkt_reports import build
from medkt_reports.language.words import caution
from medkt_reports.lookup import Lookup
from medkt_reports.renderers import plain
from medkt_reports.tables.further.comparisons import comparisons_table
from medkt_reports.tables.further.labels import label_differences_table, labels_table, thresholds_table
from medkt_reports.tables.paper.tables_four_and_five import best_and_second, table_five, table_four


@pytest.fixture(scope="module")
def lookup(result):
    return Lookup(result)


def headings(table):
    return [[(span.text, span.width) for span in row] for row in table.head]


def test_table_five_has_the_columns_of_the_paper(lookup):
    head = headings(table_five(lookup, "seeds:t"))
    assert head[0] == [("Metric", 1), ("Transfer learning", 3), ("Attention transfer", 3)]
    assert head[1][1:] == [("DenseNet-121", 2), ("DenseNet-40", 1), ("Teacher ImageNet", 1), ("Teacher MIMIC-CXR", 2)]
    assert head[2][1:4] == [("all layers", 1), ("last 34 layers", 1), ("all layers", 1)]
    assert head[3][-2:] == [("beta 1", 1), ("beta 30", 1)]
    assert [text for text, _ in head[-1]] == ["Trainable parameters", "7.0m", "2.7m", "1.4m", "1.4m", "1.4m", "1.4m"]


def test_table_four_has_no_teacher_and_random_start_stands_apart(lookup):
    table = table_four(lookup, "seeds:t")
    assert [text for text, _ in headings(table)[0][1:]] == ["From scratch", "Transfer learning", "Attention transfer"]
    assert [row.stub.text for row in table.rows] == ["Phantom chest (200)", "tiny_{set}&"]
    printed = " ".join(cell.footnote for row in table.rows for cell in row.cells)
    assert "The teacher" not in printed


def test_every_head_row_spans_every_column(lookup):
    tables = [
        table_four(lookup, "seeds:t"),
        table_five(lookup, "seeds:t"),
        labels_table(lookup, "seeds:t"),
        label_differences_table(lookup),
        comparisons_table(lookup),
        thresholds_table(lookup),
    ]
    for table in tables:
        assert {sum(span.width for span in row) for row in table.head} == {table.n_columns}
        assert {len(row.cells) + 1 for row in table.rows} == {table.n_columns}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.70, 0.80, 0.75], [None, "best", "second"]),
        ([0.7801, 0.7802, 0.70], ["best", "best", None]),  # both print 78.0: two best, no second
        ([0.80, 0.70, 0.70], ["best", "second", "second"]),
        ([0.80, None, None], [None, None, None]),  # the best of one is nothing
        ([None, None], [None, None]),
        ([0.7, 0.7], ["best", "best"]),
    ],
)
def test_best_and_second(values, expected):
    assert best_and_second(values, 1) == expected


def test_an_arm_that_cannot_be_told_from_the_best_has_a_dagger(lookup, result):
    table = table_five(lookup, "seeds:t")
    arms = [
        "fundus-tl121",
        "fundus-tl121-last34",
        "fundus-tl40",
        "fundus-at-imagenet",
        "fundus-at-mimic-beta1",
        "fundus-at-mimic-beta30",
    ]
    seen = set()
    for row, (metric, label) in zip(table.rows, [("auc", "macro"), ("f1", "weighted")], strict=True):
        best = arms[[cell.mark for cell in row.cells].index("best")]
        for arm, cell in zip(arms, row.cells, strict=True):
            if arm == best:
                assert not cell.dagger
                continue
            found = [
                c
                for c in result.comparisons
                if {c.arm_a, c.arm_b} == {arm, best} and c.kind == "table" and (c.metric, c.label) == (metric, label)
            ]
            p = found[0].p_adjusted
            assert cell.dagger == (p is None or p >= 0.05)
            seen.add(cell.dagger)
    assert seen == {True, False}
    assert any(note.startswith("† Not significantly different from the best") for note in table.notes)


def test_without_comparisons_no_arm_has_a_dagger_and_a_note_says_why(result):
    table = table_five(Lookup(result.model_copy(update={"comparisons": []})), "seeds:t")
    assert not any(cell.dagger for row in table.rows for cell in row.cells)
    assert any("No arm was compared with the best" in note for note in table.notes)
    assert not any(note.startswith("†") for note in table.notes)


def test_the_papers_convention_carries_its_caution(lookup):
    assert caution(0.95) in table_four(lookup, "seeds:normal").notes
    assert caution(0.95) not in table_four(lookup, "seeds:t").notes
    assert lookup.intervals() == ["seeds:t", "seeds:normal"]


def test_the_preferred_interval_comes_first(result):
    wider = [row.model_copy(update={"interval": "seeds+patients:or"}) for row in result.estimates]
    found = Lookup(result.model_copy(update={"estimates": [*wider, *result.estimates]})).intervals()
    assert found == ["seeds+patients:or", "seeds:t", "seeds:normal"]


def test_intervals_that_are_not_symmetric_print_both_ends(result):
    skewed = [row.model_copy(update={"high": row.high + 0.01}) if row.high else row for row in result.estimates]
    table = table_four(Lookup(result.model_copy(update={"estimates": skewed})), "seeds:t")
    assert table.rows[0].cells[0].uncertainty.startswith("(")
    assert " to " in table.rows[0].cells[0].uncertainty


def test_what_does_not_exist_says_why(lookup):
    cells = table_four(lookup, "seeds:t").rows[1].cells
    assert [cell.text for cell in cells] == ["", "n/a", "n/a"]
    assert "no positive image" in cells[1].footnote


def test_differences_by_label_are_adjusted_within_one_comparison(lookup, result):
    table = label_differences_table(lookup)
    assert "over the labels of one comparison, not over comparisons" in " ".join(table.notes)
    groups = dict(table.grouped())
    rows = groups["Phantom chest, 200 training images: Random start − TL"]
    asked = ("chest-scratch", "chest-tl", "auc", "declared")
    expected = [c for c in result.comparisons if (c.arm_a, c.arm_b, c.metric, c.kind) == asked]
    expected = [c for c in expected if c.label not in ("macro", "weighted")]
    assert [row.cells[3].value for row in rows] == [c.difference for c in expected]
    assert [row.cells[5].value for row in rows] == [c.p_adjusted for c in expected]


def test_all_average_comparisons_are_in_the_table(lookup, result):
    expected = [c for c in result.comparisons if c.label in ("macro", "weighted")]
    assert len(comparisons_table(lookup).rows) == len(expected)


def test_csv_holds_unrounded_numbers_and_ends_of_intervals(lookup, result):
    table = table_four(lookup, "seeds:t")
    rows = list(csv.DictReader(io.StringIO(plain.comma_separated(table))))
    name = "Transfer learning / DenseNet-40 / all layers / 1.4m"
    expected = lookup.estimate("phantom-chest", "chest-tl", "auc", "macro", "seeds:t")
    assert float(rows[0][name]) == expected.value
    assert (float(rows[0][f"{name} low"]), float(rows[0][f"{name} high"])) == (expected.low, expected.high)
    assert rows[1][name] == ""


def test_markdown_escapes_what_would_be_markup(lookup):
    text = plain.markdown(labels_table(lookup, "seeds:t"))
    assert "<script" not in text.replace("\\<script", "")
    body = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in body}) == 1


def test_arms_that_share_a_name_are_told_apart(lookup):
    names = [lookup.names[arm] for arm in ("fundus-at-imagenet", "fundus-at-mimic-beta1", "fundus-at-mimic-beta30")]
    assert names == ["AT, teacher ImageNet", "AT, teacher MIMIC-CXR, beta 1", "AT, teacher MIMIC-CXR, beta 30"]
    assert len(set(lookup.names.values())) >= len([arm for arm in lookup.result.arms if arm.dataset != "tiny_{set}&"])


def test_the_dagger_and_the_quantile_follow_the_level(result):
    fields = {"level": 0.9}
    at_90 = result.model_copy(
        update={
            "settings": result.settings.model_copy(update=fields),
            "comparisons": [row.model_copy(update={**fields, "p_adjusted": 0.07}) for row in result.comparisons],
        }
    )
    table = table_five(Lookup(at_90), "seeds:normal")
    assert not any(cell.dagger for row in table.rows for cell in row.cells)  # 0.07 < 0.1
    assert any("p ≥ 0.1," in note for note in table.notes)
    assert "mean ± 1.64 s/√k" in table.caption
    assert caution(0.9) in table.notes
    assert "1.96" not in " ".join((table.caption, *table.notes))
    assert "mean ± 1.96 s/√k" in caution(0.95)


def test_tables_of_synthetic_data_say_so(result, only_arms):
    for name in ("IV", "comparisons", "labels", "label-differences"):
        for form in ("latex", "html", "markdown"):
            assert "SYNTHETIC: Phantom chest" in build.table(result, name, form)
    lines = build.table(only_arms, "IV", "latex").splitlines()
    assert any(line.startswith(r"\multicolumn") and "SYNTHETIC" in line for line in lines)  # printed, not a comment
    table = table_four(Lookup(only_arms), "seeds:t")
    assert "SYNTHETIC" in table.caption
    assert any("SYNTHETIC" in note for note in table.notes)
    assert "SYNTHETIC" not in build.table(result, "V", "latex")  # of images declared real
    rows = list(csv.DictReader(io.StringIO(build.table(result, "IV", "csv"))))
    assert [row["synthetic"] for row in rows] == ["true", "false"]
