"""Hashes of the labels and the pixels that a run is trained, selected and tested on.

In: a `LoadedDataset`. Out: the table of `data-hashes.parquet`, and its summary for run.json. With them, a change of the
label table or of the image files between two arms is refused (`medkt_eval.predictions.across_runs.same_data`).
"""

from __future__ import annotations

import hashlib
import io
import zlib
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from medkt.data.collection import Collection
from medkt.data.pixels.pixels import Pixels
from medkt.run.images import LoadedDataset
from medkt_eval.predictions.across_runs.same_data import COLUMNS, DataHashes, seen_data
from medkt_eval.predictions.run_folders import read_runs
from medkt_eval.runtime.locations import is_remote


def data_hashes(dataset: LoadedDataset) -> pd.DataFrame:
    """Return a row for each image, sorted by split and image id: image_id, split, target_hash, pixel_hash.

    A hash is the CRC-32 of the image's targets or of its decoded uint8 pixels, as 8 hexadecimal digits. Drawn images
    have no pixel hash, because the settings determine their pixels.
    """
    collection = dataset.collection
    drawn = collection.files is None
    parts = []
    for name, rows in sorted(dataset.indices.items()):
        part = getattr(dataset.data, name)
        pixels = None if drawn or not isinstance(part.pixels, Pixels) else part.pixels.crc32
        frame = pd.DataFrame(
            {
                "image_id": collection.image_ids[rows].astype(str),
                "split": name,
                "target_hash": target_hashes(collection, rows),
                "pixel_hash": [None] * len(rows) if pixels is None else [f"{value:08x}" for value in pixels.tolist()],
            }
        )
        parts.append(frame.sort_values("image_id", kind="stable"))
    return pd.concat(parts, ignore_index=True)


def target_hashes(collection: Collection, rows: np.ndarray) -> list[str]:
    """Return the CRC-32 of each image's class, or of its targets (0, 1 or nothing) with a comma between them."""
    if collection.task == "multiclass":
        texts = [collection.labels[index] for index in collection.targets[rows].tolist()]
    else:
        texts = [",".join("" if isnan(value) else f"{value:g}" for value in row) for row in collection.targets[rows]]
    return [f"{zlib.crc32(text.encode()):08x}" for text in texts]


def summary(hashes: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return `target_sha256` and, if there are pixel hashes, `pixel_sha256` of each split.

    They are the SHA-256 of the lines "<image id> <hash>", sorted by image id.
    """
    entries: dict[str, dict[str, str]] = {}
    for key, column in (("target_sha256", "target_hash"), ("pixel_sha256", "pixel_hash")):
        known = hashes[hashes[column].notna()]
        for split, part in known.groupby("split"):
            lines = "".join(f"{image} {value}\n" for image, value in zip(part["image_id"], part[column], strict=True))
            entries.setdefault(key, {})[str(split)] = hashlib.sha256(lines.encode()).hexdigest()
    return entries


def as_parquet(hashes: pd.DataFrame) -> bytes:
    """Return the bytes of `data-hashes.parquet`."""
    table = io.BytesIO()
    pq.write_table(
        pa.Table.from_pydict({name: pa.array(hashes[name].tolist(), pa.string()) for name in COLUMNS}), table
    )
    return table.getvalue()


def check_same_targets(out: Path, dataset: str, collection: Collection, splits: dict[str, np.ndarray]) -> None:
    """Refuse targets that differ from those of finished runs, before any image is read.

    Raises
    ------
    InputError
        Naming a run and the first image that differs.
    """
    rows = np.concatenate(list(splits.values()))
    names = [name for name, part in splits.items() for _ in range(len(part))]
    table = {
        "image_id": np.array(list(map(str, collection.image_ids[rows])), dtype=object),
        "split": np.array(names, dtype=object),
        "target_hash": np.array(target_hashes(collection, rows), dtype=object),
        "pixel_hash": np.full(len(rows), None),
    }
    _compare(out, dataset, DataHashes(_now(dataset), collection.labels, None, table))


def check_same_pixels(out: Path, dataset: str, loaded: LoadedDataset, image_size_px: int) -> None:
    """Refuse targets and pixels that differ from those of finished runs, before a run is trained.

    Raises
    ------
    InputError
        Naming a run and the first image that differs.
    """
    hashes = data_hashes(loaded)
    table = {name: hashes[name].to_numpy(dtype=object) for name in COLUMNS}
    _compare(out, dataset, DataHashes(_now(dataset), loaded.collection.labels, image_size_px, table))


def _compare(out: Path, dataset: str, now: DataHashes) -> None:
    if is_remote(out) or not any(out.glob("*/run.json")):  # reading all runs from object storage takes long
        return
    runs, _ = read_runs(out)
    seen_data([run for run in runs if run.manifest.arm.dataset == dataset]).compare(now)


def _now(dataset: str) -> str:
    return f"the data set {dataset} as it is now"
