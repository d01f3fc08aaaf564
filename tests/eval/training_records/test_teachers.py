"""The runs' records of their teachers' own AUC become rows, one per teacher and data set."""

from __future__ import annotations

import json

from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import EvaluationResult

BECAUSE = "the teacher has no such label"


def recorded(sha="abc", edema=0.61):
    return {
        "source": "mimic",
        "architecture": "densenet121",
        "sha256": sha,
        "split": "test",
        "auc": {"Edema": edema, "Effusion": None, "Pneumonia": 0.4},
        "undefined_because": {"Effusion": BECAUSE},
    }


def rows_of(result):
    return [(row.teacher, row.sha256, row.label, row.auc, row.undefined_because) for row in result.teachers]


def with_teacher(folder, teacher):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"teacher": teacher}))


def test_a_row_a_label(runs, write_run, tmp_path):
    for seed in range(2):
        write_run("tl", seed)
        with_teacher(write_run("at", seed, method="attention_transfer"), recorded())
    result = evaluate(runs, replicates=0)
    assert rows_of(result) == [
        ("mimic", "abc", "Edema", 0.61, None),
        ("mimic", "abc", "Effusion", None, BECAUSE),
        ("mimic", "abc", "Pneumonia", 0.4, None),
    ]
    assert not [note for note in result.settings.notes if "teacher" in note]
    result.write(tmp_path / "results.json")
    assert EvaluationResult.read(tmp_path / "results.json").teachers == result.teachers


def test_other_weights_are_another_teacher(runs, write_run):
    with_teacher(write_run("at", 0, method="attention_transfer"), recorded())
    with_teacher(write_run("at", 1, method="attention_transfer"), recorded(sha="def", edema=0.7))
    assert [row[:4] for row in rows_of(evaluate(runs, replicates=0))][::3] == [
        ("mimic", "abc", "Edema", 0.61),
        ("mimic", "def", "Edema", 0.7),
    ]


def test_runs_that_disagree_are_told(runs, write_run):
    with_teacher(write_run("at", 0, method="attention_transfer"), recorded())
    with_teacher(write_run("at", 1, method="attention_transfer"), recorded(edema=0.7))
    result = evaluate(runs, replicates=0)
    assert len(result.teachers) == 3
    assert any("at-s0 and at-s1 recorded different AUCs of the teacher mimic" in note for note in result.settings.notes)


def test_none_where_none_was_recorded(two_arms):
    assert evaluate(two_arms, replicates=0).teachers == []
