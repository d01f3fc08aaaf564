"""The images of one run, as the trainer uses them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medkt.data.collection import Task
from medkt.data.pixels.pixels import Pixels


@dataclass(frozen=True)
class Part:
    """The images of one split."""

    pixels: np.ndarray | Pixels  # uint8, (n, 1 or 3, S, S)
    targets: np.ndarray  # float32, (n, n_labels), NaN = not labelled; or int64, (n,)
    image_ids: np.ndarray  # str, (n,)


@dataclass(frozen=True)
class RunData:
    """The images that one run is trained, selected and tested on."""

    task: Task
    labels: tuple[str, ...]
    train: Part
    validation: Part
    test: Part
