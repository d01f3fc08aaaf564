"""results.json that was cut, merged or edited is refused, with the row; what evaluation writes is read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.results import schema
from medkt_eval.results.schema import EvaluationResult

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """results.json of two arms with three seeds, curves, subgroups and everything else that needs no run folder."""
    rng = np.random.default_rng(3)
    n = 60
    patients, sex = np.arange(n) // 2, np.where(np.arange(n) // 2 % 2, "F", "M")
    target = {label: rng.integers(0, 2, n) for label in ("A", "B")}

    def table(strength: float) -> pd.DataFrame:
        scores = {f"score_{k}": 1 / (1 + np.exp(-strength * t - rng.normal(size=n))) for k, t in target.items()}
        columns = {"image_id": [f"i{k}" for k in range(n)], "patient_id": [f"p{k}" for k in patients], "group_sex": sex}
        return pd.DataFrame(columns | {f"target_{k}": t for k, t in target.items()} | scores)

    arms = {name: [table(strength) for _ in range(3)] for name, strength in (("TL", 0.5), ("AT", 1.5), ("XT", 1.0))}
    result = evaluate(arms, replicates=100, add=["subgroups", "net-benefit", "patients:jackknife"], comparisons="all")
    return json.loads(result.text())


def read(table: object, path: Path) -> EvaluationResult:
    path.write_text(json.dumps(table), encoding="utf-8")
    return EvaluationResult.read(path)


def test_what_evaluation_writes_is_read(written, tmp_path):
    result = read(written, tmp_path / "results.json")
    assert len(result.arms) == 3
    assert result.variance_components
    assert result.gaps
    assert result.omnibus
    assert result.curves


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda r: r["estimates"][4].update(arm="none"), "estimates.4: arm is 'none', which is none of the arms"),
        (lambda r: r["comparisons"][0].update(arm_b="none"), "comparisons.0: arm_b is 'none', which is none"),
        (lambda r: r["gaps"][0].update(arm_a="none"), "gaps.0: arm_a is 'none'"),
        (lambda r: r["curves"][0].update(arm="none"), "curves.0: arm is 'none'"),
        (lambda r: r["thresholds"].append({"run_id": "x-s0", "label": "A", "rule": "r", "value": 0.5}), "thresholds."),
        (lambda r: r["runs"][0].update(run_id="tl-s9"), "runs.0: run_id is 'tl-s9', which is no run of the arms"),
        (lambda r: r["omnibus"][0].update(arms=["none", "AT", "TL"]), "omnibus.0: 'none' is none of the arms"),
        (lambda r: r.update(datasets=[]), "datasets is empty; expected one or more"),
        (lambda r: r.update(arms=[]), "arms is empty; expected one or more"),
        (lambda r: r["arms"].append(r["arms"][0]), "arms: .* is there twice"),
        (lambda r: r["arms"][0].update(dataset="other"), "arms.0: dataset is 'other', which is none of the data sets"),
        (lambda r: r["estimates"][0].update(dataset="other"), "estimates.0: dataset is 'other', that of"),
        (lambda r: r["arms"][0].update(seeds=[0, 0, 1]), r"arms.0: seeds are \[0, 0, 1\]; expected one or more"),
        (lambda r: r["arms"][0].update(seconds=[1.0]), "arms.0: seconds has 1 values for 3 seeds"),
        (lambda r: r["runs"][0].update(label="C"), "runs.0: label is 'C', which is no label of"),
        (lambda r: r["variance_components"][1].update(value=-0.1), r"variance_components.1: value is -0\.1;"),
        (lambda r: r["settings"].update(primary={"arm_a": "AT"}), "settings.primary: arm_b is None; expected a name"),
        (lambda r: r["settings"].update(level=2), r"settings.0: level is 2\.0; expected a number between 0 and 1"),
        (lambda r: r["estimates"][0].update(level=1), "estimates.0: level is 1"),
        (lambda r: r["estimates"][0].update(se=-1), r"estimates.0: se is -1\.0; expected 0 or more"),
        (lambda r: r["estimates"][0].update(low=0.9, high=0.1), r"estimates.0: low is 0\.9, above high, 0\.1"),
        (lambda r: r["comparisons"][0].update(p_value=1.5), r"comparisons.0: p_value is 1\.5; expected a number"),
        (lambda r: r["comparisons"][0].update(df=-3), r"comparisons.0: df is -3\.0; expected a number above 0"),
        (lambda r: r["runs"][0].update(n_images=-1), "runs.0: n_images is -1; expected a count"),
        (lambda r: r["runs"][0].update(n_images=10**30), "runs.0: n_images is 10{30}; expected a count of"),
        (lambda r: r["arms"][0].update(seeds=[10**30, 1, 2]), "arms.0: seeds is .* expected integers"),
        (lambda r: r["curves"][0]["y"].pop(), "curves.0: y has .* values, x has"),
        (lambda r: r["curves"][0].update(reference=[0.5]), "curves.0: reference has 1 values, x has"),
        (lambda r: r["omnibus"][0].update(mean_ranks=[1.0]), "omnibus.0: mean_ranks has 1 values for 3 arms"),
        (lambda r: r["omnibus"][0].update(p_nemenyi=[[1.0]]), "omnibus.0: p_nemenyi is no table of 3 x 3 values"),
        (lambda r: r["settings"]["baseline"].update(x="none"), "settings.baseline: 'x' is 'none', which is none"),
        (lambda r: r["estimates"][0].update(value=80), r"estimates.0: value is 80\.0; AUC is at most 1"),
        (lambda r: r["runs"][0].update(value=-1), r"runs.0: value is -1\.0; AUC is at least 0"),
        (lambda r: r["estimates"][0].update(metric="aucc"), "estimates.0: metric is 'aucc'; .*did you mean 'auc'"),
        (lambda r: r["comparisons"][0].update(test="zz"), "comparisons.0: test is 'zz'; expected one of"),
        (lambda r: r["comparisons"][0].update(p_value=0.5, p_adjusted=0.0), r"comparisons.0: p_adjusted is 0"),
        (lambda r: r["comparisons"][0].update(difference=5), r"comparisons.0: difference is 5\.0; expected a fraction"),
        (lambda r: r["comparisons"][0].update(margin=2), r"comparisons.0: margin is 2\.0; expected a fraction"),
        (lambda r: r["settings"].update(margin=2), r"settings.0: margin is 2\.0; expected a fraction between 0 and 1"),
        (lambda r: r["runs"][0].update(n_positive=10**6), "runs.0: n_positive is 1000000, above n_images, 60"),
        (lambda r: r["estimates"].append(r["estimates"][0]), r"estimates.\d+: the same row as estimates\.0, by arm"),
        (lambda r: r["comparisons"].append(r["comparisons"][3]), r"comparisons.\d+: the same row as comparisons\.3"),
        (lambda r: r["estimates"][0].update(value=0.99, low=0.1, high=0.2), r"estimates.0: value is 0\.99, above high"),
        (lambda r: r["comparisons"][0].update(primary=True), "comparisons.0: primary is true, but settings.primary"),
        (lambda r: r["settings"].update(study="a\x1b[31m"), r"line \d+ holds the character U\+001B"),
        (lambda r: r["arms"][0].update(name="a\x00"), r"line \d+ holds the character U\+0000"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_hang_together_is_refused(written, tmp_path, edit: Edit, said: str):
    table = copy.deepcopy(written)
    edit(table)
    with pytest.raises(InputError, match=rf"results\.json: {said}"):
        read(table, tmp_path / "results.json")


def test_a_backslash_before_a_u_is_no_control_character(written, tmp_path):
    name = r"C:\u0000" + "\\"
    table = copy.deepcopy(written)
    table["settings"]["study"] = name
    assert read(table, tmp_path / "results.json").settings.study == name


@pytest.mark.parametrize("text", ["[" * 400 + "]" * 400, '{"a":' * 400 + "1" + "}" * 400])
def test_nesting_of_400_levels_is_refused(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"results\.json: .*expected results\.json of format 1"):
        EvaluationResult.read(path)
    path.write_text('{"format": 1, "settings": ' + text + "}")
    with pytest.raises(InputError, match=r"results\.json: "):
        EvaluationResult.read(path)


def test_a_file_of_3_gb_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    with path.open("wb") as file:
        file.truncate(3 * 2**30)  # a file of holes: it takes no room
    monkeypatch.setattr(schema, "MOST_BYTES", 2**20)
    with pytest.raises(InputError, match=r"results\.json: more than 1,048,576 bytes"):
        EvaluationResult.read(path)
