"""What is said of all runs holds over several training sets, each with images and a teacher of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medkt_reports.lookup import Lookup
from medkt_reports.prose import conditions, facts, methods, sentences, variation


@pytest.fixture
def lookup(only_arms):
    """Two training sizes of one data set; within a size all runs share training images and the teacher."""
    arms = [
        arm.model_copy(
            update={
                "arm": f"{arm.arm}-{size}",
                "train_size": size,
                "teacher": "mimic",
                "training_sha256": [f"images {size}"] * 3,
                "teacher_sha256": [f"weights {size}"] * 3,
            }
        )
        for size in (100, 400)
        for arm in only_arms.arms
    ]
    return Lookup(only_arms.model_copy(update={"arms": arms, "estimates": [], "runs": []}))


def test_training_images_and_teachers_are_not_said_to_be_one(lookup):
    record = conditions.of_report(lookup)
    assert (record.training, record.teacher) == ("fixed in each arm", "fixed in each arm")
    text = methods.methods_paragraph(lookup)
    assert "All runs of a training set had the same training images." in text
    assert "Each arm's teacher was one trained network, held fixed." in text
    assert "One trained teacher" not in text
    assert variation.sample_in_short(lookup, "phantom-chest") == "the same for all runs of one training size"


def test_limitations_that_differ_name_their_training_set(result):
    first, *_ = sentences.answers(Lookup(result))
    one, other = (replace(first, limitation=f"{k}.", training_set=k) for k in ("A", "B"))
    assert sentences.limitations([one, other, one]) == ["A: A.", "B: B."]
    assert sentences.limitations([one, one]) == ["A."]


def test_a_baseline_that_stands_first_is_still_compared(result):
    rows = [
        row.model_copy(update={"kind": "all", "arm_a": row.arm_b, "arm_b": row.arm_a})
        for row in result.comparisons
        if row.kind == "declared" and row.arm_b == "chest-tl"
    ]
    lookup = Lookup(result.model_copy(update={"comparisons": rows}))
    assert [row.arm_a for row in lookup.declared(lookup.training_sets()[0], "auc", "macro")] == ["chest-tl"] * 2


def test_limitations_that_differ_within_a_training_set_name_what_differs(result):
    first, *_ = sentences.answers(Lookup(result))
    auc, f1 = (replace(first, limitation=f"{k}.", metric=k) for k in ("AUC", "F1"))
    assert sentences.limitations([auc, f1]) == ["AUC: AUC.", "F1: F1."]
    one, other = (replace(first, limitation=f"{k}.", contrast=k) for k in ("A − B", "C − B"))
    assert sentences.limitations([one, other]) == ["A − B: A − B.", "C − B: C − B."]


def test_checklists_name_every_answer_or_count_them(result):
    lookup = Lookup(result)
    answers = sentences.answers(lookup)
    assert len(answers) > 6
    shown = sum(answer.shows_difference for answer in answers)
    known = facts.facts(lookup)
    assert known["answer"].startswith(f"{len(answers)} comparisons; a difference is shown in {shown}.")
    for answer in answers:
        assert answer.limitation in known["scope"]
    chest = [row for row in result.comparisons if row.dataset == "phantom-chest"]
    lookup = Lookup(result.model_copy(update={"comparisons": chest}))
    two = sentences.answers(lookup)
    assert len(two) == 2
    assert facts.facts(lookup)["answer"] == f"{two[0].text} {two[1].text}"


def test_training_sets_that_differ_in_what_seeds_shared_are_not_said_to_mix_it(lookup):
    arms = [
        arm.model_copy(update={"training_sha256": [f"{arm.arm} {k}" for k in range(3)]})
        if arm.train_size == 100
        else arm
        for arm in lookup.result.arms
    ]
    record = conditions.of_report(Lookup(lookup.result.model_copy(update={"arms": arms})))
    assert record.training == "by training set"
    for scope in ("seeds", "seeds+patients"):
        meaning = variation.meaning(record, scope)
        text = f"{meaning.question} {meaning.random} {meaning.fixed} {meaning.limitation}"
        assert "some seeds or arms" not in text
        assert "Some seeds or arms" not in text
        assert "the training images of some training sets" in meaning.random


def test_refitted_thresholds_do_not_hold_all_validation_images_fixed():
    record = conditions.Conditions("fixed", "fixed", "none", "refit")
    assert "validation patients, on whom thresholds are chosen again" in variation.varies(record, "seeds+patients")
    assert "validation images in training" in variation.fixed(record, "seeds+patients")
    assert "in training" not in variation.fixed(record, "seeds")
