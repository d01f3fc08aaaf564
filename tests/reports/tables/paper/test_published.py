"""Published numbers beside those of the same arm, and what their half widths support, against scipy's Welch test."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medkt_eval.results.recorded import Reference
from medkt_reports.lookup import Lookup
from medkt_reports.renderers import plain
from medkt_reports.tables.paper import published_difference as rules
from medkt_reports.tables.paper.published import reference_differences_table, reference_table
from medkt_reports.tables.paper.published_difference import published_difference

Z = 1.959963984540054  # R: qnorm(0.975)


def published(value: float, half_width: float | None, **changes: Any) -> Reference:
    fields: dict[str, Any] = {
        "source": "The paper, Table IV",
        "dataset": "chexpert",
        "train_size": 5000,
        "method": "transfer_learning",
        "student": "densenet121",
        "value": value,
        "half_width": half_width,
        "n_seeds": 3,
    }
    return Reference(**{**fields, **changes})


AT: dict[str, Any] = {"method": "attention_transfer", "teacher": "mimic"}
# Table IV, CheXpert 5k.
PAPER = [
    published(0.7286, 0.0018),
    published(0.7123, 0.0012, unfrozen="last34"),
    published(0.7183, 0.0023, student="densenet40"),
    published(0.7264, 0.0012, method="attention_transfer", teacher="imagenet"),
    published(0.7222, 0.0010, student="densenet40", method="attention_transfer", teacher="imagenet"),
    published(0.766, 0.0003, **AT),
    published(0.7545, 0.0030, student="densenet40", **AT),
]


def lookup_of(result, references):
    settings = result.settings.model_copy(update={"reference": list(references)})
    return Lookup(result.model_copy(update={"settings": settings}))


@given(st.floats(1e-4, 0.05), st.floats(1e-4, 0.05), st.integers(2, 12), st.integers(2, 12))
def test_the_student_reading_is_welch_s(h_a, h_b, k_a, k_b):
    a, b = published(0.8, h_a, n_seeds=k_a), published(0.75, h_b, n_seeds=k_b)
    found = published_difference(a, b)
    of_a, of_b = (h * k**0.5 / Z for h, k in ((h_a, k_a), (h_b, k_b)))  # standard deviations over seeds
    test = stats.ttest_ind_from_stats(a.value, of_a, k_a, b.value, of_b, k_b, equal_var=False)
    low = found.difference - found.half_width_student
    # 0 lies on the end of the interval where the difference is as large as its half width: p is 0.05 there
    at_end = stats.ttest_ind_from_stats(a.value - low, of_a, k_a, b.value, of_b, k_b, equal_var=False)
    assert at_end.pvalue == pytest.approx(0.05, abs=1e-9)
    assert found.half_width == pytest.approx((h_a**2 + h_b**2) ** 0.5, rel=1e-12)
    assert (found.half_width_student > found.half_width) or found.df > 1e6
    rounded_away = 0.5 * 10.0 ** -(found.decimals + 2)  # an end that prints as 0 counts as 0
    if abs(test.pvalue - 0.05) > 1e-3 and abs(low) > rounded_away:
        assert (found.excludes_0 == rules.BOTH) == (test.pvalue < 0.05)


def test_what_the_paper_s_differences_support(result):
    table = reference_differences_table(lookup_of(result, PAPER))
    said = {row.stub.text: row.cells[3].text for row in table.rows}
    assert said == {
        "Transfer learning, DenseNet-121, last 34 layers": "by both readings",
        # 72.64 - 72.86 with +-0.2163 ends at -0.0037: rounded away at the published digits
        "Attention transfer from ImageNet, DenseNet-121": "no, includes 0",
        "Attention transfer from ImageNet, DenseNet-40": "only by the normal quantile",
        "Attention transfer from MIMIC-CXR, DenseNet-121": "by both readings",
        "Attention transfer from MIMIC-CXR, DenseNet-40": "by both readings",
    }
    row = table.rows[3]
    assert (row.cells[0].text, row.cells[0].uncertainty) == ("+3.74", "(3.56 to 3.92)")
    # R: s <- c(0.03, 0.18) / qnorm(.975); df <- sum(s^2)^2 / sum(s^4 / 2)
    # 3.74 + c(-1, 1) * qt(.975, df) * sqrt(sum(s^2))
    assert row.cells[1].text == "3.36 to 4.12"
    assert row.cells[2].value == pytest.approx(2.111025443, rel=1e-6)
    assert row.cells[0].footnote == ""
    assert row.stub.footnote == "Minus Transfer learning, DenseNet-121."


def test_they_support_nothing_about_new_patients(result):
    notes = " ".join(reference_differences_table(lookup_of(result, PAPER)).notes)
    assert "neither supports a statement about new patients" in notes
    assert "30 to 90 %" in notes


@pytest.mark.parametrize(
    ("changes", "said", "because"),
    [
        ({"half_width": None}, "not known, no interval", "no half width was published"),
        ({"n_seeds": None}, "by the normal quantile; t is not known", "the number of seeds is not given"),
        ({"n_seeds": 1}, "by the normal quantile; t is not known", "one seed has no variation to estimate"),
    ],
)
def test_what_is_missing_is_said(result, changes, said, because):
    one = PAPER[5].model_copy(update=changes)
    found = published_difference(one, PAPER[0])
    assert (found.excludes_0, found.half_width_student, found.no_student_because) == (said, None, because)
    row = reference_differences_table(lookup_of(result, [PAPER[0], one])).rows[0]
    assert row.cells[1].text == row.cells[2].text == "n/a"
    assert row.cells[1].footnote == because


def test_two_half_widths_of_0_have_no_student_reading():
    found = published_difference(published(0.8, 0.0), published(0.7, 0.0))
    assert (found.df, found.no_student_because) == (None, "both published half widths are 0")


def test_only_the_same_source_size_metric_and_student_is_a_baseline(result):
    others = [
        {"source": "Others"},
        {"train_size": 50_000},
        {"metric": "f1"},
        {"student": "densenet40"},
        {"unfrozen": "last34"},
        {"dataset": "eyepacs"},
    ]
    for changes in others:
        base = PAPER[0].model_copy(update=changes)
        assert reference_differences_table(lookup_of(result, [base, PAPER[5]])) is None
    assert reference_differences_table(lookup_of(result, [])) is None


OURS: dict[str, Any] = {"dataset": "phantom-chest", "train_size": 200, "student": "densenet40"}


def test_ours_stand_beside_the_same_arm_alone(result):
    mine = published(0.75, 0.01, **OURS)
    differing = [
        {"dataset": "chexpert"},
        {"train_size": 201},
        {"method": "attention_transfer"},
        {"student": "densenet121"},
        {"teacher": "mimic"},
        {"unfrozen": "last34"},
    ]
    lookup = lookup_of(result, [mine, *(mine.model_copy(update=changes) for changes in differing)])
    table = reference_table(lookup)
    estimate = lookup.estimate("phantom-chest", "chest-tl", "auc", "macro", "seeds:t")
    with_ours = [row for row in table.rows if row.cells[2].value is not None]
    assert len(table.rows) == 7
    assert [row.cells[2].value for row in with_ours] == [estimate.value]
    first = with_ours[0]
    assert (first.cells[0].text, first.cells[0].uncertainty, first.cells[1].text) == ("75.0", "± 1.0", "3")
    assert (first.cells[2].low, first.cells[2].high, first.cells[3].value) == (estimate.low, estimate.high, 3)
    assert first.synthetic == "Phantom chest"
    assert {row.cells[2].footnote for row in table.rows if row is not first} == {"no such arm in these results"}
    assert not any(row.synthetic for row in table.rows if row is not first)
    assert all("published: The paper, Table IV" in row.group for row in table.rows)
    assert "Published, %" in table.column_names()


def test_a_metric_that_we_lack_leaves_a_blank_that_says_so(result):
    table = reference_table(lookup_of(result, [published(0.75, None, **OURS, metric="kappa_quadratic", n_seeds=None)]))
    cells = table.rows[0].cells
    assert [cell.text for cell in cells] == ["75.0", "", "", ""]
    assert (cells[1].footnote, cells[2].footnote) == ("not given", "no such metric in these results")


def test_of_several_arms_of_ours_each_has_its_row(result):
    mine = published(0.84, 0.004, dataset="phantom-fundus", train_size=800, student="densenet40", **AT)
    table = reference_table(lookup_of(result, [mine]))
    assert [row.stub.text for row in table.rows] == [
        "Attention transfer from MIMIC-CXR, DenseNet-40 (ours: AT, teacher MIMIC-CXR, beta 1)",
        "Attention transfer from MIMIC-CXR, DenseNet-40 (ours: AT, teacher MIMIC-CXR, beta 30)",
    ]


def test_the_csv_holds_the_published_numbers_with_their_ends(result):
    table = reference_table(lookup_of(result, PAPER[:1]))
    row = next(csv.DictReader(io.StringIO(plain.comma_separated(table))))
    read = [float(row[f"Published, %{end}"]) for end in ("", " low", " high")]
    assert read == pytest.approx([0.7286, 0.7268, 0.7304], abs=1e-12)
    assert row["Ours, %"] == ""
    assert reference_table(lookup_of(result, [])) is None


def test_a_published_brier_score_is_on_its_own_scale(result):
    scores = [
        published(0.1158, 0.0012, metric="brier"),
        published(0.1110, 0.0010, metric="brier", **AT),
        published(0.766, 0.0118),
    ]
    settings = result.settings.model_copy(update={"reference": scores})
    lookup = Lookup(result.model_copy(update={"settings": settings}))
    table = reference_table(lookup)
    by_group = {group: rows[0].cells[0] for group, rows in table.grouped()}
    (brier,) = (cell for group, cell in by_group.items() if "macro Brier score (own scale)" in group)
    assert (brier.text, brier.uncertainty) == ("0.1158", "± 0.0012")
    (auc,) = (cell for group, cell in by_group.items() if "macro AUC (%)" in group)
    assert (auc.text, auc.uncertainty) == ("76.60", "± 1.18")
    assert [span.text for span in table.head[0]][1] == "Published"
    difference = reference_differences_table(lookup).rows[0].cells[0]
    half = (0.0012**2 + 0.0010**2) ** 0.5
    assert difference.text == "−0.0048"
    assert difference.uncertainty == f"(−{0.0048 + half:.4f} to −{0.0048 - half:.4f})"
