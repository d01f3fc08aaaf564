"""A label that validation images do not show both ways is refused before anything is trained or decoded."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from medkt.study.preparation import plan_study, work_to_do
from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError

STUDY = """
name = "labels"
[data.folder]
root = "set"
channels = 1
split_column = "split"
[[arms]]
name = "A"
data = "folder"
method = "supervised"
student = "densenet40"
initialisation = "random"
seeds = [0]
"""


def check(folder: Path, hernia: Callable[[int, str], str]) -> None:
    """Plan a study of 30 images; `hernia` gives the second label by the image's number and split."""
    (folder / "set").mkdir()
    with (folder / "set" / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "patient_id", "Effusion", "Hernia", "split"))
        for k in range(30):
            split = ("train", "validation", "test")[k // 10]
            Image.new("L", (8, 8), k).save(folder / "set" / f"i{k:02}.png")
            writer.writerow((f"i{k:02}.png", k, k % 2, hernia(k, split), split))
    (folder / "study.toml").write_text(STUDY)
    work_to_do(plan_study(StudyFile.read(folder / "study.toml"), folder / "runs", folder / "cache"), None)
    assert not (folder / "cache").exists()


@pytest.mark.parametrize(
    "hernia",
    [
        lambda k, split: str(int(split != "validation" and k % 3 == 0)),  # none of them
        lambda k, split: str(int(split == "validation" or k % 3 == 0)),  # all of them
        lambda k, split: "" if split == "validation" else str(k % 2),  # not labelled there
    ],
)
def test_a_label_without_an_auc_in_validation_is_refused(tmp_path: Path, hernia: Callable[[int, str], str]):
    with pytest.raises(InputError, match=r"\[data\.folder\]: auc macro is undefined .*no auc for Hernia.*increase"):
        check(tmp_path, hernia)
    assert not (tmp_path / "runs").exists()


def test_a_label_that_the_test_images_alone_lack_is_trained(tmp_path: Path):
    check(tmp_path, lambda k, split: str(int(split != "test" and k % 3 == 0)))
