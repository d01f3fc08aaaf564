"""Prevalence shifts and shortcuts, against scipy, scikit-learn and counts by hand."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from medkt.data.collection import Collection
from medkt.data_report.checks import shortcuts
from medkt.data_report.checks.shifts import shifts
from medkt.data_report.opening import Opened
from medkt.data_report.survey import Headers


def collection(targets: np.ndarray, patients: np.ndarray | None = None, **fields: object) -> Collection:
    n = len(targets)
    content = {
        "name": "made",
        "task": "multilabel" if targets.ndim == 2 else "multiclass",
        "labels": ("Mass", "Edema"),
        "image_ids": np.array([f"i{k}" for k in range(n)], dtype=object),
        "patient_ids": np.arange(n).astype(str).astype(object) if patients is None else patients.astype(object),
        "targets": targets,
        "read": lambda _index, size_px: np.zeros((size_px, size_px), np.uint8),
    }
    return Collection(**(content | fields))  # type: ignore[arg-type]


def halves(n: int) -> dict[str, np.ndarray]:
    return {"train": np.arange(n), "test": np.arange(n, 2 * n)}


def two_labels(mass: tuple[int, int], edema: tuple[int, int], n: int) -> np.ndarray:
    """Images with each label in the first `n` and in the second `n`."""
    targets = np.zeros((2 * n, 2), dtype=np.float32)
    for column, (first, second) in enumerate((mass, edema)):
        targets[:first, column] = 1
        targets[n : n + second, column] = 1
    return targets


def test_a_shift_has_its_test_its_effect_and_holms_p():
    (finding,), looked = shifts(Opened("made", collection(two_labels((20, 60), (50, 50), 100)), halves(100)))
    (row,) = finding.evidence
    p = 2 * stats.chi2_contingency([[20, 80], [60, 40]]).pvalue  # the smaller of two p-values
    assert row.facts["p, Holm"] == pytest.approx(p, rel=0.05)
    assert row.facts["Cohen's h"] == round(2 * np.arcsin(0.6**0.5) - 2 * np.arcsin(0.2**0.5), 2)
    assert row.facts["patients in training"] == "20.0 % (20 of 100)"
    assert (row.facts["label"], row.facts["split"], row.facts["test"]) == ("Mass", "test", "chi-square")
    assert finding.severity == "warning"
    assert looked.startswith("2 comparisons")


def test_a_rare_label_has_fishers_test():
    (finding,), _ = shifts(Opened("made", collection(two_labels((0, 8), (10, 10), 40)), halves(40)))
    (row,) = finding.evidence
    assert row.facts["test"] == "Fisher"
    assert row.facts["p, Holm"] == float(f"{2 * stats.fisher_exact(np.array([[0, 40], [8, 32]])).pvalue:.2g}")


def test_no_shift_no_finding_and_without_splits_no_comparison():
    opened = Opened("made", collection(two_labels((20, 25), (50, 45), 100)), halves(100))
    assert shifts(opened)[0] == []
    assert shifts(Opened("made", opened.collection, {})) == (
        [],
        "not compared: no splits are known (name their sizes, or a study file)",
    )


def test_a_small_shift_of_many_patients_is_a_note():
    made = collection(two_labels((4000, 4400), (5000, 5000), 10_000))
    (finding,), _ = shifts(Opened("made", made, halves(10_000)))
    assert finding.severity == "note"


def test_patients_are_counted_and_not_their_images():
    """40 images in each split would be a shift; 4 patients in each are too few."""
    targets = two_labels((0, 40), (20, 20), 40)
    patients = np.repeat(np.arange(8), 10)
    assert shifts(Opened("made", collection(targets, patients), halves(40)))[0] == []
    assert len(shifts(Opened("made", collection(targets), halves(40)))[0]) == 1


def test_classes_are_compared_one_against_the_others():
    targets = np.array([0] * 80 + [1] * 20 + [0] * 30 + [1] * 70)
    (finding,), _ = shifts(Opened("made", collection(targets), halves(100)))
    assert [row.facts["label"] for row in finding.evidence] == ["Mass", "Edema"]


# Shortcuts


def with_column(link: float, name: str = "view", n: int = 400) -> Collection:
    """A label that is equal to the column with probability `link`."""
    rng = np.random.default_rng(1)
    ap = rng.random(n) < 0.5
    edema = np.where(rng.random(n) < link, ap, ~ap)
    targets = np.stack([rng.random(n) < 0.3, edema], axis=1).astype(np.float32)
    return collection(targets, groups={name: np.where(ap, "AP", "PA").astype(object)})


def test_a_view_that_gives_a_label_away_is_a_shortcut():
    made = with_column(0.9)
    (finding,), looked = shortcuts.shortcuts(made, None)
    (row,) = finding.evidence
    assert (finding.check, finding.severity) == ("shortcuts", "warning")
    assert (row.facts["label"], row.facts["column"]) == ("Edema", "view")
    # One binary column ranks the images of every fold as it is: scikit-learn's AUC of the column itself, nearly.
    whole = roc_auc_score(made.targets[:, 1], made.groups["view"] == "AP")
    assert row.facts["AUC"] == pytest.approx(whole, abs=0.006)
    shown = made.targets[made.groups["view"] == "AP", 1]
    assert f"AP: {100 * shown.mean():.0f} % of {len(shown)}" in str(row.facts["with the label"])
    assert looked["shortcuts"].startswith("2 pairs of a label and a column (view); the highest AUC is 0.8")


def test_a_weak_link_is_a_note_and_none_is_nothing():
    (finding,), _ = shortcuts.shortcuts(with_column(0.65), None)
    assert (finding.check, finding.severity) == ("weak shortcuts", "note")
    assert shortcuts.shortcuts(with_column(0.5), None)[0] == []


def test_age_may_tell_a_disease_by_right():
    (finding,), _ = shortcuts.shortcuts(with_column(0.9, "age_band"), None)
    assert (finding.check, finding.severity) == ("labels told by age or sex", "note")


def test_a_column_that_names_the_patient_tells_nothing_of_others():
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(60), 12)
    targets = np.repeat((rng.random((60, 2)) < 0.5).astype(np.float32), 12, axis=0)
    made = collection(targets, patients, groups={"device": np.char.add("d", patients.astype(str)).astype(object)})
    assert shortcuts.shortcuts(made, None)[0] == []


def test_what_the_files_are_like_counts_as_metadata():
    made = with_column(0.9, "ignored")
    large = made.groups["ignored"] == "AP"
    n = len(large)
    side = np.where(large, 1024, 512)
    files = Headers(side, side, *np.full((3, n), "L", dtype=object))
    (finding,), _ = shortcuts.shortcuts(collection(made.targets), files)
    assert [row.facts["column"] for row in finding.evidence] == ["image size"]
    assert "1024 × 1024: " in str(finding.evidence[0].facts["with the label"])


def test_too_few_patients_and_columns_of_one_value_are_not_tried():
    made = with_column(0.9, n=30)
    assert shortcuts.shortcuts(made, None)[0] == []
    one = collection(made.targets, groups={"view": np.full(30, "AP", dtype=object)})
    assert set(shortcuts.shortcuts(one, None)[1].values()) == {"not tried: no column of metadata has two values"}
