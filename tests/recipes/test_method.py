"""The recipe of a transfer method: it works in the study file, the run, the results and the report."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Copy

STUDY = """
name = "recipe"

[data.phantom-chest]
patients = 60
train_size = 16
validation_size = 40
test_size = 40

[training]
image_size_px = 32
epochs = 1
batch_size = 8
threads_per_run = 1

[teachers.chest]
architecture = "densenet40"
data = "phantom-chest"

[[arms]]
name = "TL"
data = "phantom-chest"
method = "transfer_learning"
student = "densenet40"
initialisation = "chest"
seeds = [0, 1]

[[arms]]
name = "Means"
data = "phantom-chest"
method = "mean_matching"
student = "densenet40"
teacher = "chest"
initialisation = "chest"
beta = 0.5
margin = 0.25
seeds = [0, 1]

[analysis]
baseline = "TL"
"""
RUN = "phantom-chest-16-mean_matching-densenet40-chest-s1"
READ = """
import sys
from pathlib import Path
from medkt.config import read_study
from medkt_eval.errors import InputError
for path in sys.argv[1:]:
    try:
        read_study(Path(path))
    except InputError as error:
        print(error)
assert "torch" not in sys.modules
"""


def test_a_method_by_the_recipe(recipe: Callable[[str], Copy], tmp_path: Path):
    copy = recipe("Add a method of transfer")
    (tmp_path / "study.toml").write_text(STUDY)
    mistakes = (
        ("margin = 0.25", "margn = 0.25", "unknown key 'arms.1.margn'; did you mean 'margin'?"),
        ("margin = 0.25", "margin = -1", "arms.1.margin is -1: Input should be greater than or equal to 0"),
        ("margin = 0.25", "temperature = 2", "mean_matching takes no temperature; knowledge_distillation does"),
        ('initialisation = "chest"', 'initialisation = "chest"\nmargin = 1', "transfer_learning takes no margin; mean"),
        ('"mean_matching"', '"mean_maching"', "method is 'mean_maching'; expected one of supervised"),
    )
    for number, (right, wrong, _) in enumerate(mistakes):
        (tmp_path / f"{number}.toml").write_text(STUDY.replace(right, wrong, 1))
    errors = copy.run("-c", READ, *(f"{number}.toml" for number in range(len(mistakes))), cwd=tmp_path).splitlines()
    for (_, _, message), error in zip(mistakes, errors, strict=True):
        assert message in error

    copy.run("-m", "medkt", "train", "study.toml", "--out", "runs", "--jobs", "1", cwd=tmp_path)
    run = json.loads((tmp_path / "runs" / RUN / "run.json").read_text())
    assert run["arm"]["method"] == "mean_matching"
    assert (run["arm"]["settings"]["beta"], run["arm"]["settings"]["margin"]) == (0.5, 0.25)
    config = tomllib.loads((tmp_path / "runs" / RUN / "config.toml").read_text())
    assert (config["method"], config["margin"]) == ("mean_matching", 0.25)
    history = (tmp_path / "runs" / RUN / "history.csv").read_text().splitlines()
    assert float(dict(zip(history[0].split(","), history[1].split(","), strict=True))["loss_transfer"]) > 0
    written = (tmp_path / "runs" / RUN / "run.json").stat().st_mtime_ns
    copy.run("-m", "medkt", "train", "study.toml", "--out", "runs", "--jobs", "1", cwd=tmp_path)
    assert (tmp_path / "runs" / RUN / "run.json").stat().st_mtime_ns == written  # its settings are read back

    copy.run("-m", "medkt", "evaluate", "runs", "--replicates", "0", cwd=tmp_path)
    results = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    (arm,) = (arm for arm in results["arms"] if arm["method"] == "mean_matching")
    assert (arm["name"], arm["settings"]["margin"]) == ("Means", 0.25)
    page = (tmp_path / "evaluation" / "report" / "index.html").read_text()
    assert "mean_matching" in page
