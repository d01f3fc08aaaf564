"""Studies in object storage (fsspec's in-memory storage): training, evaluation, and images there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medkt.data import AnyData, open_collection
from medkt.data.layouts.chestxray8 import ChestXray8Data
from medkt.data.layouts.folder import FolderData
from medkt.data.pixels import image_files
from medkt.observers.observer import Observer
from medkt.run.images import DatasetLoader
from medkt.run_settings import RunSettings
from medkt.study.preparation import TrainOptions
from medkt.study.schema import read_study
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.runtime.locations import location
from medkt_eval.training_records.pictures import picture_files

pytest.importorskip("upath")
TEACHER = "phantom-shapes-24-supervised-densenet40-none-s0"
TL0 = "phantom-chest-24-transfer_learning-densenet40-none-s0"


@pytest.fixture(autouse=True, scope="module")
def _empty() -> Iterator[None]:
    from fsspec.implementations.memory import MemoryFileSystem

    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


class Notes(Observer):
    def __init__(self, interrupt_at_epoch: int | None = None) -> None:
        self.notes: list[str] = []
        self.trained: list[str] = []
        self.epochs: list[float] = []
        self.interrupt_at_epoch = interrupt_at_epoch

    def note(self, text: str) -> None:
        self.notes.append(text)

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        self.epochs.append(record["epoch"])
        if record["epoch"] == self.interrupt_at_epoch:
            raise KeyboardInterrupt

    def done(self, run: RunSettings, seconds: float) -> None:
        self.trained.append(run.run_id)


def go(text: str, folder: Path, out: Path, only: str | None = None, observer: Notes | None = None) -> Notes:
    (folder / "tiny.toml").write_text(text)
    file = StudyFile.read(folder / "tiny.toml")
    observer = observer or Notes()
    train_study_file(file, out, TrainOptions(only=only, jobs=1), observer=observer)
    return observer


def kept(out: Path) -> dict[str, bytes]:
    """All files without times and seconds."""
    return {
        "/".join(path.parts[len(out.parts) :]): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.suffix in (".parquet", ".safetensors", ".toml", ".csv", ".png")
        if path.name != "history.csv"
    }


@pytest.fixture
def here(trained: Path) -> Path:
    return trained / "runs"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, study_text: str) -> Path:
    out = location("memory://bucket/runs")
    told = go(study_text, tmp_path_factory.mktemp("elsewhere"), out)
    assert [note for note in told.notes if note.startswith("memory://bucket/runs has no locks")]
    return out


def test_the_same_runs_here_and_elsewhere(here: Path, elsewhere: Path):
    assert kept(elsewhere) == kept(here)
    assert len(kept(here)) > 20
    for path in here.glob("*/run.json"):
        before, now = (json.loads((out / path.parent.name / "run.json").read_text()) for out in (here, elsewhere))
        assert {key for key in before if before[key] != now[key]} <= {"created", "seconds"}
    assert not [path for path in elsewhere.iterdir() if path.name.startswith(".")]


def test_the_same_results_from_here_and_elsewhere(here: Path, elsewhere: Path):
    found = [evaluate(out, replicates=0) for out in (here, str(elsewhere))]
    before, now = (result.model_dump(exclude={"created": True, "arms": {"__all__": {"seconds"}}}) for result in found)
    assert now == before
    assert found[0].pictures
    copied = [dict(picture_files(result, out)) for result, out in zip(found, (here, elsewhere), strict=True)]
    assert copied[0] == copied[1] != {}


def test_whole_runs_are_kept_and_none_is_read_where_there_is_none(elsewhere: Path, study_text: str, tmp_path: Path):
    assert go(study_text, tmp_path, elsewhere).trained == []
    with pytest.raises(InputError, match="trained with other settings"):
        go(study_text.replace("1e-3", "2e-3"), tmp_path, elsewhere)
    with pytest.raises(InputError, match="no such folder"):
        evaluate("memory://bucket/none")


def test_what_is_killed_or_fails_half_way_is_made_again(
    here: Path, elsewhere: Path, study_text: str, tmp_path: Path, monkeypatch
):
    out = location("memory://bucket/failing")
    for path in (elsewhere / TEACHER).iterdir():
        if path.is_file():
            (out / TEACHER / path.name).write_bytes(path.read_bytes())
    (out / TL0 / "pictures.json").write_text("of a process that was killed")
    with pytest.raises(KeyboardInterrupt):
        go(study_text, tmp_path, out, only=TL0, observer=Notes(interrupt_at_epoch=2))
    assert (out / f".{TL0}.checkpoint").is_dir()

    whole = type(out).write_bytes

    def failing(path: Path, data: bytes) -> int:
        if path.name == "config.toml":
            raise OSError("the connection is gone")
        return whole(path, data)  # type: ignore[arg-type]

    monkeypatch.setattr(type(out), "write_bytes", failing)
    observer = Notes()
    with pytest.raises(OSError, match="the connection is gone"):
        go(study_text, tmp_path, out, only=TL0, observer=observer)
    assert observer.epochs == [2]
    assert not (out / TL0).exists()
    monkeypatch.undo()

    go(study_text, tmp_path, out, only=TL0)
    assert kept(out / TL0) == kept(here / TL0) != {}
    assert "killed" not in (out / TL0 / "pictures.json").read_text()
    assert not (out / f".{TL0}.checkpoint").exists()


def test_a_teacher_may_lie_elsewhere(elsewhere: Path, here: Path, study_text: str, tmp_path: Path):
    given = 'weights = "memory://bucket/runs/' + TEACHER + '"'
    text = study_text.replace('data = "phantom-shapes"\ntraining = { epochs = 1 }', given)
    go(text, tmp_path, tmp_path / "runs", only=TL0)
    assert (tmp_path / "runs" / TL0 / "model.safetensors").read_bytes() == (
        here / TL0 / "model.safetensors"
    ).read_bytes()


@pytest.fixture
def nih(tmp_path: Path) -> tuple[Path, Path]:
    """Images of two layouts, on this machine and in object storage."""
    folder = tmp_path / "nih"
    rows = []
    for k in range(12):
        name = f"{k:08d}_000.png"
        where = folder / f"images_00{1 + k % 2}" / "images"
        where.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(k).integers(0, 255, (40, 48), dtype=np.uint8)
        Image.fromarray(noise).save(where / name)
        rows.append(f"{name},{'Mass|Nodule' if k % 3 else 'No Finding'},{k}\n")
    (folder / "Data_Entry_2017_v2020.csv").write_text("Image Index,Finding Labels,Patient ID\n" + "".join(rows))
    (folder / "lists").mkdir()
    csv = [f"images_00{1 + k % 2}/images/{k:08d}_000.png,{k},{k % 2}\n" for k in range(12)]
    (folder / "lists" / "labels.csv").write_text("image,patient_id,mass\n" + "".join(csv))
    (folder / "lists" / "exclude.csv").write_text("image_id,reason\nimages_001/images/00000000_000.png,dark\n")
    there = location(f"memory://bucket/{tmp_path.name}/nih")
    for path in folder.rglob("*"):
        if path.is_file():
            (there / path.relative_to(folder).as_posix()).write_bytes(path.read_bytes())
    return folder, there


def of_folder(root: Path, **changes: object) -> FolderData:
    return FolderData.model_validate(
        {
            "collection": "folder",
            "root": root,
            "csv": "lists/labels.csv",
            "validation_size": 2,
            "test_size": 3,
            "channels": 1,
            "exclude": root / "lists" / "exclude.csv",
            **changes,
        }
    )


def of_nih(root: Path) -> ChestXray8Data:
    return ChestXray8Data.model_validate(
        {"collection": "chestxray8", "root": root, "validation_size": 2, "test_size": 3}
    )


@pytest.mark.parametrize("settings", [of_folder, of_nih])
def test_the_same_images_from_here_and_elsewhere(nih: tuple[Path, Path], settings, tmp_path: Path):
    def loaded(data: AnyData, cache: Path) -> dict[str, tuple[np.ndarray, ...]]:
        run = DatasetLoader({"nih": data}, {"nih": [None]}, cache).load("nih", None, 32).data
        parts = {"train": run.train, "validation": run.validation, "test": run.test}
        return {name: (part.image_ids, part.targets, part.pixels[:]) for name, part in parts.items()}

    before, now = (loaded(settings(root), tmp_path / "cache") for root in nih)
    for name, arrays in before.items():
        for a, b in zip(arrays, now[name], strict=True):
            np.testing.assert_array_equal(a, b)
    assert {len(arrays[0]) for arrays in before.values()} >= {2, 3}


def test_a_file_is_fetched_once_and_again_where_it_was_changed(nih: tuple[Path, Path], tmp_path: Path, monkeypatch):
    fetched, openable = [], image_files.openable
    monkeypatch.setattr(image_files, "openable", lambda file: (fetched.append(file), openable(file))[1])

    def load() -> int:
        fetched.clear()
        DatasetLoader({"nih": of_folder(nih[1])}, {"nih": [None]}, tmp_path / "cache").load("nih", None, 32)
        return len(fetched)

    assert load() == 11
    assert load() == 0
    image = nih[1] / "images_002" / "images" / "00000001_000.png"
    image.write_bytes(image.read_bytes())
    assert load() == 1
    assert fetched == [str(image)]
    image.unlink()
    with pytest.raises(InputError, match=r"1 listed images are absent \(first: 'images_002/images/00000001_000.png'\)"):
        load()


def test_a_table_does_not_lead_out_of_its_folder(nih: tuple[Path, Path]):
    table = nih[1] / "lists" / "labels.csv"
    table.write_text("image,patient_id,mass\n../../secret.png,1,0\n")
    with pytest.raises(InputError, match=r"image '../../secret.png' lies outside memory://bucket/"):
        open_collection(of_folder(nih[1], exclude=None))


def test_a_study_file_names_its_images_by_url(nih: tuple[Path, Path], study_text: str, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("BUCKET", str(nih[1].parent))
    (tmp_path / "study.toml").write_text(
        study_text + '[data.folder]\nroot = "$BUCKET/nih"\nvalidation_size = 2\ntest_size = 3\n'
    )
    study, _, _ = read_study(tmp_path / "study.toml")
    assert study.data["folder"].root == nih[1]  # type: ignore[union-attr]
    assert study.data["folder"].model_dump(mode="json")["root"] == str(nih[1])


def test_a_url_of_this_machine_is_a_folder_of_it(here: Path, tmp_path: Path):
    shutil.copytree(here, tmp_path / "runs")
    assert evaluate(f"file://{tmp_path}/runs", replicates=0).runs == evaluate(here, replicates=0).runs
