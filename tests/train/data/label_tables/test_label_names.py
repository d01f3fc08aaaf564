"""Shared names of labels, and a collection's own names."""

import pytest

from medkt.data.label_tables import label_names
from medkt.data.label_tables.label_names import CHEXCLUSION_MIMIC, CHEXPERT, SHARED
from medkt.data.layouts.chestxray8 import FINDINGS
from medkt.data.phantom.findings import LABELS
from medkt_eval.errors import InputError


def test_the_collections_share_the_names_of_what_they_share():
    assert CHEXPERT == LABELS
    nih = {label_names.shared("chestxray8", name) for name in FINDINGS}
    assert nih & set(CHEXPERT) == {
        "Atelectasis",
        "Cardiomegaly",
        "Consolidation",
        "Edema",
        "Pleural Effusion",
        "Pneumonia",
        "Pneumothorax",
    }
    assert {label_names.shared("chexclusion", name) for name in CHEXCLUSION_MIMIC} == set(CHEXPERT)


def test_no_two_names_of_a_collection_become_one():
    known = {"chestxray8": FINDINGS, "chexclusion": CHEXCLUSION_MIMIC}
    for collection, names in known.items():
        assert len({label_names.shared(collection, name) for name in names}) == len(names)
        own = [name for named, name in SHARED if named == collection]
        assert set(own) <= set(names)


def test_networks_are_aligned_by_name():
    order = label_names.positions("chexpert", CHEXPERT, "chexclusion", CHEXCLUSION_MIMIC)
    assert [k for k, position in enumerate(order) if position != k] == [3, 4]  # Lung Opacity and Lung Lesion
    outputs = ("Atelectasis", "", "Pneumothorax", "Effusion", "")  # torchxrayvision leaves untrained outputs unnamed
    assert label_names.positions("chestxray8", ("Effusion", "Hernia", "Atelectasis"), "torchxrayvision", outputs) == [
        3,
        None,
        0,
    ]


def test_labels_are_asked_for_by_either_name():
    assert label_names.own_names("chestxray8", FINDINGS, ["Pleural Thickening", "Effusion"]) == [
        "Pleural_Thickening",
        "Effusion",
    ]
    with pytest.raises(InputError, match="chexpert: labels names 'Effusion'; expected some of No Finding, "):
        label_names.own_names("chexpert", CHEXPERT, ["Effusion"])
    with pytest.raises(InputError, match="labels names 'Edema', which it names before"):
        label_names.own_names("chexpert", CHEXPERT, ["Edema", "Edema"])
