"""Where files are: on this machine, or in object storage that fsspec reaches (s3://, gs://, ...).

In: a path or URL as people write it. Out: a path. A file on this machine has a `pathlib.Path`; elsewhere it has a
`upath.UPath` of universal-pathlib, which has the same methods, so that code need not distinguish them. Type hints say
`Path` for both. Nothing is imported for a path without "://".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from medkt_eval.errors import InputError

_CLIENTS = ("aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google")  # used by s3fs, gcsfs and adlfs
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


def is_remote(path: Path | str) -> bool:
    """Whether a path is in object storage, which has no locks, links or renaming, and where each access is a request.

    Examples
    --------
    >>> is_remote("s3://bucket/runs"), is_remote(Path("runs"))
    (True, False)
    """
    return "://" in str(path)


def location(given: Path | str) -> Path:
    """Return the path that a text names.

    Parameters
    ----------
    given : str or Path
        "runs", "s3://bucket/runs", "file:///data/runs"; a `Path` is returned unchanged.

    Returns
    -------
    Path
        A `UPath` for a URL other than file://. It caches no folder listings, because other processes write there too.

    Raises
    ------
    InputError
        If a package for such URLs is not installed, the protocol is unknown, or no absolute path follows file://.

    Examples
    --------
    >>> location("runs/a").name, location("file:///data/runs").as_posix()
    ('a', '/data/runs')
    """
    if not isinstance(given, str):
        return given
    if not is_remote(given):
        return Path(given)
    protocol, _, rest = given.partition("://")
    if protocol == "file":
        if not Path(rest).is_absolute():
            raise InputError(f"{given}: no absolute path after file://; expected file:///data/runs or the like")
        return Path(rest)
    try:
        from fsspec import available_protocols, get_filesystem_class
        from upath import UPath
    except ModuleNotFoundError as error:
        raise InputError(
            f'{given}: URLs need a package: pip install "medkt[storage]" (from a checkout: pip install ".[storage]")'
        ) from error
    if protocol not in available_protocols():
        raise InputError(
            f"{given}: no file system is known by {protocol}://; expected a path, or a URL that begins "
            "with s3://, gs://, file:// or another of fsspec's"
        )
    try:
        get_filesystem_class(protocol)
    except ImportError as error:
        remedy = f"pip install {_PACKAGES[protocol]}" if protocol in _PACKAGES else str(error)
        raise InputError(f"{given}: {protocol}:// needs a package: {remedy}") from error
    return cast(Path, UPath(given, use_listings_cache=False))


def is_storage_error(error: BaseException) -> bool:
    """Whether an object storage client raised the error, for example without credentials or a server.

    Examples
    --------
    >>> is_storage_error(KeyError("a"))
    False
    """
    return type(error).__module__.partition(".")[0] in _CLIENTS


def expand_path(folder: Path, given: Path | str) -> Path:
    """Expand a path that a file in `folder` names: environment variables, ~, and relative paths from `folder`.

    Raises
    ------
    InputError
        As in `location`.

    Examples
    --------
    >>> expand_path(Path("/studies"), "weights.pth").as_posix()
    '/studies/weights.pth'
    """
    text = os.path.expandvars(str(given))
    return location(text) if is_remote(text) else folder / Path(text).expanduser()
