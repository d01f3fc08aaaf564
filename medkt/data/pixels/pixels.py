"""The images of one split, as rows of an array that all splits share.

In: an array in memory or a mapped file, and the rows of the split. Out: batches. Splits, runs and training sets of
several sizes share one array, so none of them holds a copy.
"""

from __future__ import annotations

import mmap
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np


@dataclass(frozen=True)
class Pixels:
    """Some of the images of an array. `len` and `[]` work as on an array of only these images.

    Parameters
    ----------
    stored : uint8, (n_stored, 1 or 3, S, S)
        In memory or mapped.
    rows : int64, (n,)
        The rows of `stored` to use.
    mapping : mmap.mmap or None
        The file that `stored` is mapped from.

    Examples
    --------
    >>> pixels = Pixels(np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1), np.array([4, 1, 3]))
    >>> len(pixels), pixels[np.array([0, 2])].ravel()
    (3, array([4, 3], dtype=uint8))
    """

    stored: np.ndarray
    rows: np.ndarray
    mapping: mmap.mmap | None = None

    @classmethod
    def mapped(cls, file: Path | IO[bytes], rows: np.ndarray, shape: tuple[int, int, int]) -> Pixels:
        """Map images of a file that consists of images, one after another.

        Parameters
        ----------
        file : Path or open binary file
            It contains at least the largest of `rows`.
        rows : int64, (n,), n > 0
            The positions of the images in the file.
        shape : tuple of int
            (channels, S, S).
        """
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return cls.mapped(opened, rows, shape)
        n = int(rows.max()) + 1
        mapping = mmap.mmap(file.fileno(), n * int(np.prod(shape)), access=mmap.ACCESS_READ)
        return cls(np.frombuffer(mapping, dtype=np.uint8).reshape(n, *shape), rows, mapping)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: int | slice | list[int] | np.ndarray) -> np.ndarray:
        images = np.take(self.stored, self.rows[which], axis=0)
        if self.mapping is not None and sys.platform != "win32":
            # The pages no longer count as the process's memory. The system keeps them for as long as it has room.
            self.mapping.madvise(mmap.MADV_DONTNEED)
        return images

    def only(self, which: np.ndarray) -> Pixels:
        """Select some of these images without copying them."""
        return replace(self, rows=self.rows[which])
