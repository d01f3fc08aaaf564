"""What varies in a test: thresholds are chosen again only in tests that use them and choose them again."""

from __future__ import annotations

import pytest

from medkt_reports.lookup import Lookup
from medkt_reports.prose import conditions
from medkt_reports.prose.definitions import definitions
from medkt_reports.prose.facts import facts


@pytest.mark.parametrize(("test", "thresholds"), [("mcnemar", "chosen"), ("delong-clustered", "none")])
def test_thresholds_are_not_chosen_again_in_it(result, test, thresholds):
    settings = result.settings.model_copy(update={"thresholds": "refit"})
    row = result.comparisons[0].model_copy(update={"test": test, "scope": "patients", "metric": "f1"})
    f1 = result.estimates[0].model_copy(update={"metric": "f1"})
    changes = {"settings": settings, "comparisons": [row], "estimates": [*result.estimates, f1]}
    lookup = Lookup(result.model_copy(update=changes))
    assert conditions.of_report(lookup).thresholds == "refit"
    assert conditions.of_test(lookup, test).thresholds == thresholds
    (meaning,) = [meaning for term, meaning in definitions(lookup) if term == f"Test {test}, scope patients"]
    assert "chosen again" not in meaning


def test_a_family_of_labels_or_contrasts_is_defined_only_if_they_were_named(result):
    adjustment = {"confirmatory labels over comparisons": "holm", "primary": "none"}
    primary = {"arm_a": "chest-at", "arm_b": "chest-tl"}
    for labels, named in (([], None), (["Edema"], None), ([], primary)):
        changes = {"adjustment": adjustment, "confirmatory_labels": labels, "primary": named}
        settings = result.settings.model_copy(update=changes)
        lookup = Lookup(result.model_copy(update={"settings": settings}))
        terms = [term for term, _ in definitions(lookup)]
        adjusted = facts(lookup)["adjustment"] or ""
        assert ("Family: confirmatory labels over comparisons" in terms) == bool(labels)
        assert ("confirmatory labels" in adjusted) == bool(labels)
        assert ("Family: primary" in terms) == (named is not None)
        assert ("primary: none" in adjusted) == (named is not None)
