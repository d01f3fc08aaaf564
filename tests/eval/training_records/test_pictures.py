"""Networks and pictures of runs are read, checked and copied beside results.json."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import zlib
from pathlib import Path

import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.predictions.run_folders import read_runs
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.delivery import delivery
from medkt_eval.training_records.pictures import (
    MOST_BYTES,
    MOST_PICTURES,
    older_pictures,
    picture_files,
    read_architectures,
    read_pictures,
)

STAGES = [
    {
        "name": "Convolution",
        "operations": ["7 × 7 convolution, stride 2"],
        "channels": 64,
        "height": 32,
        "width": 32,
        "parameters": 9536,
        "tap": True,
    },
    {
        "name": "Classification",
        "operations": ["fully connected"],
        "channels": 3,
        "height": None,
        "width": None,
        "parameters": 195,
    },
]


def png(side: int, grey: int = 0) -> bytes:
    """A grey square, written by hand because medkt_eval has no image library."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes([grey]) * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def keep(folder: Path, *names: str, shows: str = "Edema") -> list[dict]:
    """Pictures of a run and their list."""
    (folder / "pictures").mkdir()
    rows = []
    for name in names:
        kind, layer = ("sample", "image") if name.startswith("sample") else ("attention", name.split("-")[2][:-4])
        content = png(8, zlib.crc32((folder.name + name).encode()) % 256)
        (folder / "pictures" / name).write_bytes(content)
        rows.append(
            {
                "kind": kind,
                "image_id": "test-000/v0",
                "shows": [shows],
                "layer": layer,
                "of": "",
                "file": name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "width_px": 8,
                "height_px": 8,
            }
        )
    write(folder / "pictures.json", {"format": 1, "pictures": rows})
    return rows


def write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def network(**changes: object) -> dict[str, object]:
    return {
        "format": 1,
        "student": "densenet121",
        "image_size_px": 64,
        "n_outputs": 3,
        "total_parameters": 9731,
        "stages": STAGES,
    } | changes


def records(runs: Path):
    return read_runs(runs)[0]


MAPS = ("attention-01-student.png", "attention-01-teacher.png")


@pytest.fixture
def illustrated(two_arms: Path) -> Path:
    """Runs with pictures, except tl-s0, and a teacher's run, whose name comes first."""
    for folder in sorted(two_arms.iterdir()):
        if folder.name != "tl-s0":
            keep(folder, "sample-01.png", *(MAPS if folder.name.startswith("at") else ()))
    return two_arms


def carry(result: EvaluationResult, runs: Path | None, out: Path) -> None:
    """Put the pictures beside results.json, as `medkt evaluate` does."""
    with delivery(out) as new:
        for name, content in picture_files(result, runs):
            new.add(name, content)
        new.deliver(older=older_pictures(out))


def test_runs_without_them_add_nothing(two_arms: Path, tmp_path: Path):
    result = evaluate(two_arms, replicates=0)
    assert (result.architectures, result.pictures) == ([], [])
    carry(result, two_arms, tmp_path)
    assert not (tmp_path / "pictures").exists()


def test_samples_of_a_data_set_and_attention_of_an_arm_come_from_their_first_runs(illustrated: Path, write_run):
    keep(write_run("a-teacher", 0, role="teacher", dataset="phantom-chest"), "sample-02.png")
    keep(write_run("b-teacher", 0, role="teacher", dataset="shapes"), "sample-03.png")
    for seed in range(2):
        keep(write_run("at2", seed, method="attention_transfer", teacher="mimic"), *MAPS)
    found = read_pictures(records(illustrated))
    assert [(row.kind, row.dataset, row.run_id, row.arm, row.layer, Path(row.file).name) for row in found] == [
        ("sample", "phantom-chest", "at-s0", "at", "image", "sample-01.png"),
        ("sample", "shapes", "b-teacher-s0", "b-teacher", "image", "sample-03.png"),
        ("attention", "phantom-chest", "at-s0", "at", "student", MAPS[0]),
        ("attention", "phantom-chest", "at-s0", "at", "teacher", MAPS[1]),
        ("attention", "phantom-chest", "at2-s0", "at2", "student", MAPS[0]),
        ("attention", "phantom-chest", "at2-s0", "at2", "teacher", MAPS[1]),
    ]
    assert found[0].file == "pictures/at-s0/sample-01.png"
    shutil.rmtree(illustrated / "at-s0")
    assert read_pictures(records(illustrated))[0].run_id == "at-s1"


def test_a_network_for_each_student_data_set_and_image_size(two_arms: Path, write_run):
    for folder in two_arms.iterdir():
        write(folder / "architecture.json", network())
    write(write_run("a-teacher", 0, role="teacher") / "architecture.json", network())
    write(write_run("b", 0, student="densenet40") / "architecture.json", network(student="densenet40"))
    write(write_run("c", 0, dataset="other") / "architecture.json", network(image_size_px=128))
    found = read_architectures(records(two_arms))
    assert [(row.student, row.dataset, row.image_size_px, row.run_id) for row in found] == [
        ("densenet121", "phantom-chest", 64, "at-s0"),
        ("densenet40", "phantom-chest", 64, "b-s0"),
        ("densenet121", "other", 128, "c-s0"),
    ]
    assert [stage.model_dump(exclude_defaults=True) for stage in found[0].stages] == STAGES


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (network(format=2), r"format is 2"),
        (network(total_parameters=5), r"the stages have 9731 parameters, total_parameters is 5"),
        (network(student="densenet40"), r"student is 'densenet40', the run's is 'densenet121'"),
        (network(stages=[]), r"stages is \[\]"),
        (network(n_outputs=None), r"n_outputs is None"),
        ([], r"it is \[\]"),
    ],
)
def test_a_wrong_network_is_named(two_arms: Path, content: object, told: str):
    write(two_arms / "at-s1" / "architecture.json", content)
    with pytest.raises(InputError, match=rf"at-s1/architecture\.json: {told}"):
        evaluate(two_arms, replicates=0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"file": "../at-s0/pictures/sample-01.png"}, r"pictures\.0\.file is '\.\./"),
        ({"file": "/etc/passwd"}, r"pictures\.0\.file is "),
        ({"file": "sample-01.png\n"}, r"pictures\.0\.file is "),
        ({"file": "sample-01.svg"}, r"pictures\.0\.file is "),
        ({"sha256": "0" * 64}, r"sample-01\.png: its sha256 is not the one in pictures\.json"),
        ({"sha256": None}, r"pictures\.0\.sha256 is None"),
        ({"width_px": 9}, r"sample-01\.png: no PNG of 9 x 8 px"),
        ({"width_px": 4000}, r"pictures\.0\.width_px is 4000"),
        ({"layer": "student"}, r"a picture of kind 'sample' has layer 'student'"),
        ({"kind": "attention"}, r"a picture of kind 'attention' has layer 'image'"),
        ({"kind": "portrait"}, r"pictures\.0\.kind is 'portrait'"),
        ({"shows": ["Gout"]}, r"sample-01\.png shows 'Gout', which is none of the run's labels; expected one of Edema"),
        ({"file": "sample-09.png"}, r"sample-09\.png: No such file"),
    ],
)
def test_a_wrong_list_is_named(two_arms: Path, change: dict, told: str):
    (row,) = keep(two_arms / "at-s1", "sample-01.png")
    write(two_arms / "at-s1" / "pictures.json", {"format": 1, "pictures": [row | change]})
    with pytest.raises(InputError, match=rf"at-s1/.*{told}"):
        evaluate(two_arms, replicates=0)


def test_a_list_that_is_none(two_arms: Path):
    (row,) = keep(two_arms / "at-s1", "sample-01.png")
    path = two_arms / "at-s1" / "pictures.json"
    write(path, {"format": 1, "pictures": [row] * (MOST_PICTURES + 1)})
    with pytest.raises(InputError, match=r"at-s1/pictures\.json: pictures is .* at most 64"):
        read_pictures(records(two_arms))
    for content in (b"{half", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"at-s1/pictures\.json: .*not (JSON|UTF-8)"):
            read_pictures(records(two_arms))
    path.write_bytes(b" " * 1_000_001)
    with pytest.raises(InputError, match=r"pictures\.json: more than 1,000,000 bytes"):
        read_pictures(records(two_arms))


@pytest.mark.parametrize("content", [b"<svg onload='alert(1)'/>" * 4, b"", png(8)[:20]])
def test_what_is_called_png_must_be_one(two_arms: Path, content: bytes):
    (row,) = keep(two_arms / "at-s1", "sample-01.png")
    (two_arms / "at-s1" / "pictures" / "sample-01.png").write_bytes(content)
    row["sha256"] = hashlib.sha256(content).hexdigest()
    write(two_arms / "at-s1" / "pictures.json", {"format": 1, "pictures": [row]})
    with pytest.raises(InputError, match=r"sample-01\.png: no PNG of 8 x 8 px"):
        read_pictures(records(two_arms))


def test_a_picture_that_is_too_large(two_arms: Path):
    keep(two_arms / "at-s1", "sample-01.png")
    with (two_arms / "at-s1" / "pictures" / "sample-01.png").open("ab") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(InputError, match=r"sample-01\.png: more than 500,000 bytes"):
        read_pictures(records(two_arms))


def test_links_do_not_lead_out_of_a_run(two_arms: Path, tmp_path: Path):
    keep(two_arms / "at-s1", "sample-01.png")
    path = two_arms / "at-s1" / "pictures" / "sample-01.png"
    (tmp_path / "secret.png").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "secret.png")
    with pytest.raises(InputError, match=r"sample-01\.png: leads out of the run's folder"):
        read_pictures(records(two_arms))


def test_pictures_are_carried_and_older_ones_removed(illustrated: Path, tmp_path: Path):
    out = tmp_path / "evaluation"
    old = out / "pictures" / "old-s0"
    old.mkdir(parents=True)
    (old / "sample-01.png").write_bytes(png(8))
    mine = out / "pictures" / "mine" / "sample-of-mine.png"
    mine.parent.mkdir()
    mine.write_bytes(b"not medkt's")
    result = evaluate(illustrated, replicates=0)
    carry(result, illustrated, out)
    carry(result, illustrated, out)
    assert not old.exists()
    assert mine.read_bytes() == b"not medkt's"
    mine.unlink()
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.png")}
    assert files == {
        row.file: (illustrated / row.run_id / row.file.replace(f"{row.run_id}/", "")).read_bytes()
        for row in result.pictures
    }
    assert len(files) == 3
    carry(result.model_copy(update={"pictures": []}), None, out)
    assert not list(out.rglob("*.png"))


def test_a_picture_changed_in_between_is_not_carried(illustrated: Path, tmp_path: Path):
    result = evaluate(illustrated, replicates=0)
    (illustrated / "at-s0" / "pictures" / MAPS[0]).write_bytes(png(8, 77))
    with pytest.raises(InputError, match=r"attention-01-student\.png: its sha256 is not"):
        carry(result, illustrated, tmp_path)
