"""What is said of several primary contrasts and of confirmatory labels."""

from __future__ import annotations

import pytest

from medkt_reports.lookup import Lookup
from medkt_reports.prose import facts, methods, status
from medkt_reports.tables.further import labels

CONTRASTS = [
    {"arm_a": "chest-at", "arm_b": "chest-tl", "metric": "auc", "label": "macro"},
    {"arm_a": "chest-at", "arm_b": "chest-tl", "metric": "f1", "label": "Edema", "margin": 0.05},
]


def lookup_of(result, primary, **changes):
    settings = result.settings.model_copy(update={"primary": primary, "declared": "before", **changes})
    return Lookup(result.model_copy(update={"settings": settings}))


def test_several_are_one_family_everywhere(result):
    lookup = lookup_of(result, CONTRASTS)
    for text in (status.confirmatory_status(lookup), methods.methods_paragraph(lookup)):
        assert "The 2 primary contrasts (" in text
        assert "on macro AUC (" in text
        assert "F1 for Edema (Phantom chest, 200 training images)) were named in the study file before the test" in text
        assert "adjusted by Holm's method" in text
        assert "Its p-value is not adjusted" not in text


def test_each_names_its_training_set_where_there_are_several(result):
    lookup = lookup_of(result, CONTRASTS)
    assert f"on macro AUC ({lookup.training_sets()[0].text}); " in status.confirmatory_status(lookup)


def test_confirmatory_labels_are_not_called_secondary(result):
    text = status.confirmatory_status(lookup_of(result, CONTRASTS, confirmatory_labels=["Edema"]))
    assert text.endswith("secondary, except on Edema, which the study file names as confirmatory.")


def test_a_list_of_one_is_not_said_to_be_several(result):
    text = status.confirmatory_status(lookup_of(result, CONTRASTS[:1]))
    assert "a family of one" in text


def test_margins_are_those_of_the_contrasts(result):
    lookup = lookup_of(result, CONTRASTS, margin=0.02)
    assert "The margins of equivalence were ±2 points and ±5 points." in methods.methods_paragraph(lookup)
    assert facts.facts(lookup)["margin"] == "2 points and 5 points"
    own = methods.methods_paragraph(lookup_of(result, CONTRASTS))
    assert "The margin of equivalence was ±5 points, declared in the study file before" in own


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("before", "No primary contrast was named. Edema was named as a confirmatory label in the study file before"),
        ("after", "Edema was named as a confirmatory label in a study file that replaced an earlier one after"),
        ("unknown", "Edema was named as a confirmatory label in the study file; nothing records"),
    ],
)
def test_a_confirmatory_label_says_when_it_was_named(result, declared, said):
    holm = [
        row.model_copy(update={"adjustment": "holm"}) if row.label == "Edema" else row for row in result.comparisons
    ]
    changed = result.model_copy(update={"comparisons": holm})
    lookup = lookup_of(changed, None, confirmatory_labels=["Edema"], declared=declared)
    table = labels.label_differences_table(lookup)
    texts = [status.confirmatory_status(lookup), methods.methods_paragraph(lookup), " ".join(table.notes)]
    for text in texts:
        assert said.removeprefix("No primary contrast was named. ") in text
        assert "Edema, named in advance" not in text
        assert ("read it as exploratory" in text) == (declared == "after")
    assert said in texts[0]
    assert "the analysis is exploratory" not in texts[1]
