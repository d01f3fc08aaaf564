"""A check that looked at nothing is never among those that found nothing: it is named with the reason."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from medkt.cli.app import app
from medkt.data.collection import Collection
from medkt.data_report.check import check
from medkt.data_report.findings import Checked
from medkt.data_report.opening import Opened
from medkt_eval.errors import InputError


def noise(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (64, 64), dtype=np.uint8)


def collection(images: list[np.ndarray | None], **fields: object) -> Collection:
    """A collection of images; None is an unreadable one."""
    n = len(images)

    def read(index: int, size_px: int) -> np.ndarray:
        image = images[index]
        if image is None:
            raise InputError("truncated")
        return np.asarray(Image.fromarray(image).resize((size_px, size_px)))

    ids = np.array([f"i{k}" for k in range(n)], dtype=object)
    content = {
        "name": "made",
        "task": "multilabel",
        "labels": ("Edema",),
        "image_ids": ids,
        "patient_ids": ids,
        "targets": (np.arange(n) % 2).astype(np.float32)[:, None],
        "read": read,
    }
    return Collection(**(content | fields))  # type: ignore[arg-type]


def checked(images: list[np.ndarray | None], parts: dict[str, list[int]] | None = None, **fields: object) -> Checked:
    splits = {name: np.array(rows) for name, rows in (parts or {}).items()}
    return check(Opened("made", collection(images, **fields), splits))


PAIRED = ("near-identical images", "one person, two patient ids")


@pytest.mark.parametrize(
    ("images", "names"),
    [
        ([None] * 6, ("constant images", "identical images", *PAIRED, "negative images")),
        ([np.full((64, 64), grey, np.uint8) for grey in range(6)], PAIRED),
        ([noise(0)] * 6, PAIRED),
        ([noise(0)], ("identical images", *PAIRED)),
        ([noise(0), None, None], ("identical images", *PAIRED)),
    ],
    ids=["unreadable", "blank", "all the same", "one image", "one readable image"],
)
def test_where_no_two_images_can_be_compared_this_is_said(images, names):
    result = checked(images)
    assert set(names) <= set(result.not_checked)
    assert not set(result.not_checked) & set(result.nothing_found)


def test_without_splits_and_metadata_their_checks_are_not_made():
    result = checked([noise(k) for k in range(4)])
    for name in ("patients in two splits", "prevalence shifts", "shortcuts", "unknown metadata", "label conflicts"):
        assert result.looked_at[name].startswith("not "), name
    assert "absent images" in result.nothing_found


@pytest.mark.parametrize("parts", [{"test": [0, 1, 2, 3]}, {"validation": [0, 1], "test": [2, 3]}])
def test_splits_without_training_give_no_shifts(parts):
    result = checked([noise(k) for k in range(4)], parts)
    assert "prevalence shifts" in result.not_checked
    assert ("patients in two splits" in result.not_checked) == (len(parts) == 1)


def test_a_column_that_is_no_age_or_sex_leaves_their_check_open():
    views = np.array(["AP", "PA"] * 24, dtype=object)
    targets = (np.arange(48) // 2 % 2).astype(np.float32)[:, None]
    result = checked([noise(k) for k in range(48)], groups={"view": views}, targets=targets)
    assert result.not_checked["labels told by age or sex"] == "not tried: no column of age or sex has two values"
    assert "shortcuts" not in result.not_checked
    result = checked([noise(k) for k in range(48)], groups={"sex": views}, targets=targets)
    assert result.not_checked["shortcuts"] == "not tried: age and sex are the only columns"


def test_classes_have_no_conflicts_and_findings_no_range():
    classes = checked([noise(k) for k in range(4)], task="multiclass", labels=("a", "b"), targets=np.arange(4) % 2)
    assert {"label conflicts", "labels never seen alone", "unlabelled images"} <= set(classes.not_checked)
    assert classes.not_checked["classes outside the range"] == "not checked: the classes are no numbers"


def test_the_terminal_and_the_page_name_what_was_not_checked(tmp_path: Path):
    root = tmp_path / "made"
    root.mkdir()
    for k in range(24):
        Image.fromarray(noise(k)).save(root / f"i{k}.png")
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "patient_id", "Edema"), *((f"i{k}.png", k, k % 2) for k in range(24))])
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["data", "check", "folder", "--root", str(root), "--out", str(out)])
    text = " ".join(done.output.split())
    assert "patients in two splits, prevalence shifts: not compared: no splits are known" in text
    assert "patients in two splits" not in text.partition("Nothing found: ")[2]
    page = next(path for path in out.iterdir() if path.suffix == ".html").read_text()
    assert "Not checked: " in page
