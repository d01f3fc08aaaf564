"""The images of one split, as rows of an array that all splits share.

In: an array in memory or a mapped file, and the rows of the split. Out: batches. Splits, runs and training sets of
several sizes share one array, so none of them holds a copy.
"""

from __future__ import annotations

import mmap
import sys
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np

from medkt_eval.errors import InputError


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
    checksums : uint32, (n_stored,) or None
        The CRC-32 of each image of `stored` that `rows` names. An image is checked each time it is read.
    where : Path or None
        The file, for messages.

    Examples
    --------
    >>> pixels = Pixels(np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1), np.array([4, 1, 3]))
    >>> len(pixels), pixels[np.array([0, 2])].ravel()
    (3, array([4, 3], dtype=uint8))
    """

    stored: np.ndarray
    rows: np.ndarray
    mapping: mmap.mmap | None = None
    checksums: np.ndarray | None = None
    where: Path | None = None

    @classmethod
    def mapped(
        cls, file: Path | IO[bytes], rows: np.ndarray, shape: tuple[int, int, int], checksums: np.ndarray | None = None
    ) -> Pixels:
        """Map images of a file that consists of images, one after another.

        Parameters
        ----------
        file : Path or open binary file
            It contains at least the largest of `rows`.
        rows : int64, (n,), n > 0
            The positions of the images in the file.
        shape : tuple of int
            (channels, S, S).
        checksums : uint32, (n,) or None
            The CRC-32 of each image.
        """
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return replace(cls.mapped(opened, rows, shape, checksums), where=file)
        n = int(rows.max()) + 1
        mapping = mmap.mmap(file.fileno(), n * int(np.prod(shape)), access=mmap.ACCESS_READ)
        of_stored = None
        if checksums is not None:
            of_stored = np.zeros(n, dtype=np.uint32)
            of_stored[rows] = checksums
        return cls(np.frombuffer(mapping, dtype=np.uint8).reshape(n, *shape), rows, mapping, of_stored)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def crc32(self) -> np.ndarray | None:
        """The CRC-32 of each image, uint32, (n,); None if they are not kept."""
        return None if self.checksums is None else self.checksums[self.rows]

    def __getitem__(self, which: int | slice | list[int] | np.ndarray) -> np.ndarray:
        """Return copies of some images.

        Raises
        ------
        InputError
            If an image does not have its checksum: the file was damaged.
        """
        images = np.take(self.stored, self.rows[which], axis=0)
        if self.checksums is not None:
            self._check(images.reshape(-1, *self.stored.shape[1:]), np.atleast_1d(self.rows[which]))
        if self.mapping is not None and sys.platform != "win32":
            # The pages no longer count as the process's memory. The system keeps them for as long as it has room.
            self.mapping.madvise(mmap.MADV_DONTNEED)
        return images

    def _check(self, images: np.ndarray, rows: np.ndarray) -> None:
        for image, row in zip(images, rows, strict=True):
            if self.checksums is not None and zlib.crc32(image) != self.checksums[row]:
                folder = None if self.where is None else self.where.parent
                raise InputError(
                    f"{self.where}: the decoded image at position {row} is damaged: it does not have its checksum; "
                    f"delete the folder {folder} and run the command again, which decodes the images anew"
                )

    def only(self, which: np.ndarray) -> Pixels:
        """Select some of these images without copying them."""
        return replace(self, rows=self.rows[which])
