"""Read a run's `architecture.json`, its network, and `pictures.json`, which lists small PNG files.

In: run folders. Out: rows of results.json, and the PNG files to put beside it. A run without these files adds nothing:
it comes from another trainer, or from training with `[report] pictures = false`. Only files inside a run folder are
read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from medkt_eval.errors import InputError
from medkt_eval.predictions.run_folders import ManifestPart, Run, RunRecord
from medkt_eval.results.recorded import Architecture, Picture, Stage
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.locations import is_remote
from medkt_eval.runtime.reading.files import is_listed, read_bytes, reason
from medkt_eval.runtime.reading.text import read_json
from medkt_eval.runtime.validation import validated

FOLDER = "pictures"  # in a run folder, and beside results.json
MOST_PICTURES = 64  # per run
MOST_BYTES = 500_000  # per picture
MOST_BYTES_JSON = 1_000_000
LONGEST_PX = 512
# All copied files have such names. Files with other names are not medkt's, so they are never removed.
NAME = r"^(sample-[0-9]{2}|attention-[0-9]{2}-(student|teacher))\.png$"
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"

Model = TypeVar("Model", bound=BaseModel)
Side = Annotated[int, Field(ge=1, le=LONGEST_PX)]


class ArchitectureFile(ManifestPart):
    """architecture.json of a run."""

    format: Literal[1]
    student: str
    image_size_px: int = Field(ge=1)
    n_outputs: int = Field(ge=1)
    total_parameters: int = Field(ge=0)
    stages: list[Stage] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _adds_up(self) -> ArchitectureFile:
        total = sum(stage.parameters for stage in self.stages)
        if total != self.total_parameters:
            raise ValueError(
                f"the stages have {total} parameters, total_parameters is {self.total_parameters}; "
                "expected every parameter in one stage"
            )
        return self


class PictureEntry(ManifestPart):
    """One picture that pictures.json lists."""

    kind: Literal["sample", "attention"]
    image_id: str
    shows: list[str]
    layer: Literal["image", "student", "teacher"]
    of: str = ""
    file: str = Field(pattern=NAME, description="in the run's folder pictures/")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    width_px: Side
    height_px: Side

    @model_validator(mode="after")
    def _fits_its_kind(self) -> PictureEntry:
        if (self.kind == "sample") != (self.layer == "image"):
            raise ValueError(
                f"a picture of kind {self.kind!r} has layer {self.layer!r}; expected 'image' of a sample, "
                "'student' or 'teacher' of attention"
            )
        return self


class PicturesFile(ManifestPart):
    """pictures.json of a run."""

    format: Literal[1]
    pictures: list[PictureEntry] = Field(max_length=MOST_PICTURES)


def read_architectures(records: Sequence[Run]) -> list[Architecture]:
    """Read the networks that were trained: one per student, data set and image size, from the first run with it.

    Raises
    ------
    InputError
        If an architecture.json is damaged, is inconsistent, or describes another network than its run's.
    """
    architectures: dict[tuple[str, str, int], Architecture] = {}
    for record in _with_folder(records):
        path = record.folder / "architecture.json"
        content = _read(path, ArchitectureFile, record.folder)
        if content is None:
            continue
        arm = record.manifest.arm
        if content.student != arm.student:
            raise InputError(f"{path}: student is {content.student!r}, the run's is {arm.student!r}; remove the file")
        architectures.setdefault(
            (content.student, arm.dataset, content.image_size_px),
            Architecture(
                student=content.student,
                dataset=arm.dataset,
                run_id=record.manifest.run_id,
                image_size_px=content.image_size_px,
                n_outputs=content.n_outputs,
                total_parameters=content.total_parameters,
                stages=content.stages,
            ),
        )
    return list(architectures.values())


def read_pictures(records: Sequence[Run]) -> list[Picture]:
    """Read the samples of each data set and the attention maps of each arm, from the first run that has any.

    Raises
    ------
    InputError
        If a pictures.json is damaged, or a picture is absent, too large, not a PNG, or differs from pictures.json.
    """
    pictures: dict[tuple[str, str], list[Picture]] = {}
    for record in _with_folder(records):
        listing = _read(record.folder / "pictures.json", PicturesFile, record.folder)
        for kind, owner in (("sample", record.manifest.arm.dataset), ("attention", record.manifest.arm_id)):
            entries = [entry for entry in listing.pictures if entry.kind == kind] if listing else []
            if entries and (kind, owner) not in pictures:
                pictures[kind, owner] = [_picture(record, entry) for entry in entries]
    return [
        picture
        for kind in ("sample", "attention")
        for key, rows in pictures.items()
        if key[0] == kind
        for picture in rows
    ]


def picture_files(result: EvaluationResult, runs: Path | None) -> Iterator[tuple[str, bytes]]:
    """Read the pictures of a result again, to put them beside results.json.

    Parameters
    ----------
    result : EvaluationResult
        The result of `runs`.
    runs : Path or None
        Folder of run folders; None if the result comes from other predictions and has no pictures.

    Yields
    ------
    tuple of str and bytes
        Name relative to the folder of results.json, and content of the PNG.

    Raises
    ------
    InputError
        If a picture has changed since the evaluation.
    """
    for row in result.pictures if runs is not None else []:
        assert runs is not None
        folder = runs / row.run_id
        yield row.file, _png(folder / FOLDER / Path(row.file).name, row, folder)


def older_pictures(out: Path) -> list[str]:
    """Names of the pictures beside an older results.json: only files in `pictures/` with names of medkt's pictures."""
    paths = sorted((out / FOLDER).glob("*/*.png"))
    return [path.relative_to(out).as_posix() for path in paths if re.match(NAME, path.name)]


