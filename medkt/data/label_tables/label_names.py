"""One name for a finding, whatever a collection calls it.

In: a collection and its name of a label. Out: the name that all collections share: CheXpert's where CheXpert has the
finding, else the plain words. Loaders keep a collection's own names unless a study asks for others (`labels`): a run's
label is called as the study calls it, and is found in the collection under either name. Whoever sets the outputs of one
network beside the labels of another collection goes by these names, never by position: CheXclusion's MIMIC-CXR network
has Lung Lesion before Lung Opacity, CheXpert the other way round.

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
"""Outputs of CheXclusion's network for MIMIC-CXR, in their order."""

SHARED = {
    ("chestxray8", "Effusion"): "Pleural Effusion",
    ("chestxray8", "Pleural_Thickening"): "Pleural Thickening",
    ("torchxrayvision", "Effusion"): "Pleural Effusion",
    ("torchxrayvision", "Pleural_Thickening"): "Pleural Thickening",
    ("chexclusion", "Airspace Opacity"): "Lung Opacity",
}
"""(collection, its name) -> the shared name; a name that is not here is the shared one already."""


def shared(collection: str, name: str) -> str:
    """The name that all collections share.

    >>> shared("chestxray8", "Effusion"), shared("chexpert", "Edema")
    ('Pleural Effusion', 'Edema')
    """
    return SHARED.get((collection, name), name)


def asked(collection: str, known: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """A collection's own names of the labels that a study asks for.

    Parameters
    ----------
    collection : str
        As in `Collection.name`.
    known : sequence of str
        The collection's labels, by its own names.
    wanted : sequence of str
        Own or shared names.

    Returns
    -------
    list of str
        One of `known` for each label of `wanted`.

    Raises
    ------
    InputError
        If the collection has no such label, or two names mean the same label.

    Examples
    --------
    >>> asked("chestxray8", ["Edema", "Effusion"], ["Pleural Effusion"])
    ['Effusion']
    """
    own = {shared(collection, name): name for name in known} | {name: name for name in known}
    found: list[str] = []
    for name in wanted:
        if name not in own:
            raise InputError(f"{collection}: labels names {name!r}; expected some of {', '.join(known)}")
        if own[name] in found:
            raise InputError(f"{collection}: labels names {name!r}, which it names before; expected each once")
        found.append(own[name])
    return found


def positions(collection: str, labels: Sequence[str], other: str, others: Sequence[str]) -> list[int | None]:
    """The position of each label among those of another collection or network, None if it has no such label.

    Examples
    --------
    >>> found = positions("chexpert", CHEXPERT, "chexclusion", CHEXCLUSION_MIMIC)
    >>> found[3:5]  # Lung Opacity, Lung Lesion
    [4, 3]
    """
    place = {shared(other, name): k for k, name in enumerate(others) if name}
    return [place.get(shared(collection, name)) for name in labels]
