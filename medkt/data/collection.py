"""What every data set looks like to the rest of medkt: a typed table of images, with no image read yet.

In: nothing. Out: `Collection`, which each file of `medkt.data` builds from one layout on disk (or, for the
phantom, from nothing but a seed). Splitting, training and describing see only this.
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
        Several findings an image, or one class an image.
    labels : tuple of str
        Names of the findings or classes, in the order of `targets`.
    image_ids : str, (n_images,)
        Unique.
    patient_ids : str, (n_images,)
        The unit that is independent.
    targets : float32, (n_images, n_labels) or int64, (n_images,)
        Multi-label: 0, 1 or NaN (not labelled). Multi-class: index into `labels`.
    read : callable (index, size_px) -> uint8, (size_px, size_px) or (size_px, size_px, 3)
        Reads or draws one image: shorter side resized to `size_px`, centre crop. Safe to call from several threads.
    groups : mapping of name to str, (n_images,)
        What subgroups are made of: sex, age band, view. May be empty.
    acquisition : mapping of name to str, (n_images,)
        How the image was taken, as the tables say (size before it was shrunk): asked for shortcuts, of too many values
        for subgroups.
    channels : {1, 3}
        What `read` gives: 1 grey, 3 RGB.
    synthetic : bool
        True where images were drawn, not taken: every report then says SYNTHETIC.
    source, labelling, views : str
        One phrase each for Table I: where images came from, who labelled them, what they show.
    notes : tuple of str
        What a reader must know, e.g. "111,120 listed images are absent".
    files : str, (n_images,), or None
        Paths or URLs of the images; None where they are drawn.
    absent : str, (n_absent,)
        Ids of listed images that are not there; none of the n_images is among them.
    complete : bool
        Whether nothing is trained while images are absent: a folder's own table says what is to be there. Of the large
        public collections many hold a part.
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
    files: np.ndarray | None = None
    absent: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))
    complete: bool = False

    def __len__(self) -> int:
        return len(self.image_ids)

    def only(self, rows: np.ndarray) -> Collection:
        """The same collection with some of its images.

        Parameters
        ----------
        rows : int, (n,)
            Which, in the order wanted.
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
        """The same collection with further notes."""
        return replace(self, notes=self.notes + notes)