def _with_folder(records: Sequence[Run]) -> list[RunRecord]:
    """Select the runs that may have more than predictions. Those of teachers are last."""
    with_folder = [record for record in records if isinstance(record, RunRecord)]
    return sorted(with_folder, key=lambda record: record.manifest.role == "teacher")


def _picture(record: RunRecord, entry: PictureEntry) -> Picture:
    manifest = record.manifest
    _png(record.folder / FOLDER / entry.file, entry, record.folder)
    if unknown := [label for label in entry.shows if label not in manifest.labels]:
        raise InputError(
            f"{record.folder / 'pictures.json'}: {entry.file} shows {unknown[0]!r}, which is none of the "
            f"run's labels; expected one of {', '.join(manifest.labels)}"
        )
    return Picture(
        kind=entry.kind,
        dataset=manifest.arm.dataset,
        run_id=manifest.run_id,
        arm=manifest.arm_id,
        image_id=entry.image_id,
        shows=entry.shows,
        layer=entry.layer,
        of=entry.of,
        file=f"{FOLDER}/{manifest.run_id}/{entry.file}",
        sha256=entry.sha256,
        width_px=entry.width_px,
        height_px=entry.height_px,
    )


def _png(path: Path, listed: PictureEntry | Picture, folder: Path) -> bytes:
    """Read the bytes of a picture, and check its SHA-256, format and size."""
    _check_inside(path, folder, "a picture that pictures.json lists")
    content = read_bytes(path, "a picture that pictures.json lists", most=MOST_BYTES)
    if hashlib.sha256(content).hexdigest() != listed.sha256:
        raise InputError(
            f"{path}: its sha256 is not the one in pictures.json, so it was changed after the run; "
            "restore it, or remove pictures.json to do without pictures"
        )
    size = int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if not content.startswith(_PNG) or size != (listed.width_px, listed.height_px):
        raise InputError(
            f"{path}: no PNG of {listed.width_px} x {listed.height_px} px, as pictures.json says; write it "
            "again, or remove pictures.json to do without pictures"
        )
    return content


def _read(path: Path, model: type[Model], folder: Path) -> Model | None:
    """Read a JSON file of a run folder; None if it does not exist."""
    if not is_listed(path):
        return None
    expected = "what medkt train writes (docs/formats.md), or no such file"
    _check_inside(path, folder, expected)
    return validated(model, read_json(path, expected, most=MOST_BYTES_JSON), str(path))


def _check_inside(path: Path, folder: Path, expected: str) -> None:
    """Refuse a file that, with links followed, is not in `folder`."""
    if is_remote(path):  # object storage has no links, and `path` consists of names without /
        return
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # absent, or a loop of links
        raise InputError(f"{path}: {reason(error)}; expected {expected}") from error
    if not inside:
        raise InputError(f"{path}: leads out of the run's folder; expected {expected}")
