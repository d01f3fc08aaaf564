"""Translate the label names of each collection to names that all collections share.

In: a collection and its name for a label. Out: the shared name. It is CheXpert's name if CheXpert has the finding, and
plain words otherwise. A collection keeps its own names unless the setting `labels` of a study gives other names; it
accepts its own and the shared names. Always match labels of two collections or networks by these names, never by
position: CheXclusion's MIMIC-CXR network has Lung Lesion before Lung Opacity, and CheXpert has them the other way
round.

Source: Irvin et al., CheXpert, AAAI 2019, Table 1; Wang et al., ChestX-ray8, CVPR 2017; Seyyed-Kalantari et al.,
CheXclusion, PSB 2021 and its code; Cohen et al., TorchXRayVision, MIDL 2022.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.errors import InputError

GRADES = ("No DR", "Mild", "Moderate", "Severe", "Proliferative DR")

CHEXPERT = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
"""Labels of CheXpert, MIMIC-CXR and the chest phantom, in the order of CheXpert's columns."""

CHEXCLUSION_MIMIC = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Airspace Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
"""Outputs of CheXclusion's network for MIMIC-CXR, in order."""

SHARED = {
    ("chestxray8", "Effusion"): "Pleural Effusion",
    ("chestxray8", "Pleural_Thickening"): "Pleural Thickening",
    ("torchxrayvision", "Effusion"): "Pleural Effusion",
    ("torchxrayvision", "Pleural_Thickening"): "Pleural Thickening",
    ("chexclusion", "Airspace Opacity"): "Lung Opacity",
}
"""(collection, its name) -> the shared name. A name that is not listed here already is the shared name."""


def shared(collection: str, name: str) -> str:
    """Return the name that all collections share.

    >>> shared("chestxray8", "Effusion"), shared("chexpert", "Edema")
    ('Pleural Effusion', 'Edema')
    """
    return SHARED.get((collection, name), name)


def own_names(collection: str, labels: Sequence[str], selected: Sequence[str]) -> list[str]:
    """Return a collection's own names of the labels that a study selects.

    Parameters
    ----------
    collection : str
        As in `Collection.name`.
    labels : sequence of str
        The collection's labels, by its own names.
    selected : sequence of str
        The labels to select, by the collection's own or the shared names.

    Returns
    -------
    list of str
        One of `labels` for each name in `selected`.

    Raises
    ------
    InputError
        If the collection has no such label, or two names mean the same label.

    Examples
    --------
    >>> own_names("chestxray8", ["Edema", "Effusion"], ["Pleural Effusion"])
    ['Effusion']
    """
    own = {shared(collection, name): name for name in labels} | {name: name for name in labels}
    names: list[str] = []
    for name in selected:
        if name not in own:
            raise InputError(f"{collection}: labels names {name!r}; expected some of {', '.join(labels)}")
        if own[name] in names:
            raise InputError(f"{collection}: labels names {name!r}, which it names before; expected each once")
        names.append(own[name])
    return names


def positions(collection: str, labels: Sequence[str], other: str, others: Sequence[str]) -> list[int | None]:
    """Find the position of each label in another collection or network; None if it has no such label.

    Examples
    --------
    >>> columns = positions("chexpert", CHEXPERT, "chexclusion", CHEXCLUSION_MIMIC)
    >>> columns[3:5]  # Lung Opacity, Lung Lesion
    [4, 3]
    """
    place = {shared(other, name): k for k, name in enumerate(others) if name}
    return [place.get(shared(collection, name)) for name in labels]
