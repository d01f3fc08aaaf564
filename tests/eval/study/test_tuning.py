"""Tuning grids: one row per setting, one winner, and a mark for winners on their own seeds."""

from __future__ import annotations

import json

import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.predictions import run_folders as run_records
from medkt_eval.study import tuning
from medkt_eval.study.declaration import Analysis, Primary

AT = {"method": "attention_transfer", "teacher": "mimic"}


def setting(write_run, beta, values, *, grid="beta", **fields):
    """One arm of a grid, with one run per seed and these validation values."""
    selection = {"metric": "auc", "label": "macro", "epoch": 1}
    for seed, value in enumerate(values):
        write_run(
            f"at-beta{beta}",
            seed,
            **(
                AT
                | {"grid": grid, "settings": {"epochs": 5, "beta": beta}, "selection": selection | {"value": value}}
                | fields
            ),
        )


@pytest.fixture
def study_of(write_run, runs):
    """Transfer learning, and a grid of three betas; 20 is best. If `fresh`, it is trained again."""

    def write(*, fresh: bool):
        for seed in range(3):
            write_run("tl", seed)
        setting(write_run, 1, [0.70, 0.74])
        setting(write_run, 20, [0.75, 0.71])
        setting(write_run, 50, [0.71, 0.70, 0.72])
        if fresh:
            for seed in (7, 8):
                write_run("at-beta20", seed, **AT, settings={"epochs": 5, "beta": 20})
        return runs

    return write


def test_every_setting_is_a_row(study_of):
    found = evaluate(study_of(fresh=False), replicates=0).tuning
    assert [(row.arm, row.varied, row.chosen) for row in found] == [
        ("at-beta1", {"beta": 1}, False),
        ("at-beta20", {"beta": 20}, True),
        ("at-beta50", {"beta": 50}, False),
    ]
    assert [row.value for row in found] == pytest.approx([0.72, 0.73, 0.71], abs=1e-12)
    assert [(row.seeds, row.values) for row in found] == [
        ([0, 1], [0.70, 0.74]),
        ([0, 1], [0.75, 0.71]),
        ([0, 1, 2], [0.71, 0.70, 0.72]),
    ]
    fields = ("grid", "dataset", "train_size", "method", "student", "teacher", "unfrozen", "metric", "label")
    assert {tuple(getattr(row, name) for name in fields) for row in found} == {
        ("beta", "phantom-chest", 100, "attention_transfer", "densenet121", "mimic", "all", "auc", "macro")
    }


def test_a_winner_on_its_own_seeds_is_marked(study_of):
    result = evaluate(study_of(fresh=False), replicates=0, add=["mann-whitney"])
    assert {arm.arm: (arm.settings_tried, arm.selected_on_these_seeds) for arm in result.arms} == {
        "at-beta20": (3, True),
        "tl": (1, False),
    }
    notes = {(row.test, row.note) for row in result.comparisons}
    mark = "at-beta20: selected on these seeds"
    assert ("obuchowski-rockette", mark) in notes
    assert all(note and note.endswith(mark) for _, note in notes)
    (after_its_own,) = {note for test, note in notes if test == "mann-whitney" and "smallest" in note}
    assert after_its_own.endswith(f"exists; {mark}")
    assert any("seeds" in note and "at-beta50: 0, 1, 2" in note for note in result.settings.notes)
    (note,) = (note for note in result.settings.notes if note.startswith("grid beta") and "kept of" in note)
    assert note.startswith("grid beta: at-beta20 kept of 3 settings tried, by its mean validation metric (0.7300) on")


