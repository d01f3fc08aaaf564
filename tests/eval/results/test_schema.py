"""Learning curves and the file results.json."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.results.schema import EvaluationResult

LABELS = ("Edema", "Effusion", "Pneumonia")
EXACT = {"rel": 0, "abs": 1e-12}
AT = {"method": "attention_transfer"}


def rows(results, **fields):
    return [row for row in results if all(getattr(row, name) == value for name, value in fields.items())]


def one(results, **fields):
    found = rows(results, **fields)
    assert len(found) == 1, (fields, len(found))
    return found[0]


def test_learning_curves(write_run, runs):
    histories = [pd.DataFrame({"epoch": [1, 2, 3], "auc": [0.5, 0.6 + seed / 10, np.nan]}) for seed in range(3)]
    selection = {"metric": "auc", "epoch": 2, "value": 0.6, "label": "weighted"}
    for seed, history in enumerate(histories):
        write_run("tl", seed, history=history, selection=selection)
    curves = evaluate(runs).curves
    assert [curve.run_id for curve in curves] == ["tl-s0", "tl-s1", "tl-s2", None]
    assert curves[1].x == [1, 2, 3]
    assert curves[1].y == [0.5, 0.7, None]
    mean = curves[3]
    assert (mean.label, mean.interval, mean.n_seeds, mean.x) == ("weighted", "seeds:t", 3, [1, 2, 3])
    assert mean.y == [0.5, pytest.approx(0.7, **EXACT), None]
    low, high = stats.t.interval(0.95, 2, 0.7, 0.1 / np.sqrt(3))
    assert mean.low == [None, pytest.approx(low, **EXACT), None]
    assert mean.high == [None, pytest.approx(high, **EXACT), None]


def test_learning_curve_over_the_epochs_that_all_seeds_reached(write_run, runs):
    for seed, epochs in enumerate((2, 4)):
        history = pd.DataFrame({"epoch": range(epochs), "auc": np.linspace(0.5, 0.7, epochs) + seed / 100})
        write_run("tl", seed, history=history, selection={"metric": "auc", "epoch": 1, "value": 0.7})
    assert [curve.x for curve in evaluate(runs).curves] == [[0, 1], [0, 1, 2, 3], [0, 1]]


def test_history_without_its_metric(write_run, runs):
    selection = {"metric": "auc", "epoch": 1, "value": 0.7}
    write_run("tl", 0, history=pd.DataFrame({"epoch": [1], "loss": [0.5]}), selection=selection)
    with pytest.raises(InputError, match=r"tl-s0/history\.csv: no column 'auc'; found epoch, loss"):
        evaluate(runs)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epoch,auc\n1,high\n2,0.5\n", "'auc' holds text; expected numbers"),
        ("epoch,auc\n,0.3\n2,0.5\n", "'epoch' is empty or repeated"),
        ("epoch,auc\n1,0.3\n1,0.5\n", "'epoch' is empty or repeated"),
        ("", "cannot be read"),
    ],
)
def test_history_faults_are_named(write_run, runs, text, told):
    for seed in range(2):
        folder = write_run("tl", seed, selection={"metric": "auc"})
        (folder / "history.csv").write_text(text)
    with pytest.raises(InputError, match=rf"tl-s0/history\.csv: {told}"):
        evaluate(runs)


def test_results_file_round_trip(two_arms, tmp_path, write_run):
    write_run("alone", 0, unfrozen="last34")  # one seed: nulls
    result = evaluate(two_arms)
    path = tmp_path / "results.json"
    result.write(path)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert content["format"] == 1
    again = EvaluationResult.read(path)
    assert [arm.arm for arm in again.arms] == ["alone", "at", "tl"]
    assert again == result
    assert [name.name for name in tmp_path.iterdir() if name.name.startswith(".")] == []
    for row in (*result.runs, *result.estimates):
        assert (row.value is None) <= (row.undefined_because is not None)
    for row in result.comparisons:
        assert (row.p_value is None) == (row.undefined_because is not None)


@pytest.mark.parametrize("field", ["difference", "p_value", "se"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_results_hold_no_nan(two_arms, field, value):
    row = evaluate(two_arms).comparisons[0]
    with pytest.raises(ValueError, match="finite number"):
        type(row).model_validate(row.model_dump() | {field: value})


def test_files_that_are_not_results(two_arms, tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(InputError, match=r"results\.json: No such file .*expected a results\.json that medkt evaluate"):
        EvaluationResult.read(path)
    for content in (b"", b"{", b"[]", b"{}", b"\xff\xfe\x00", b'{"format": 1}'):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"results\.json: .*expected .*results\.json"):
            EvaluationResult.read(path)
    path.write_text(evaluate(two_arms).model_dump_json().replace('"format":1', '"format":2', 1))
    with pytest.raises(InputError, match=r"results\.json: format is 2; this medkt reads format 1"):
        EvaluationResult.read(path)
    content = json.loads(evaluate(two_arms).model_dump_json())
    del content["runs"][0]["metric"]
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"results\.json: runs\.0\.metric: "):
        EvaluationResult.read(path)
