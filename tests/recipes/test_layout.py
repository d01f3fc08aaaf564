"""The recipe of a data layout: it works in the study file, the run, the results and the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from conftest import Copy

STUDY = """
name = "recipe"

[data.my-eyes]
collection = "class-folders"
root = "eyes"
train_size = 16
validation_size = 12
test_size = 12

[training]
image_size_px = 32
epochs = 1
batch_size = 8
threads_per_run = 1

[[arms]]
name = "Plain"
data = "my-eyes"
method = "supervised"
student = "densenet40"
initialisation = "random"
seeds = [0, 1]

[[arms]]
name = "Head"
data = "my-eyes"
method = "supervised"
student = "densenet40"
initialisation = "random"
unfrozen = "head"
seeds = [0, 1]

[analysis]
baseline = "Plain"
"""
RUN = "my-eyes-16-supervised-densenet40-none-s0"
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
"""


def test_a_layout_by_the_recipe(recipe: Callable[[str], Copy], tmp_path: Path):
    copy = recipe("Add a data layout")
    (tmp_path / "study.toml").write_text(STUDY)
    rng = np.random.default_rng(0)
    for label in ("healthy", "ill"):
        (tmp_path / "eyes" / label).mkdir(parents=True)
        for patient in range(20):
            pixels = rng.integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "eyes" / label / f"{label}{patient}_1.png")
    mistakes = (
        ('root = "eyes"', 'rot = "eyes"', "unknown key 'data.my-eyes.rot'; did you mean 'root'?"),
        ('root = "eyes"', 'root = "eyes"\nchannels = 2', "data.my-eyes.channels is 2: Input should be 1 or 3"),
        ('"class-folders"', '"class-folder"', "data.my-eyes.collection is 'class-folder'; expected one of phantom"),
    )
    for number, (right, wrong, _) in enumerate(mistakes):
        (tmp_path / f"{number}.toml").write_text(STUDY.replace(right, wrong, 1))
    errors = copy.run("-c", READ, *(f"{number}.toml" for number in range(len(mistakes))), cwd=tmp_path).splitlines()
    for (_, _, message), error in zip(mistakes, errors, strict=True):
        assert message in error

    planned = copy.run("-m", "medkt", "train", "study.toml", "--dry-run", "--images-per-second", "100", cwd=tmp_path)
    assert RUN in planned
    checked = copy.run("-m", "medkt", "data", "describe", "class-folders", "--root", "eyes", cwd=tmp_path)
    assert "healthy" in checked

    copy.run("-m", "medkt", "train", "study.toml", "--out", "runs", "--jobs", "1", cwd=tmp_path)
    run = json.loads((tmp_path / "runs" / RUN / "run.json").read_text())
    assert (run["labels"], run["data"]["collection"]) == (["healthy", "ill"], "class-folders")
    assert run["data"]["n"] == {"train": 16, "validation": 12, "test": 12}
    assert 'collection = "class-folders"' in (tmp_path / "runs" / RUN / "config.toml").read_text()

    copy.run("-m", "medkt", "evaluate", "runs", "--replicates", "0", cwd=tmp_path)
    results = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert {arm["dataset"] for arm in results["arms"]} == {"my-eyes"}
    page = (tmp_path / "evaluation" / "report" / "index.html").read_text()
    assert "my-eyes" in page
