"""Writes runs/<run>/ whole or not at all.

In: a finished training. Out: a folder of format 1 (docs/formats.md), made under a name that begins with a dot, which
every reader ignores, and renamed when whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w
import torch
from safetensors.torch import save_file

from medkt_eval import predictions
from medkt_eval.files import sha256_of_file
from medkt_eval.predictions import Predictions

FORMAT = 1


def is_whole(folder: Path) -> bool:
    """Whether a run was finished there: run.json is the last file written before the rename."""
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
    """Write a run.

    Parameters
    ----------
    folder : Path
        runs/<run_id>; must not exist.
    manifest : mapping
        run.json without `format`, `run_id` and the entries about the prediction files.
    config : mapping
        Every setting; None is left out, because TOML has no null.
    validation, test : Predictions
        Of the selected epoch.
    history : DataFrame
        One row an epoch.
    weights : mapping of str to Tensor
        State dict of the selected epoch.
    more : mapping of str to bytes
        Further files: name in the folder, `/` between parts, and content.

    Raises
    ------
    OSError
        If the disk is full, say; nothing half-written is left behind.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        files = {}
        for key, name, part in (("predictions_validation", "validation", validation), ("predictions", "test", test)):
            path = partial / f"predictions-{name}.parquet"
            predictions.to_frame(part).to_parquet(path, index=False)
            files[key] = {"file": path.name, "rows": len(part.image_ids), "sha256": sha256_of_file(path)}
        history.to_csv(partial / "history.csv", index=False)
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, partial / "model.safetensors")
        (partial / "config.toml").write_text(tomli_w.dumps(without_none(config)), encoding="utf-8")
        for name, content in more.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        run = {"format": FORMAT, "run_id": folder.name, **manifest, **files}
        (partial / "run.json").write_text(json.dumps(run, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        for path in partial.rglob("*"):
            if path.is_file():
                _to_disk(path)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """The same table without keys whose value is None, at any depth."""
    return {
        key: without_none(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }


def _to_disk(path: Path) -> None:
    """Wait until the file's bytes are on disk, so that a rename never publishes an empty file after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
