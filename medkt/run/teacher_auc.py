"""How well a teacher does on the students' task: its own AUC for each label that it shares with them.

In: a teacher and a run's images. Out: an entry of run.json (docs/formats.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from medkt.data.collection import Task
from medkt.data.pixels import augment
from medkt.settings import TrainingSettings
from medkt.teachers import labels as teacher_labels
from medkt.teachers.teacher import Teacher
from medkt.training.run_data import Part, RunData
from medkt_eval.metrics.one_run import multilabel_metrics

_UNKNOWN = "it is not known what the teacher's outputs mean, or they are ImageNet's classes"
_NOT_FINITE = "some outputs of the teacher are infinite or no numbers"
_NOT_SHARED = "the teacher has no such label"


def own_auc(teacher: Teacher, data: RunData, training: TrainingSettings) -> dict[str, Any]:
    """Compute a teacher's AUC on the test images for each label; for classes, of each class against all others.

    Labels are matched by the names that all collections share: ChestX-ray8's Effusion is CheXpert's Pleural Effusion.
    A teacher is often trained on another task than its students. A low AUC then says that its predictions are of little
    use for this task; it says nothing about its attention.

    Parameters
    ----------
    teacher : Teacher
        Sees the test images once; not at all if no label is shared.
    data : RunData
        The students' images.
    training : TrainingSettings
        Gives the batch size.

    Returns
    -------
    dict
        `auc`, a number in 0-1 or None for each label; `undefined_because`, the reason for each None; `split`, "test".
    """
    place = [None] * len(data.labels) if teacher.labels is None else teacher_labels.places(data.labels, teacher.labels)
    missing = _UNKNOWN if teacher.labels is None else _NOT_SHARED
    auc: dict[str, float | None] = dict.fromkeys(data.labels)
    because = {label: missing for label, k in zip(data.labels, place, strict=True) if k is None}
    shared = [(own, label, k) for own, (label, k) in enumerate(zip(data.labels, place, strict=True)) if k is not None]
    if shared:
        targets = data.test.targets if data.task == "multilabel" else np.eye(len(data.labels))[data.test.targets]
        scores = _scores(teacher, data.task, data.test, training.batch_size)
        if not np.isfinite(scores).all():
            because |= {label: _NOT_FINITE for _, label, _ in shared}
            return {"auc": auc, "undefined_because": because, "split": "test"}
        rows = multilabel_metrics(
            [label for _, label, _ in shared],
            targets[:, [own for own, _, _ in shared]].astype(np.float64),
            scores[:, [k for _, _, k in shared]],
            [None] * len(shared),
            [None] * len(shared),
            metrics=["auc"],
        )
        for row in rows[: len(shared)]:  # averages follow
            auc[row.label] = row.value
            if row.undefined_because is not None:
                because[row.label] = row.undefined_because
    return {"auc": auc, "undefined_because": because, "split": "test"}


def _scores(teacher: Teacher, task: Task, part: Part, batch_size: int) -> np.ndarray:
    """Compute the teacher's outputs, float64, (n, k): logits, which rank like their sigmoids; or softmax."""
    device = next(teacher.network.parameters()).device
    scores = []
    for begin in range(0, len(part.pixels), batch_size):
        pixels = torch.from_numpy(part.pixels[begin : begin + batch_size]).to(device)
        logits = teacher.look(augment.normalised(pixels)).logits.double()
        scores.append((logits if task == "multilabel" else logits.softmax(1)).cpu().numpy())
    teacher.forget()
    return np.concatenate(scores)
