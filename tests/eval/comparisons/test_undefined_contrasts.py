"""What was requested and does not exist: null rows with a reason, notes, or an error."""

from __future__ import annotations

import numpy as np
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate


def rows(found, **fields):
    return [row for row in found if all(getattr(row, name) == value for name, value in fields.items())]


EVERYTHING = [
    "mann-whitney",
    "permutation",
    "mcnemar",
    "max-t",
    "patients:jackknife",
    "patients:bootstrap-basic",
    "patients:bootstrap-bca",
    "patients:bootstrap-studentized",
    "seeds+patients:bootstrap",
]


def lowered(frame):
    """Scores a little lower: validation predictions are not those of the test images."""
    return {name: frame[name] * (1 - 2**-20) for name in frame if name.startswith("score_")}


@pytest.fixture(scope="module")
def with_absent_label(given):
    """Everything that can be requested, on data in which the label C has no positive image."""
    tables = {
        arm: [
            frame.assign(target_C=0, score_C=np.random.default_rng(k).random(len(frame))) for k, frame in enumerate(f)
        ]
        for arm, f in given.items()
    }
    validation = {
        arm: [f.assign(image_id="v" + f["image_id"], patient_id="v" + f["patient_id"], **lowered(f)) for f in frames]
        for arm, frames in tables.items()
    }
    return evaluate(tables, validation=validation, add=EVERYTHING, replicates=200, margin=0.05)


@pytest.mark.parametrize("metric", ["auc", "average_precision", "f1", "sensitivity"])
def test_requested_tests_of_an_undefined_contrast_are_null_with_the_reason(with_absent_label, metric):
    def tests_on(label):
        found = rows(with_absent_label.comparisons, metric=metric, label=label, kind="declared")
        return {(row.arm_a, row.arm_b, row.test, row.scope): row for row in found}

    defined, undefined = tests_on("A"), tests_on("C")
    assert set(undefined) == set(defined)
    assert len({test for _, _, test, _ in defined}) >= 8
    for row in undefined.values():
        assert (row.p_value, row.p_adjusted, row.difference, row.low) == (None, None, None, None)
        assert row.undefined_because
    macro = tests_on("macro")
    assert {"tost", "non-inferiority"} <= {test for _, _, test, _ in macro} or metric != "auc"
    assert all("C" in row.undefined_because for row in macro.values())


def test_requested_intervals_of_an_undefined_value_are_null_with_the_reason(with_absent_label):
    for label in ("C", "macro"):
        undefined = rows(with_absent_label.estimates, metric="auc", label=label)
        assert {row.interval for row in undefined} == {
            row.interval for row in rows(with_absent_label.estimates, metric="auc", label="A")
        }
        assert all(row.value is None and row.undefined_because for row in undefined)


def test_tests_of_images_do_not_average_over_the_labels_that_are_left(given, study):
    tables = {arm: [f.assign(target_C=0, score_C=0.5) for f in frames] for arm, frames in given.items()}
    add = ["permutation", "patients:bootstrap-studentized"]
    result = evaluate(tables, study=study('labels_defined = "defined"'), add=add, replicates=100)
    for test in ("permutation", "bootstrap-studentized"):
        (because,) = {row.undefined_because for row in rows(result.comparisons, metric="auc", label="macro", test=test)}
        assert "average over all labels only" in because
    studentized = rows(result.estimates, metric="auc", label="macro", interval="patients:bootstrap-studentized")
    assert studentized
    assert all(row.value is not None and row.undefined_because for row in studentized)


@pytest.mark.parametrize(
    ("name", "arms", "because"),
    [
        ("kappa_quadratic", 2, "of several classes"),
        ("macro_ovo", 2, "of several classes"),
        ("subgroups", 2, "no column group_<name>"),
        ("mann-whitney", 1, "no two arms to compare"),
        ("permutation", 1, "no two arms to compare"),
        ("max-t", 1, "no two arms to compare"),
        ("mcnemar", 1, "no two arms to compare"),
        ("bonferroni", 1, "no two arms to compare"),
    ],
)
def test_a_name_that_is_computed_nowhere_is_refused(given, study, name, arms, because):
    tables = dict(list(given.items())[:arms])
    with pytest.raises(InputError, match=f"--add '{name}'.*{because}.*leave it out"):
        evaluate(tables, add=[name], replicates=0)
    result = evaluate(tables, study=study(f'add = ["{name}"]'), replicates=0)
    assert any(f"{name} was asked for" in note and because in note for note in result.settings.notes)


def test_a_label_without_a_curve_of_net_benefit_is_noted(given):
    tables = {
        arm: [f.assign(target_C=0, score_C=0.5, score_B=f["score_B"] * 3) for f in frames]
        for arm, frames in given.items()
    }
    result = evaluate(tables, add=["net-benefit"], replicates=0)
    notes = [note for note in result.settings.notes if "no curve of net benefit" in note]
    assert len(notes) == 2
    assert "B has no curve of net benefit: a score of B lies outside [0, 1]" in notes[0]
    assert "C has no curve of net benefit: no positive image among 50" in notes[1]
