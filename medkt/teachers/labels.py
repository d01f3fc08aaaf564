"""The labels of known teachers' outputs, and their match to a study's labels: by name, never by position.

In: names from a teacher's file, a command line or a collection. Out: the names that all collections share.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt.data.label_tables.label_names import CHEXCLUSION_MIMIC, CHEXPERT, SHARED

TORCHXRAYVISION = (
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
)
"""Outputs of every DenseNet of TorchXRayVision. Each network was trained on some of them only."""

LISTS = {"chexpert": CHEXPERT, "chexclusion": CHEXCLUSION_MIMIC, "torchxrayvision": TORCHXRAYVISION}
"""Lists of labels by name."""

_SHARED = {name: shared for (_collection, name), shared in SHARED.items()}


def shared_name(label: str) -> str:
    """Return the shared name of a label whose collection is unknown.

    >>> shared_name("Effusion"), shared_name("Edema")
    ('Pleural Effusion', 'Edema')
    """
    return _SHARED.get(label, label)


def places(labels: Sequence[str], teacher_labels: Sequence[str]) -> list[int | None]:
    """Find the position of each of a study's labels among a teacher's outputs; None if the teacher lacks the label.

    >>> places(["Lung Opacity", "Lung Lesion", "Hernia", ""], CHEXCLUSION_MIMIC)
    [4, 3, None, None]
    """
    place = {shared_name(name): k for k, name in enumerate(teacher_labels) if name}
    return [place.get(shared_name(label)) for label in labels]
