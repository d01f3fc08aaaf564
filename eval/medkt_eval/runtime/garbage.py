"""Garbage collections that spare what exists already."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_collections() -> Iterator[None]:
    """Within it, what exists already is spared by garbage collections: statsmodels makes one in every call of Holm."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
