"""Patient ids whose images state two sexes, or ages decades apart."""

import numpy as np
import pytest

from medkt.data.collection import Collection
from medkt.data_report.check import check
from medkt.data_report.checks import patients
from medkt.data_report.opening import Opened


def collection(ids: list[str], **groups: list[str]) -> Collection:
    n = len(ids)
    return Collection(
        name="made",
        task="multilabel",
        labels=("Edema",),
        image_ids=np.array([f"i{k}" for k in range(n)], dtype=object),
        patient_ids=np.array(ids, dtype=object),
        targets=(np.arange(n) % 2).astype(np.float32)[:, None],
        read=lambda index, size_px: np.random.default_rng(index).integers(0, 256, (size_px, size_px), dtype=np.uint8),
        groups={name: np.array(values, dtype=object) for name, values in groups.items()},
    )


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("sex", ["F", "M", "F", "unknown"], "F (1), M (1)"),
        ("gender", ["female", "Male", "f", "F"], "F (1), M (1)"),
        ("sex", ["0", "1", "1", "1"], "0 (1), 1 (1)"),
        ("age_band", ["80+", "18-39", "18-39", "40-59"], "18-39 (1), 80+ (1)"),
        ("age", ["080Y", "20", "39", "41"], "18-39 (1), 80+ (1)"),
    ],
)
def test_two_persons_under_one_id_are_named(name, values, shown):
    made = collection(["a", "a", "b", "b"], **{name: values})
    (finding,) = patients.contradicting(made)
    assert finding.severity == "warning"
    assert [dict(row.facts) for row in finding.evidence] == [{"patient": "a", name: shown}]
    checked = check(Opened("made", made, {}))
    assert "one patient id, two persons" in {finding.check for finding in checked.findings}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sex", ["F", "unknown", "M", "Male"]),
        ("age_band", ["40-59", "60-79", "unknown", "0-17"]),  # a birthday between two visits
        ("age_band", ["0-17", "18-39", "60-79", "80+"]),
        ("age", ["39", "412", "", "60"]),  # an age that is no age is unknown
        ("view", ["AP", "PA", "AP", "LL"]),
    ],
)
def test_what_one_person_can_be_is_not_named(name, values):
    assert patients.contradicting(collection(["a", "a", "b", "b"], **{name: values})) == []
