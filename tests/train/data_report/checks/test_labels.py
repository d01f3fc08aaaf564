"""Checks of labels, groups and splits, on collections with one fault whose images are not read."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from medkt.data.collection import Collection
from medkt.data_report.checks import labels as label_checks
from medkt.data_report.findings import Finding
from medkt.data_report.opening import Opened


def collection(targets: np.ndarray, **fields: object) -> Collection:
    n = len(targets)
    content = {
        "name": "made",
        "task": "multilabel",
        "labels": ("Edema",),
        "image_ids": np.array([f"i{k:02d}" for k in range(n)], dtype=object),
        "patient_ids": np.array([f"p{k:02d}" for k in range(n)], dtype=object),
        "targets": targets,
        "read": lambda _index, size_px: np.zeros((size_px, size_px), np.uint8),
    }
    return Collection(**(content | fields))  # type: ignore[arg-type]


def labelled(targets: Sequence[Sequence[float]], labels: tuple[str, ...]) -> Collection:
    return collection(np.array(targets, dtype=np.float32), labels=labels)


def graded(classes: list[str], labels: tuple[str, ...]) -> Collection:
    return collection(np.array([labels.index(name) for name in classes]), task="multiclass", labels=labels)


def images_of(finding: Finding) -> list[tuple[str, ...]]:
    return [row.images for row in finding.evidence]


def test_no_finding_beside_a_finding_is_wrong_but_not_beside_devices():
    labels = ("No Finding", "Edema", "Support Devices")
    made = labelled([[1, 0, 1], [1, 1, 0], [0, 1, 1], [1, np.nan, 0]], labels)
    (finding,) = label_checks.conflicts(made)
    assert (finding.severity, images_of(finding)) == ("error", [("i01",)])
    assert finding.evidence[0].facts["labels"] == "No Finding, Edema"
    assert label_checks.conflicts(labelled([[1, 0, 1], [0, 1, 0]], labels)) == []
    assert label_checks.conflicts(labelled([[1.0, 1.0]], ("Mass", "Edema"))) == []


@pytest.mark.parametrize(
    ("labels", "strange"),
    [
        (("-1", "0", "1", "2"), ["-1"]),
        (("0", "1", "2", "9"), ["9"]),
        (("0", "1", "2"), []),
        (("1", "2", "3"), []),
        (("mild", "severe"), []),
        (("0", "10"), []),
    ],
)
def test_numbers_off_the_scale_of_grades_are_wrong(labels, strange):
    checked = label_checks.outside_range(graded([*labels, *labels], labels))
    assert [row.facts["class"] for one in checked for row in one.evidence] == strange * 2
    assert [one.severity for one in checked] == ["error"] * bool(strange)


def test_a_strange_class_that_no_image_has_any_more_is_not_wrong():
    assert label_checks.outside_range(graded(["0", "1", "1"], ("-1", "0", "1"))) == []


def test_labels_that_no_image_or_every_image_shows():
    made = labelled([[1, 0], [1, 1], [1, 0], [1, np.nan]], ("Mass", "Edema"))
    parts = {"train": np.array([0, 1]), "test": np.array([2, 3])}
    (finding,) = label_checks.unshown(Opened("made", made, parts))
    seen = [tuple(row.facts.values()) for row in finding.evidence]
    assert seen == [
        ("Mass", "all images", 4, 4),
        ("Mass", "train", 2, 2),
        ("Mass", "test", 2, 2),
        ("Edema", "test", 0, 1),
    ]
    assert finding.severity == "warning"
    assert label_checks.unshown(Opened("made", graded(["a", "b"], ("a", "b")), {})) == []


def test_a_label_that_validation_does_not_show_is_an_error_because_training_refuses_it():
    made = labelled([[1, 0], [0, 1], [1, 0], [0, np.nan], [0, 1], [1, 0]], ("Mass", "Edema"))
    parts = {"train": np.array([0, 1]), "validation": np.array([2, 3]), "test": np.array([4, 5])}
    (finding,) = label_checks.unshown(Opened("made", made, parts))
    assert finding.severity == "error"
    assert [tuple(row.facts.values()) for row in finding.evidence] == [("Edema", "validation", 0, 1)]


def test_a_label_that_is_never_seen_without_another():
    """10 images with a mass, all with edema too. Half of all images show edema, so chance is 0.5 ** 10."""
    beside = [[1, 1]] * 10 + [[0, 1]] * 10 + [[0, 0]] * 20
    (finding,) = label_checks.implied(labelled(beside, ("Mass", "Edema")))
    assert [dict(row.facts) for row in finding.evidence] == [
        {"label": "Mass", "never without": "Edema", "images": 10, "prevalence of that": 0.5}
    ]
    assert label_checks.implied(labelled([[1, 0], *beside], ("Mass", "Edema"))) == []
    assert label_checks.implied(labelled(beside[1:], ("Mass", "Edema"))) == []  # 0.487 ** 9 = 0.0015 may be chance


def test_images_without_labels_and_metadata_without_values():
    made = labelled([[np.nan, np.nan], [0, np.nan]], ("Mass", "Edema"))
    assert images_of(label_checks.unlabelled(made)[0]) == [("i00",)]
    groups = {"sex": np.array(["F", "unknown"], dtype=object), "view": np.array(["PA", "AP"], dtype=object)}
    (finding,) = label_checks.unknown_groups(dataclasses.replace(made, groups=groups))
    assert [dict(row.facts) for row in finding.evidence] == [{"column": "sex", "unknown for": 1, "first": "i01"}]


def test_patients_in_two_splits_are_wrong():
    made = collection(np.zeros((4, 1), np.float32), patient_ids=np.array(["a", "b", "a", "c"], dtype=object))
    parts = {"train 1": np.array([0]), "train 2": np.array([0, 1]), "test": np.array([2, 3])}
    (finding,) = label_checks.shared_patients(Opened("made", made, parts))
    assert finding.severity == "error"
    assert [dict(row.facts) for row in finding.evidence] == [{"patient": "a", "images": "1 test, 1 train"}]
    assert label_checks.shared_patients(Opened("made", made, {"train": np.array([0, 2]), "test": np.array([1])})) == []


def test_what_the_loader_noted_is_repeated():
    noted = labelled([[1.0]], ("Mass",)).noted("3 of 4 listed images are absent")
    assert label_checks.loader_notes(noted)[0].evidence[0].facts == {"note": "3 of 4 listed images are absent"}
