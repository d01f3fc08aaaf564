"""What is said of several primary contrasts."""

from __future__ import annotations

from medkt_reports.lookup import Lookup
from medkt_reports.prose import facts, methods, status

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
