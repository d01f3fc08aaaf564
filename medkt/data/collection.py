"""A data set as the rest of medkt sees it: a typed table of images. No image has been read yet.

In: the arrays that a layout (`medkt.data.layouts`) reads from its tables, or that the phantom draws. Out: `Collection`,
the input of splitting, training and describing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from medkt_eval.predictions.format import Task


@dataclass(frozen=True)
class Collection:
    """Images of a data set, their patients and their labels.

    Parameters
    ----------
    name : str
        The layout it was read from: "chestxray8", "folder", "phantom-chest", ...
    task : {"multilabel", "multiclass"}
        Several findings for each image, or one class.
    labels : tuple of str
        Names of the findings or classes, in the order of `targets`.
    image_ids : str, (n_images,)
        Unique.
    patient_ids : str, (n_images,)
        The independent unit of the statistics.
    targets : float32, (n_images, n_labels) or int64, (n_images,)
        Multi-label: 0, 1 or NaN (not labelled). Multi-class: index into `labels`.
    read : callable (index, size_px) -> uint8, (size_px, size_px) or (size_px, size_px, 3)
        Reads or draws one image: its shorter side is resized to `size_px`, then the centre is cropped. Several threads
        may call it at once.
    groups : mapping of name to str, (n_images,)
        Attributes that define subgroups: sex, age band, view. May be empty.
    acquisition : mapping of name to str, (n_images,)
        How the image was taken, such as its original size. The check for shortcuts uses these attributes. They have
        too many values for subgroups.
    channels : {1, 3}
        Channels of the arrays that `read` returns: 1 is grey, 3 is RGB.
    synthetic : bool
        Whether the images were drawn. Every report then says SYNTHETIC.
    source, labelling, views : str
        One phrase each for Table I: where the images come from, who labelled them, what they show.
    notes : tuple of str
        What a reader needs to know, e.g. "111,120 listed images are absent".
    doubts : tuple of str
        What was guessed from the tables, and how to set it. Training prints it before it begins.
    ordered : bool
        Whether the order of `labels` is known. False if classes are in alphabetical order for want of a better one.
    files : str, (n_images,), or None
        Paths or URLs of the images; None if they are drawn.
    absent : str, (n_absent,)
        Ids of images that the tables list but that do not exist. They are not among the n_images.
    complete : bool
        Whether training is refused if images are absent. It is refused for a folder with its own table. It is allowed
        for the large public collections, because many people have only a part of them.
    """

    name: str
    task: Task
    labels: tuple[str, ...]
    image_ids: np.ndarray
    patient_ids: np.ndarray
    targets: np.ndarray
    read: Callable[[int, int], np.ndarray]
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    acquisition: Mapping[str, np.ndarray] = field(default_factory=dict)
    channels: Literal[1, 3] = 1
    synthetic: bool = False
    source: str = ""
    labelling: str = ""
    views: str = ""
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    ordered: bool = True
    files: np.ndarray | None = None
    absent: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))
    complete: bool = False

    def __len__(self) -> int:
        return len(self.image_ids)

    def only(self, rows: np.ndarray) -> Collection:
        """Select some of the images.

        Parameters
        ----------
        rows : int, (n,)
            Indices of the images, in the new order.
        """
        read = self.read
        return replace(
            self,
            image_ids=self.image_ids[rows],
            patient_ids=self.patient_ids[rows],
            targets=self.targets[rows],
            read=lambda index, size_px: read(int(rows[index]), size_px),
            groups={name: values[rows] for name, values in self.groups.items()},
            acquisition={name: values[rows] for name, values in self.acquisition.items()},
            files=None if self.files is None else self.files[rows],
        )

    def noted(self, *notes: str) -> Collection:
        """Add notes to the collection."""
        return replace(self, notes=self.notes + notes)
