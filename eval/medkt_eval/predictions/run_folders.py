"""Run folders as the evaluation reads them: run.json, predictions, history.

In: runs/. Out: `RunRecord`s. medkt's trainer writes these folders, and any other trainer can write them too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from medkt_eval.errors import InputError
from medkt_eval.predictions import format as predictions
from medkt_eval.predictions.columns.mapping import check_somewhere
from medkt_eval.predictions.files import any_format as files
from medkt_eval.predictions.files.parquet_columns import AnyPredictions
from medkt_eval.runtime.atomic_files import sha256_of_file
from medkt_eval.runtime.reading.files import check_readable, is_listed, open_file
from medkt_eval.runtime.reading.name_fields import PrintableName
from medkt_eval.runtime.reading.names import check_printable
from medkt_eval.runtime.reading.text import read_json
from medkt_eval.runtime.validation import validated

FORMAT = 1
RESERVED_LABELS = ("macro", "weighted", "micro", "macro_ovo")  # names of averages in results.json
Count = Annotated[int, Field(ge=0)]


class ManifestPart(BaseModel):
    """A part of run.json: immutable, and other trainers may add fields of their own."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)


class ArmFields(ManifestPart):
    """`arm` in run.json: what the run is an instance of."""

    dataset: PrintableName
    task: Literal["multilabel", "multiclass"]
    train_size: Count | None = None
    method: PrintableName
    student: PrintableName
    teacher: PrintableName | None = None
    unfrozen: str | None = None
    trainable_parameters: Count | None = None
    total_parameters: Count | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    name: PrintableName | None = Field(default=None, description="the arm's name in its study file")


class DataFields(ManifestPart):
    """`data` in run.json: what the run was trained and tested on."""

    n: dict[str, Count] = Field(default_factory=dict, description="split -> images")
    patients: dict[str, Count] = Field(default_factory=dict, description="split -> patients")
    sha256: dict[str, str] = Field(default_factory=dict, description="split -> hash of the sorted image ids")
    target_sha256: dict[str, str] = Field(default_factory=dict, description="split -> hash of the targets")
    pixel_sha256: dict[str, str] = Field(default_factory=dict, description="split -> hash of the decoded pixels")
    positive: dict[str, dict[str, Count]] = Field(default_factory=dict, description="split -> label -> images")
    synthetic: bool = False
    source: str = ""
    labelling: str = ""
    views: str = ""
    patients_in_two_splits: Count | None = None


class RecordedFile(ManifestPart):
    """`predictions` in run.json."""

    file: str
    rows: Count | None = None
    sha256: str | None = None


class RecordedTeacher(ManifestPart):
    """`teacher` in run.json: the network that the run learnt from, and its own AUC on the run's labels."""

    source: PrintableName
    architecture: PrintableName | None = None
    sha256: str | None = None
    auc: dict[str, Annotated[float, Field(ge=0, le=1)] | None] = Field(default_factory=dict, description="label -> AUC")
    undefined_because: dict[str, str] = Field(default_factory=dict, description="label -> reason")
    split: str = "test"


class Manifest(ManifestPart):
    """run.json, format 1."""

    format: int
    run_id: PrintableName
    arm: ArmFields
    seed: int
    role: Literal["arm", "teacher"] = "arm"
    grid: PrintableName | None = None
    labels: list[PrintableName] = Field(min_length=1)
    data: DataFields = DataFields()
    selection: dict[str, Any] | None = Field(default=None, description="metric, epoch and value on validation")
    predictions: RecordedFile | None = None
    predictions_validation: RecordedFile | None = None
    seconds: float | None = Field(default=None, ge=0)
    teacher: RecordedTeacher | None = None

    @property
    def arm_id(self) -> str:
        """The run id without its seed."""
        return self.run_id.removesuffix(f"-s{self.seed}")


class Run(Protocol):
    """One run as the evaluation reads it: a run folder (`RunRecord`) or tables (`without_run_json.RunFromTables`)."""

    @property
    def manifest(self) -> Manifest:
        """What the run is."""
        ...

    @property
    def source(self) -> str:
        """Name of the run in messages."""
        ...

    def test_rows(self) -> int | None:
        """Number of test images; None if only reading them would tell."""
        ...

    def test(self, *, in_memory: bool = True) -> AnyPredictions:
        """The test predictions, in memory or (if the format allows it) read column by column."""
        ...

    def validation(self, *, in_memory: bool = True) -> AnyPredictions | None:
        """Read the validation predictions in the same way; None if there are none."""
        ...

    def history(self) -> pd.DataFrame | None:
        """The training history with one row per epoch, or None if there is none."""
        ...

    def sha256(self) -> str:
        """Hash of the test predictions."""
        ...


