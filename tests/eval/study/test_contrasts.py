"""Contrasts: the arms that are compared, their baselines and their families."""

from __future__ import annotations

import pytest

from medkt_eval.errors import InputError
from medkt_eval.study.contrasts import Contrast, baselines_of, contrasts_of, family, find_arm
from medkt_eval.study.declaration import Analysis


@pytest.fixture
def study(make_arm):
    """Two students, transfer learning from ImageNet as baseline of each, attention transfer from two teachers."""
    arms = []
    for student in ("densenet121", "densenet40"):
        of = {"student": student}
        arms += [
            make_arm(f"{student}-tl", **of),
            make_arm(f"{student}-tl-last34", unfrozen="last34", **of),
            make_arm(f"{student}-at-imagenet", method="attention_transfer", settings={"beta": 20}, **of),
            make_arm(f"{student}-at-mimic", method="attention_transfer", teacher="mimic", settings={"beta": 5}, **of),
        ]
    return arms


def made(arms, mode="default", **analysis):
    found, notes = baselines_of(arms, Analysis(**analysis))
    return contrasts_of(arms, found, mode), notes


def pairs(arms, kind, mode="default", **analysis):
    return {(c.arm_a, c.arm_b) for c in made(arms, mode, **analysis)[0] if c.kind == kind}


def test_every_arm_against_the_baseline_of_its_student_and_teachers_against_each_other(study):
    expected = set()
    for student in ("densenet121", "densenet40"):
        expected |= {(f"{student}-{arm}", f"{student}-tl") for arm in ("tl-last34", "at-imagenet", "at-mimic")}
        expected |= {(f"{student}-at-imagenet", f"{student}-at-mimic")}
    assert pairs(study, "declared") == expected
    assert pairs(study, "all") == set()
    assert made(study)[1] == []


def test_every_contrast_is_made_once(study):
    for mode in ("default", "all"):
        found, _ = made(study, mode)
        turned = [(frozenset((c.arm_a, c.arm_b)), c.kind) for c in found]
        assert len(turned) == len(set(turned))


def test_all_is_every_pair_with_the_baseline_second(study):
    found = pairs(study, "all", "all")
    assert len(found) == 8 * 7 / 2
    assert {a for a, _ in found if a.endswith("-tl")} == {"densenet121-tl"}  # against the other baseline only
    assert pairs(study, "declared", "all") == set()


@pytest.mark.parametrize("mode", ["default", "all"])
def test_a_table_marks_every_pair(study, mode):
    found = pairs(study, "table", mode)
    assert {frozenset(pair) for pair in found} == {frozenset((a.arm, b.arm)) for a in study for b in study if a != b}
    assert ("densenet121-at-mimic", "densenet121-tl") in found


@pytest.mark.parametrize("differing", [{"train_size": 500}, {"train_size": None}, {"dataset": "chexpert"}])
@pytest.mark.parametrize("mode", ["default", "all"])
def test_other_sizes_and_data_sets_are_never_compared(make_arm, differing, mode):
    here = [make_arm("tl"), make_arm("at", method="attention_transfer")]
    there = [make_arm("tl2", **differing), make_arm("at2", method="attention_transfer", **differing)]
    found, _ = made(here + there, mode)
    assert {(c.arm_a, c.arm_b) for c in found} == {("at", "tl"), ("at2", "tl2")}


@pytest.mark.parametrize("mode", ["default", "all"])
def test_teachers_own_runs_are_never_compared(make_arm, mode):
    arms = [make_arm("tl"), make_arm("at", method="attention_transfer"), make_arm("teacher", role="teacher")]
    found, notes = made(arms, mode)
    assert {(c.arm_a, c.arm_b) for c in found} == {("at", "tl")}
    assert notes == []
    with pytest.raises(InputError, match="not an arm of these runs"):
        find_arm(arms, "teacher", "[analysis] baseline")


def test_supervised_arm_is_compared_with_the_baseline(make_arm):
    scratch = make_arm("a-scratch", method="supervised", teacher=None, unfrozen=None)
    assert pairs([scratch, make_arm("tl")], "declared") == {("a-scratch", "tl")}


def test_arms_that_differ_in_more_than_the_teacher_are_not_compared(make_arm):
    at = {"method": "attention_transfer"}
    arms = [
        make_arm("a-tl"),
        make_arm("b", teacher="imagenet", settings={"beta": 1, "layers": 3}, **at),
        make_arm("c", teacher="mimic", settings={"beta": 2, "layers": 4}, **at),
        make_arm("d", teacher="mimic", settings={"beta": 3, "layers": 3}, **at),
    ]
    assert pairs(arms, "declared") == {("b", "a-tl"), ("c", "a-tl"), ("d", "a-tl"), ("b", "d")}


def test_transfer_learning_from_two_teachers(make_arm):
    arms = [make_arm("tl-imagenet", name="TL"), make_arm("tl-mimic", teacher="mimic")]
    assert pairs(arms, "declared", baseline="TL") == {("tl-mimic", "tl-imagenet")}
    found, notes = made(arms)
    assert {(c.arm_a, c.arm_b) for c in found} == {("tl-mimic", "tl-imagenet")}
    assert len(notes) == 1
    assert "2 arms could be the baseline; tl-imagenet was taken" in notes[0]
    assert "densenet121 on phantom-chest (100 training images)" in notes[0]


@pytest.mark.parametrize("baseline", ["at", "Attention"])
def test_named_baseline_by_id_and_by_name(make_arm, baseline):
    arms = [make_arm("tl"), make_arm("at", name="Attention", method="attention_transfer"), make_arm("z", unfrozen="x")]
    assert pairs(arms, "declared", baseline=baseline) == {("tl", "at"), ("z", "at")}


def test_a_name_stands_for_one_arm_in_each_data_set(make_arm):
    arms = [
        make_arm(f"{data}-{arm}", name=arm, dataset=data, unfrozen="x") for data in ("d1", "d2") for arm in ("p", "q")
    ]
    assert pairs(arms, "declared", baseline="q") == {("d1-p", "d1-q"), ("d2-p", "d2-q")}


def test_no_baseline_is_told(make_arm):
    arms = [make_arm("a", unfrozen="last34"), make_arm("b", method="supervised")]
    found, notes = made(arms)
    assert {c.kind for c in found} == {"table"}
    assert len(notes) == 1
    assert "no arm with method transfer_learning and all layers unfrozen, so no baseline" in notes[0]
    assert made(arms[:1])[1] == []  # a single arm needs none


def test_unknown_baseline(study):
    with pytest.raises(
        InputError, match=r"\[analysis\] baseline is 'nobody', which is not an arm .*densenet121-at-imagenet"
    ):
        made(study, baseline="nobody")


@pytest.mark.parametrize(
    ("metric", "label", "kind", "size", "expected"),
    [
        ("auc", "macro", "declared", 100, ("phantom-chest/100/auc macro/declared", "holm")),
        ("f1", "weighted", "table", 100, ("phantom-chest/100/f1 weighted/table", "holm")),
        ("auc", "macro", "all", None, ("phantom-chest/all/auc macro/all", "holm")),
        ("auc", "Edema", "declared", 100, ("phantom-chest/100/auc by label/x - y", "benjamini-hochberg")),
    ],
)
def test_families(make_arm, metric, label, kind, size, expected):
    assert family(make_arm("x", train_size=size), Contrast("x", "y", kind), metric, label) == expected
