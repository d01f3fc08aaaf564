"""The prediction format: what was read, where the files are, and how they are written.

In: a run folder, or predictions. Out: `Predictions`, their file, or a table. files/tables.py reads tables, and
docs/formats.md describes the columns for writers in any language.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.names import Task
from medkt_eval.predictions.values.repairs import Repair
from medkt_eval.runtime.reading.files import check_readable, is_listed

SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True)
class Predictions:
    """Scores of one model on one set of images, with the images' targets.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
        Several findings per image, or one class per image.
    labels : tuple of str
        Findings or classes.
    image_ids : str, (n_images,)
        Sorted and unique.
    patient_ids : str, (n_images,) or None
        None only if the file has no such column.
    targets : float64, (n_images, n_labels) or int64, (n_images,)
        Multi-label: 0, 1 or NaN (not labelled). Multi-class: index into `labels`.
    scores : float64, (n_images, n_labels)
        Higher = more likely. Multi-class: probabilities.
    groups : dict of str to str, (n_images,)
        Columns `group_<name>`.
    source : str
        Name of the file, for messages.
    repairs : tuple of Repair
        What reading changed in the file's values.
    group_orders : dict of str to tuple of str
        The order of the groups of a column that declares one, as an ordered Categorical does.
    """

    task: Task
    labels: tuple[str, ...]
    image_ids: np.ndarray
    patient_ids: np.ndarray | None
    targets: np.ndarray
    scores: np.ndarray
    groups: dict[str, np.ndarray] = field(default_factory=dict)
    source: str = "predictions"
    repairs: tuple[Repair, ...] = ()
    group_orders: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def patients(self) -> tuple[np.ndarray, int]:
        """Each image's patient, numbered by sorted patient id (int64, (n_images,)), and the number of patients.

        Without patient ids, each image is its own patient.
        """
        if self.patient_ids is None:
            return np.arange(len(self.image_ids)), len(self.image_ids)
        patient, names = pd.factorize(self.patient_ids, sort=True)  # no text of fixed width: one id may be long
        return patient, len(names)

    def target(self, k: int) -> np.ndarray:
        """Targets of label k: 1, 0, or NaN where not labelled; float64, (n_images,)."""
        return self.targets[:, k] if self.task == "multilabel" else (self.targets == k).astype(np.float64)

    def score(self, k: int) -> np.ndarray:
        """Scores of label k, float64, (n_images,)."""
        return self.scores[:, k]

    def selected(self, keep: np.ndarray) -> Predictions:
        """The images where `keep`, bool (n_images,), is true."""
        return replace(
            self,
            image_ids=self.image_ids[keep],
            patient_ids=None if self.patient_ids is None else self.patient_ids[keep],
            targets=self.targets[keep],
            scores=self.scores[keep],
            groups={name: values[keep] for name, values in self.groups.items()},
        )

    @property
    def classes(self) -> np.ndarray:
        """Multi-class: each image's class, int64, (n_images,)."""
        return self.targets


def find(folder: Path, split: str) -> Path | None:
    """Find `predictions-<split>` in a run folder, in any of the formats; None if there is none.

    Raises
    ------
    InputError
        If there are several files, or it is a folder, a FIFO or a link to nothing.
    """
    found = [path for suffix in SUFFIXES if is_listed(path := folder / f"predictions-{split}{suffix}")]
    if len(found) > 1:
        raise InputError(f"{folder}: {', '.join(path.name for path in found)}: expected one of them; remove the others")
    for path in found:
        check_readable(path, "a file of predictions")
    return found[0] if found else None


def to_frame(predictions: Predictions) -> pd.DataFrame:
    """The table of docs/formats.md; scores are float32, as models produce them."""
    columns: dict[str, object] = {"image_id": predictions.image_ids}
    if predictions.patient_ids is not None:
        columns["patient_id"] = predictions.patient_ids
    columns |= {f"group_{name}": values for name, values in predictions.groups.items()}
    if predictions.task == "multilabel":
        for k, label in enumerate(predictions.labels):
            columns[f"target_{label}"] = pd.array(predictions.targets[:, k], dtype="Int8")
    else:
        columns["target"] = np.array(predictions.labels, dtype=object)[predictions.targets]
    for k, label in enumerate(predictions.labels):
        columns[f"score_{label}"] = predictions.scores[:, k].astype(np.float32)
    return pd.DataFrame(columns)
