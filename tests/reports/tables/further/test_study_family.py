"""The family of the whole study in its table and in Methods; the level of non-inferiority wherever it is printed."""

from __future__ import annotations

import pytest

from medkt_eval.results.recorded import StudyFamilyMember
from medkt_reports.lookup import Lookup
from medkt_reports.prose import methods, sentences
from medkt_reports.prose.margins import Margins
from medkt_reports.tables.further.comparisons import companions_table
from medkt_reports.tables.further.study_family import study_family_table


def members(method):
    return [
        StudyFamilyMember(
            dataset="phantom-chest",
            arm_a="chest-at",
            arm_b="chest-tl",
            metric="auc",
            label=label,
            family="f",
            difference=0.037,
            p_value=p,
            p_adjusted=None if p is None else 2 * p,
            low=low,
            high=high,
            level=0.95,
            method=method,
            size=1,
            undefined_because=because,
        )
        for label, p, low, high, because in (("macro", 0.004, 0.0, 0.081, None), ("weighted", None, None, None, "why"))
    ]


@pytest.mark.parametrize(("method", "said"), [("holm", "Guilbaud 2008"), ("bonferroni", "Bonferroni's method")])
def test_the_method_is_named_with_its_limits(result, method, said):
    lookup = Lookup(result.model_copy(update={"study_family": members(method)}))
    table = study_family_table(lookup)
    assert said in table.notes[0]
    assert "1 in one family" in table.caption
    assert [cell.text for cell in table.rows[0].cells][1:] == ["+3.7", "0.004", "0.008"]
    assert table.rows[0].cells[1].uncertainty == "(0.0 to 8.1)"
    assert table.rows[1].cells[-1].footnote == "why"
    text = methods.methods_paragraph(lookup)
    assert "One further family holds every comparison on an average of the AUC, 1 in all, adjusted" in text
    assert said in text
    assert study_family_table(Lookup(result)) is None


def test_the_level_of_non_inferiority_is_printed_in_table_sentence_and_methods(result):
    answered = next(
        row
        for row in result.comparisons
        if (row.arm_a, row.arm_b, row.label, row.kind) == ("chest-at", "chest-tl", "macro", "declared")
    )
    answered = answered.model_copy(
        update={
            "scope": "seeds+patients",
            "test": "obuchowski-rockette",
            "difference": 0.0,
            "low": -0.015,
            "high": 0.03,
            "adjustment": None,
        }
    )
    test = answered.model_copy(
        update={"test": "non-inferiority", "margin": 0.02, "level": 0.95, "low": -0.015, "p_value": 0.01}
    )
    others = [row for row in result.comparisons if row.kind != "declared"]
    settings = result.settings.model_copy(update={"margin": 0.02})
    changed = result.model_copy(update={"comparisons": [answered, test, *others], "settings": settings})
    lookup = Lookup(changed)
    sentence = sentences.sentence(lookup, answered, Margins(changed))
    assert "p = 0.010, one-sided 2.5 %" in sentence.text
    assert "non-inferiority by a one-sided test at 2.5 %" in methods.methods_paragraph(lookup)
    notes = " ".join(companions_table(lookup).notes)
    assert "interval: 2.5 % and 95 % for non-inferiority" in notes
