"""Data sets: one file a layout, each giving a `Collection`.

A further layout is a file of its own, its settings in `medkt.data_settings`, and a line in `OPENERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from medkt.data.collection import Collection
from medkt.data.label_tables.lists import without
from medkt.data.layouts.chestxray8 import chestxray8
from medkt.data.layouts.chexpert import chexpert
from medkt.data.layouts.covid import covid
from medkt.data.layouts.eyepacs import eyepacs
from medkt.data.layouts.folder import folder
from medkt.data.layouts.mimic_cxr import mimic_cxr
from medkt.data.phantom.collections import phantom_chest, phantom_fundus, phantom_shapes
from medkt.data_settings import AnyData, PhantomChestData, PhantomFundusData, PhantomShapesData
from medkt_eval.errors import InputError


def _chest(data: PhantomChestData) -> Collection:
    pairs = None if data.co_occurrence is None else {(a, b): value for a, b, value in data.co_occurrence}
    return phantom_chest(
        patients=data.patients,
        seed=data.seed,
        hospital=data.hospital,
        prevalence=data.prevalence,
        co_occurrence=pairs,
        label_noise=data.label_noise,
    )


def _fundus(data: PhantomFundusData) -> Collection:
    return phantom_fundus(patients=data.patients, seed=data.seed)


def _shapes(data: PhantomShapesData) -> Collection:
    return phantom_shapes(images=data.images, seed=data.seed)


OPENERS: dict[str, Callable[[Any], Collection | tuple[Collection, np.ndarray | None]]] = {
    "phantom-chest": _chest,
    "phantom-fundus": _fundus,
    "phantom-shapes": _shapes,
    "chestxray8": chestxray8,
    "chexpert": chexpert,
    "mimic-cxr": mimic_cxr,
    "eyepacs": eyepacs,
    "covid": covid,
    "folder": folder,
}


def open_collection(data: AnyData) -> tuple[Collection, np.ndarray | None]:
    """Open a data set; no image is read.

    Parameters
    ----------
    data : settings of a data set
        Its `collection` names the layout.

    Returns
    -------
    collection : Collection
        All its images but those of the settings' `exclude`.
    split : str, (n_images,) or None
        The split of each image, where the data set brings one along.

    Raises
    ------
    InputError
        If files or settings are wrong.
    """
    try:
        opened = OPENERS[data.collection](data)
    except InputError:
        raise
    except ValueError as error:  # the phantom's own checks of its settings
        raise InputError(f"[data] {data.collection}: {error}") from error
    collection, split = opened if isinstance(opened, tuple) else (opened, None)
    return (collection, split) if data.exclude is None else without(collection, split, data.exclude)