@dataclass(frozen=True)
class RunRecord:
    """One run: its manifest and the folder that holds the rest."""

    manifest: Manifest
    folder: Path
    given: Mapping[str, str] = field(default_factory=dict)  # `--columns`

    @property
    def source(self) -> str:
        """Path of run.json."""
        return str(self.folder / "run.json")

    def test_rows(self) -> int | None:
        """Number of test images by the file's metadata; None if only reading it would tell."""
        return files.count_rows(self._test_file())

    def test(self, *, in_memory: bool = True) -> AnyPredictions:
        """The test predictions, checked against the hash in run.json."""
        return self._read(self._test_file(), self.manifest.predictions, in_memory)

    def validation(self, *, in_memory: bool = True) -> AnyPredictions | None:
        """The validation predictions, or None if the run has none."""
        path, recorded = predictions.find(self.folder, "validation"), self.manifest.predictions_validation
        if path is None and recorded is not None:
            raise InputError(
                f"{self.folder / recorded.file}: absent, but run.json names it as predictions_validation. Restore the "
                "file, or take the entry out of run.json to evaluate without validation predictions"
            )
        return None if path is None else self._read(path, recorded, in_memory)

    def history(self) -> pd.DataFrame | None:
        """history.csv with one row per epoch, or None if the run has none."""
        path = self.folder / "history.csv"
        if not is_listed(path):
            return None
        try:
            with open_file(path) as file:
                return pd.read_csv(file)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read ({error}); expected a CSV with one row an epoch") from error

    def sha256(self) -> str:
        """Hash of the test predictions as they are on disk."""
        path = predictions.find(self.folder, "test")
        return sha256_of_file(path) if path else ""

    def headers(self) -> Iterator[tuple[str, list[str]]]:
        """Each prediction file, and the names of its columns."""
        for split in ("test", "validation"):
            path = predictions.find(self.folder, split)
            if path is not None:
                yield str(path), files.column_names(path)

    def _test_file(self) -> Path:
        path = predictions.find(self.folder, "test")
        if path is None:
            raise InputError(f"{self.folder}: no predictions-test.parquet (or .csv, .csv.gz); expected one")
        return path

    def _read(self, path: Path, recorded: RecordedFile | None, in_memory: bool) -> AnyPredictions:
        if recorded is not None and recorded.file != path.name:
            raise InputError(
                f"{path}: run.json names {recorded.file!r} for these predictions; expected that file: restore it, or "
                "correct run.json"
            )
        if recorded is not None and recorded.sha256 not in (None, found := sha256_of_file(path)):
            raise InputError(
                f"{path}: sha256 is {found[:12]}..., run.json says {str(recorded.sha256)[:12]}...; "
                "the file was changed after the run: restore it, or remove this run and train it again"
            )
        arm, labels = self.manifest.arm, self.manifest.labels
        read = files.read(path, arm.task, labels, in_memory=in_memory, given=self.given)
        if recorded is not None and recorded.rows not in (None, len(read.image_ids)):
            raise InputError(
                f"{path}: {len(read.image_ids):,} images; run.json says {recorded.rows:,} rows; expected the same"
            )
        return read


def read_runs(runs: Path, given: Mapping[str, str] | None = None) -> tuple[list[RunRecord], list[str]]:
    """Read all runs in `runs/`, sorted by run id, with notes on folders that are not runs.

    Names that begin with a dot are ignored.

    Parameters
    ----------
    runs : Path
    given : mapping of str to str, or None
        Which column of the prediction files holds what (`--columns`).

    Raises
    ------
    InputError
        If there is no such folder, no run in it, a run.json is not of format 1, or no file has a column of `given`.
    """
    if not runs.is_dir():
        raise InputError(f"{runs}: no such folder; expected the folder that medkt train wrote (its --out)")
    paths = sorted(path for path in runs.iterdir() if not path.name.startswith("."))
    check_printable([path.name for path in paths], "name", str(runs))
    for path in paths:
        if not path.exists():
            check_readable(path, "a run folder; restore what the link leads to, or remove the link")
    folders = [path for path in paths if path.is_dir()]
    records = [
        RunRecord(_manifest(folder), folder, given or {}) for folder in folders if is_listed(folder / "run.json")
    ]
    if not records:
        raise InputError(f"{runs}: no run in it; expected folders with a run.json, as medkt train writes them")
    check_somewhere(given or {}, (header for record in records for header in record.headers()))
    notes = [
        f"{folder.name} holds no run.json and was passed over"
        for folder in folders
        if not is_listed(folder / "run.json")
    ]
    return records, notes


def check_labels(labels: Sequence[str], source: str) -> None:
    """Refuse labels that a table of results could not distinguish.

    Raises
    ------
    InputError
        If a label cannot be printed, has the name of an average or is listed twice.
    """
    check_printable(labels, "label", source)
    if taken := sorted({*RESERVED_LABELS} & set(labels)):
        raise InputError(f"{source}: a label is called {taken[0]!r}, the name of an average; call it something else")
    if len(set(labels)) != len(labels):
        raise InputError(f"{source}: a label is listed twice in labels: {list(labels)}")


def _manifest(folder: Path) -> Manifest:
    path = folder / "run.json"
    content = read_json(path, "a run's manifest (docs/formats.md)")
    manifest = validated(Manifest, content, str(path))
    if manifest.format != FORMAT:
        raise InputError(f"{path}: format is {manifest.format}; this medkt reads format {FORMAT}")
    if manifest.run_id != folder.name:
        raise InputError(f"{path}: run_id is {manifest.run_id!r} in a folder called {folder.name!r}; make them equal")
    if not manifest.run_id.endswith(f"-s{manifest.seed}"):
        raise InputError(
            f"{path}: run_id is {manifest.run_id!r} and seed {manifest.seed}; a run id ends in its seed, "
            f"here -s{manifest.seed}, and the rest names the arm"
        )
    check_labels(manifest.labels, str(path))
    return manifest
