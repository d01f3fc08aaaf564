"""run.json: what a run was trained on, from which weights, and where.

In: a run's settings, its data and the outcome. Out: the manifest without the entries about files, which folder.py adds.
docs/formats.md describes each field.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np
import torch

from medkt.run.images import LoadedDataset
from medkt.run_settings import RunSettings
from medkt.training.student.outcome import TrainedRun
from medkt.transfer import own_keys
from medkt_eval.runtime.atomic_files import sha256_of_ids


def manifest(
    run: RunSettings,
    dataset: LoadedDataset,
    trained: TrainedRun,
    *,
    teacher: Mapping[str, Any] | None,
    hashes: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Return run.json without `format`, `run_id` and the entries about the prediction files.

    Parameters
    ----------
    run : RunSettings
        Every setting.
    dataset : LoadedDataset
        Its images.
    trained : TrainedRun
        The outcome.
    teacher : mapping or None
        The entry about the teacher: its source, hash and own AUC.
    hashes : mapping
        The entries about targets and pixels (`medkt.run.data_hashes.summary`).
    """
    return {
        "arm": {
            "name": run.name,
            "dataset": run.dataset,
            "task": dataset.data.task,
            "train_size": len(dataset.indices["train"]),
            "method": run.method,
            "student": run.student,
            "teacher": run.teacher,
            "unfrozen": run.unfrozen if isinstance(run.unfrozen, str) else "+".join(run.unfrozen),
            "trainable_parameters": trained.trainable_parameters,
            "total_parameters": trained.total_parameters,
            "method_parameters": trained.method_parameters,
            "settings": _settings(run),
        },
        "seed": run.seed,
        "role": run.role,
        "grid": run.grid,
        "labels": list(dataset.data.labels),
        "data": {**_data(dataset), **hashes},
        "selection": trained.selection,
        "initialisation": {
            "source": run.initialisation,
            "sha256": trained.start.sha256,
            "n_loaded": len(trained.start.loaded),
            "fresh": list(trained.start.fresh) if trained.start.sha256 else "all",
        },
        "teacher": teacher,
        "environment": _environment(trained),
        "seconds": round(trained.seconds, 2),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _settings(run: RunSettings) -> dict[str, Any]:
    """Return the settings that all seeds of an arm share; of the methods' settings, those of its own method."""
    used = {name: value for name, value in own_keys(run.transfer).items() if value is not None}
    return {"initialisation": run.initialisation, **run.training.model_dump(), **used}


def _data(dataset: LoadedDataset) -> dict[str, Any]:
    collection, indices = dataset.collection, dataset.indices
    patients = {name: set(collection.patient_ids[rows]) for name, rows in indices.items()}
    shared = [
        a & b
        for a, b in (
            (patients["train"], patients["validation"]),
            (patients["train"], patients["test"]),
            (patients["validation"], patients["test"]),
        )
    ]
    return {
        "collection": collection.name,
        "n": {name: len(rows) for name, rows in indices.items()},
        "patients": {name: len(people) for name, people in patients.items()},
        "sha256": {name: sha256_of_ids(collection.image_ids[rows]) for name, rows in indices.items()},
        "split_sha256": dataset.split_sha256,
        "positive": {name: _positive(dataset, rows) for name, rows in indices.items()},
        "synthetic": collection.synthetic,
        "source": collection.source,
        "labelling": collection.labelling,
        "views": collection.views,
        "notes": [*collection.notes, *collection.doubts],
        "patients_in_two_splits": len(set().union(*shared)),
    }


def _positive(dataset: LoadedDataset, rows: np.ndarray) -> dict[str, int]:
    targets, labels = dataset.collection.targets[rows], dataset.collection.labels
    if dataset.collection.task == "multilabel":
        counts = np.nansum(targets, axis=0)
    else:
        counts = np.bincount(targets, minlength=len(labels))
    return {label: int(count) for label, count in zip(labels, counts, strict=True)}


def _environment(trained: TrainedRun) -> dict[str, Any]:
    packages = ("medkt", "torch", "torchvision", "numpy", "pillow")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        **trained.device.describe(),
        "threads_per_run": torch.get_num_threads(),
        "processes": trained.processes,
        "batchnorm": trained.batchnorm,
        "packages": {name: metadata.version(name) for name in packages},
    }
