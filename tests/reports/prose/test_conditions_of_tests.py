"""What varies in a test: thresholds are chosen again only in tests that use them and choose them again."""

from __future__ import annotations

import pytest

from medkt_reports.lookup import Lookup
from medkt_reports.prose import conditions
from medkt_reports.prose.definitions import definitions


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


def test_a_family_of_labels_is_defined_only_if_labels_were_named(result):
    adjustment = {"confirmatory labels": "holm"}
    for labels in ([], ["Edema"]):
        settings = result.settings.model_copy(update={"adjustment": adjustment, "confirmatory_labels": labels})
        terms = [term for term, _ in definitions(Lookup(result.model_copy(update={"settings": settings})))]
        assert ("Family: confirmatory labels" in terms) == bool(labels)