def test_fresh_seeds_replace_the_grids_own(study_of):
    runs = study_of(fresh=True)
    for folder in runs.glob("at-beta*-s[012]"):
        (folder / "predictions-test.parquet").write_bytes(b"not to be read")
    result = evaluate(runs, replicates=0)
    at = next(arm for arm in result.arms if arm.arm == "at-beta20")
    assert (at.seeds, at.settings_tried, at.selected_on_these_seeds) == ([7, 8], 3, False)
    assert {row.note for row in result.comparisons} == {None}
    assert next(row for row in result.tuning if row.chosen).seeds == [0, 1]
    assert any("seeds" in note and "at-beta50: 0, 1, 2" in note for note in result.settings.notes)
    (note,) = (note for note in result.settings.notes if note.startswith("grid beta") and "kept of" in note)
    assert note.endswith("(0.7300), and compared on seeds that had no part in the choice (7, 8)")


def test_of_one_setting_nothing_was_selected(write_run, two_arms):
    setting(write_run, 20, [0.75, 0.71])
    result = evaluate(two_arms, replicates=0)
    at = next(arm for arm in result.arms if arm.arm == "at-beta20")
    assert (at.settings_tried, at.selected_on_these_seeds) == (1, False)
    assert [row.varied for row in result.tuning] == [{}]


def test_of_equal_settings_the_first(write_run, two_arms):
    setting(write_run, 5, [0.7, 0.7])
    setting(write_run, 2, [0.7, 0.7])
    assert [(row.arm, row.chosen) for row in evaluate(two_arms, replicates=0).tuning] == [
        ("at-beta2", True),
        ("at-beta5", False),
    ]


def test_a_setting_that_only_some_arms_have(write_run, two_arms):
    setting(write_run, 5, [0.7])
    setting(write_run, 9, [0.6], settings={"epochs": 5})
    assert [row.varied for row in evaluate(two_arms, replicates=0).tuning] == [{"beta": 5}, {}]


def test_a_grids_id_stands_for_its_winner(study_of):
    chosen = tuning.choose(run_records.read_runs(study_of(fresh=False))[0])
    analysis = chosen.by_winner(Analysis(baseline="tl", primary=Primary(arm_a="beta", arm_b="tl", metric="f1")))
    assert analysis == Analysis(baseline="tl", primary=Primary(arm_a="at-beta20", arm_b="tl", metric="f1"))
    assert chosen.by_winner(Analysis(baseline="beta")) == Analysis(baseline="at-beta20")
    assert chosen.by_winner(Analysis()) == Analysis()


def test_several_grids_are_chosen_from_apart(write_run, two_arms):
    for grid, size in (("small", 100), ("large", 200)):
        for beta, value in ((size + 1, 0.7), (size + 2, 0.6)):
            setting(write_run, beta, [value, value], grid=grid, train_size=size)
    found = evaluate(two_arms, replicates=0)
    assert [(row.grid, row.train_size, row.arm) for row in found.tuning if row.chosen] == [
        ("large", 200, "at-beta201"),
        ("small", 100, "at-beta101"),
    ]
    assert {arm.settings_tried for arm in found.arms if arm.arm.startswith("at-")} == {2}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"train_size": 200}, r"\('phantom-chest', 200, 'auc', 'macro'\)"),
        ({"selection": {"metric": "f1", "value": 0.9}}, r"\('phantom-chest', 100, 'f1', 'macro'\)"),
        ({"selection": {"value": 0.9}}, r"\('phantom-chest', 100, 'validation metric', 'macro'\)"),
    ],
)
def test_one_grid_of_unlike_runs_is_refused(write_run, two_arms, change, told):
    setting(write_run, 5, [0.7])
    setting(write_run, 9, [0.6], **change)
    with pytest.raises(InputError, match=rf"at-beta9-s0/run\.json: .* are {told}, in the same grid 'beta' at-beta5-s0"):
        evaluate(two_arms, replicates=0)


def test_rows_are_read_back_as_they_were_written(study_of, tmp_path):
    result = evaluate(study_of(fresh=False), replicates=0)
    result.write(tmp_path / "results.json")
    assert type(result).read(tmp_path / "results.json") == result
    assert json.loads((tmp_path / "results.json").read_text())["tuning"][1]["chosen"] is True
