"""Check that runs were trained, selected and tested on the same labels and pixels.

In: what runs recorded of their images (`data-hashes.parquet`, docs/formats.md). Out: which runs recorded nothing; or an
error that names two runs and the first image that differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from medkt_eval.errors import InputError
from medkt_eval.predictions.run_folders import RunRecord
from medkt_eval.runtime.reading.files import is_listed, open_file

FILE = "data-hashes.parquet"
COLUMNS = ("image_id", "split", "target_hash", "pixel_hash")


@dataclass(frozen=True)
class DataHashes:
    """What a run recorded of its images.

    Parameters
    ----------
    run : str
        Its name in messages.
    labels : sequence of str
        Labels that the target hashes cover.
    image_size_px : int or None
        Side of the decoded images. Pixel hashes of two sizes are not compared.
    rows : mapping of str to array
        The `COLUMNS`, each (n_images,), of text; None where there is no hash.
    """

    run: str
    labels: Sequence[str]
    image_size_px: int | None
    rows: dict[str, np.ndarray]


@dataclass
class SeenData:
    """Hashes of all runs of a data set that were compared so far."""

    _seen: dict[object, dict[str, tuple[str, str]]] = field(default_factory=dict)  # of what -> image -> hash, run

    def compare(self, own: DataHashes) -> None:
        """Compare a run with those before it, on the images that both have, and keep its hashes.

        Raises
        ------
        InputError
            Naming both runs and the first image that differs.
        """
        for what, of_what, column in (
            ("targets", ("targets", *own.labels), "target_hash"),
            ("pixels", ("pixels", own.image_size_px), "pixel_hash"),
        ):
            known = self._seen.setdefault(of_what, {})
            differing = []
            for image, value, split in zip(own.rows["image_id"], own.rows[column], own.rows["split"], strict=True):
                if value is not None and known.setdefault(image, (value, own.run))[0] != value:
                    differing.append((image, split))
            if differing:
                image, split = min(differing)
                raise InputError(_message(what, image, split, known[image][1], own.run, len(differing)))


def check_same_data(runs: Sequence[RunRecord]) -> list[str]:
    """Refuse runs of one data set that were trained, selected or tested on other labels or pixels.

    Returns
    -------
    list of str
        Notes on runs that recorded their images, but not the hashes of labels and pixels.

    Raises
    ------
    InputError
        Naming two runs and the first image that differs.
    """
    notes = []
    for dataset in sorted({run.manifest.arm.dataset for run in runs}):
        own_runs = [run for run in runs if run.manifest.arm.dataset == dataset]
        unrecorded = [run for run in own_runs if not is_recorded(run) and "train" in run.manifest.data.sha256]
        if unrecorded:
            notes.append(
                f"{dataset}: whether all runs were trained on the same labels and pixels could not be checked: "
                f"{len(unrecorded)} of {len(own_runs)} runs did not record it (first: {unrecorded[0].manifest.run_id})"
            )
        seen_data(own_runs)
    return notes


def seen_data(runs: Sequence[RunRecord]) -> SeenData:
    """Compare the runs of one data set, and return their hashes; runs without hashes are passed over.

    Raises
    ------
    InputError
        Naming two runs and the first image that differs.
    """
    seen, compared = SeenData(), set[str]()
    for run in filter(is_recorded, runs):
        data = run.manifest.data
        summary = repr((data.sha256, data.target_sha256, data.pixel_sha256, run.manifest.labels, _size(run)))
        if summary not in compared:  # most runs of a study have the same images
            seen.compare(read_hashes(run))
        compared.add(summary)
    return seen


def is_recorded(run: RunRecord) -> bool:
    """Whether a run has hashes of its labels and pixels."""
    return bool(run.manifest.data.target_sha256) and is_listed(run.folder / FILE)


def read_hashes(run: RunRecord) -> DataHashes:
    """Read `data-hashes.parquet` of a run.

    Raises
    ------
    InputError
        If it is damaged, or lacks a column.
    """
    path = run.folder / FILE
    try:
        with open_file(path) as file:
            table = pq.read_table(file, columns=list(COLUMNS), use_pandas_metadata=False)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read; restore it, or remove this run and train it again") from error
    if set(table.column_names) != set(COLUMNS):
        raise InputError(f"{path}: columns {', '.join(table.column_names)}; expected {', '.join(COLUMNS)}")
    rows = {name: np.array(table[name].to_pylist(), dtype=object) for name in COLUMNS}
    return DataHashes(run.manifest.run_id, run.manifest.labels, _size(run), rows)


def _size(run: RunRecord) -> int | None:
    return run.manifest.arm.settings.get("image_size_px")


def _message(what: str, image: str, split: str, first: str, second: str, n: int) -> str:
    cause = (
        "the label table was changed between them"
        if what == "targets"
        else "the image files were changed between them, or decoded by another version of Pillow"
    )
    return (
        f"{first} and {second} have different {what} for image {image!r} of the {split} set, the first of {n} images "
        f"that differ: {cause}. Comparisons need the same data: restore it, or train all arms with the new data into "
        "another --out"
    )
