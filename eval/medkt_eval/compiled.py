"""numba's `njit`, which keeps compiled kernels on disk where some folder can be written.

In: a function of arrays and numbers. Out: the same function, compiled when it is first called. Without a folder to keep
it, each process compiles it again; the results are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

_not_kept: list[str] = []


def njit(*, cache: bool, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As `numba.njit`; where no folder for its cache can be written, the kernel is compiled without one."""

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=cache, **options)(function)
        except RuntimeError as error:  # numba: "cannot cache function ...: no locator available"
            if "cannot cache" not in str(error):
                raise
            _not_kept.append(function.__name__)
            return numba.njit(**options)(function)

    return compiled


def why_slow() -> str:
    """Return a line for people if kernels could not be kept on disk, else nothing."""
    if not _not_kept:
        return ""
    return (
        "compiled code could not be kept, so each command compiles it again: neither the package's folder nor the home "
        "folder can be written. Set NUMBA_CACHE_DIR to a folder that can."
    )
