"""Writes a run folder, runs/<run>/, completely or not at all.

In: a finished training. Out: a folder of format 1 (docs/formats.md). run.json is written last; readers skip a folder
without it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w
import torch
from safetensors.torch import save

from medkt_eval.predictions import format as predictions
from medkt_eval.predictions.format import Predictions
from medkt_eval.runtime.atomic_files import write_folder_atomically

FORMAT = 1


def is_finished(folder: Path) -> bool:
    """Return whether a folder holds a finished run: run.json is the last file written."""
    return (folder / "run.json").is_file()


def write(
    folder: Path,
    *,
    manifest: Mapping[str, Any],
    config: Mapping[str, Any],
    validation: Predictions,
    test: Predictions,
    history: pd.DataFrame,
    weights: Mapping[str, torch.Tensor],
    more: Mapping[str, bytes],
) -> None:
    """Write the folder of a finished run.

    Parameters
    ----------
    folder : Path
        runs/<run_id>; must not exist.
    manifest : mapping
        run.json without `format`, `run_id` and the entries about the prediction files.
    config : mapping
        Every setting; those that are None are left out, because TOML has no null.
    validation, test : Predictions
        Predictions of the selected epoch.
    history : DataFrame
        One row an epoch.
    weights : mapping of str to Tensor
        State dict of the selected epoch.
    more : mapping of str to bytes
        Further files: name in the folder (with `/` for subfolders), and content.

    Raises
    ------
    OSError
        If it cannot be written, for example because the disk is full; no incomplete folder is left behind.
    """
    files: dict[str, bytes] = {}
    entries = {}
    for key, name, part in (("predictions_validation", "validation", validation), ("predictions", "test", test)):
        file, table = f"predictions-{name}.parquet", io.BytesIO()
        predictions.to_frame(part).to_parquet(table, index=False)
        files[file] = table.getvalue()
        sha256 = hashlib.sha256(files[file]).hexdigest()
        entries[key] = {"file": file, "rows": len(part.image_ids), "sha256": sha256}
    files["history.csv"] = history.to_csv(index=False).encode()
    files["model.safetensors"] = save({name: tensor.contiguous() for name, tensor in weights.items()})
    files["config.toml"] = tomli_w.dumps(without_none(config)).encode()
    files |= more
    run = {"format": FORMAT, "run_id": folder.name, **manifest, **entries}
    files["run.json"] = (json.dumps(run, indent=1, allow_nan=False) + "\n").encode()
    write_folder_atomically(folder, files)


def without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table without keys whose value is None, at any depth."""
    return {
        key: without_none(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }
