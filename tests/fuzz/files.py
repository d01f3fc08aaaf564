"""Mutations of files, whatever they hold: bytes flipped, cut, and what is no file at all.

In: a path and a random generator. Out: the path, changed.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n%%EOF\n"
CONTENTS = [
    b"",
    b"\0" * 1000,
    b"\xff\xfe",
    b"PK\x03\x04",
    b"\x1f\x8b\x08\0",
    b"PAR1",
    b"GIF89a",
    EPS,
    b"<svg/>",
    b"{}",
    b"[]",
    b"null",
]


def damage(path: Path, rng: Random) -> None:
    """Flip, cut or add bytes."""
    content = bytearray(path.read_bytes())
    how = rng.choice(["flip", "flip", "flip", "cut", "add", "other", "middle"])
    if how == "flip" and content:
        for _ in range(rng.choice([1, 1, 5, 50])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif how == "cut":
        del content[rng.randrange(len(content) + 1) :]
    elif how == "middle":
        begin = rng.randrange(len(content) + 1)
        del content[begin : begin + rng.randrange(1, 100)]
    elif how == "add":
        begin = rng.randrange(len(content) + 1)
        content[begin:begin] = rng.randbytes(rng.randrange(1, 100))
    else:
        content = bytearray(rng.choice(CONTENTS))
    path.write_bytes(content)


def replace(path: Path, rng: Random) -> None:
    """Put a folder, a FIFO, a link to nothing, to itself, to a device or out of the folder in the place of a file."""
    path.unlink(missing_ok=True)
    what = rng.choice(["folder", "fifo", "dangling", "loop", "device", "out", "absent"])
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what != "absent":
        targets = {"dangling": "nothing", "loop": path.name, "device": "/dev/zero", "out": "/etc/passwd"}
        path.symlink_to(targets[what])
