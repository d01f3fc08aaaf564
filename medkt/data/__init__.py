"""Data sets: layouts of files, pixels, label tables, splits, and the phantom.

In: the settings of a data set. Out: a `Collection`, the table of its images; `medkt.data.splitting` splits it.
Read first: collection.py, then layouts/folder.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np

from medkt.data.collection import Collection
from medkt.data.label_tables.lists import without
from medkt.data.layouts import LAYOUTS, AnyData
from medkt.data.settings import PATHS, DataSettings
from medkt_eval.predictions.values.look_alikes import look_alikes
from medkt_eval.runtime.locations import expand_path
from medkt_eval.runtime.reading.names import LONGEST_ID, check_printable

__all__ = ["LAYOUTS", "AnyData", "open_collection", "rooted"]

AnySettings = TypeVar("AnySettings", bound=DataSettings)


def open_collection(data: DataSettings) -> tuple[Collection, np.ndarray | None]:
    """Open a data set without reading its images.

    Parameters
    ----------
    data : DataSettings
        Settings of one of the layouts.

    Returns
    -------
    collection : Collection
        All its images except those that the setting `exclude` lists.
    split : str, (n_images,) or None
        The split of each image, if the data set defines it.

    Raises
    ------
    InputError
        If files or settings are wrong.
    """
    collection, split = data.open()
    _check_names(collection)
    collection = collection.noted(*_notes_on_look_alikes(collection))
    return (collection, split) if data.exclude is None else without(collection, split, data.exclude)


def _check_names(collection: Collection) -> None:
    """Refuse labels, ids and groups that cannot be printed or are very long: predictions will hold them."""
    check_printable(collection.labels, "label", collection.name)
    for what, ids in (("image", collection.image_ids), ("patient", collection.patient_ids)):
        check_printable(map(str, ids), what, collection.name, longest=LONGEST_ID)
    for name, values in collection.groups.items():
        check_printable((name, *map(str, values)), f"group_{name}", collection.name)


def _notes_on_look_alikes(collection: Collection) -> list[str]:
    """Notes on ids, groups and labels that look alike."""
    columns = {
        "image": collection.image_ids,
        "patient": collection.patient_ids,
        "label": np.array(collection.labels, dtype=object),
        **{f"group_{name}": values for name, values in collection.groups.items()},
    }
    notes = []
    for name, values in columns.items():
        if pair := look_alikes(values.astype(str)):
            notes.append(f"{name} {pair} and count as two")
    return notes


def rooted(data: AnySettings, folder: Path) -> AnySettings:
    """Make the settings' paths absolute: relative ones start at `folder`; environment variables and ~ are expanded."""
    paths = {key: getattr(data, key) for key in PATHS if hasattr(data, key)}
    full = {key: expand_path(folder, path) for key, path in paths.items() if path}
    return data.model_copy(update=full)
