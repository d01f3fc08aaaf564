"""How a command ends: the one place that decides exit statuses and what is printed about an error.

In: an exception that no command handled. Out: one line on standard error, and an exit status. Status 0: done. 2: the
input is wrong. 130: interrupted. 1: anything else, for example a full disk, a closed pipe, or an error of medkt.
"""

from __future__ import annotations

import io
import os
import re
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

TRACEBACK = "MEDKT_TRACEBACK"  # an environment variable: 1 prints the traceback before the line
INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it
_KEPT = "Files that were complete before are kept"
_LONGEST, _END = 4000, 1000  # characters of a line; of these at its end, where a message says what to do


def fail(message: str, status: int, *, once: bool = False) -> NoReturn:
    """Print one line to standard error and exit.

    Parameters
    ----------
    message : str
        What went wrong, where, and what to do.
    status : int
        2 for wrong input, 1 for anything else.
    once : bool
        Whether all of torchrun's processes fail with this message; then only the first prints it.
    """
    if not once or os.environ.get("RANK", "0") == "0":
        with suppress(OSError):  # standard error is closed too: the status has to suffice
            print(f"medkt: {one_line(message)}", file=sys.stderr, flush=True)
    else:
        time.sleep(2)  # torchrun ends all processes as soon as one ends; the first must have printed by then
    raise SystemExit(status)


def end(error: Exception) -> NoReturn:
    """Turn an error that ended a command into one line and an exit status."""
    from medkt.errors import TrainingError
    from medkt_eval.errors import InputError
    from medkt_eval.runtime.locations import is_storage_error

    if os.environ.get(TRACEBACK) == "1":
        traceback.print_exception(error)
    if isinstance(error, InputError):
        fail(str(error), 2, once=True)
    if kernels := _damaged_kernels(error):
        fail(
            f"{kernels}: numba's files of compiled code there are damaged ({type(error).__name__}: {error}); remove "
            "the *.nbi and *.nbc files in that folder, and run the command again",
            1,
        )
    if isinstance(error, BrokenPipeError):
        _discard_output()
        fail(f"standard output was closed before everything was printed. {_KEPT}", 1)
    if isinstance(error, OSError):
        fail(f"{error.filename or 'a file'}: {error.strerror or error}. {_KEPT}", 1)
    if isinstance(error, TrainingError):
        fail(str(error), 1)
    if is_storage_error(error):
        fail(f"object storage: {error}. {_KEPT}", 1)
    if isinstance(error, MemoryError):
        fail(f"memory does not suffice ({error or 'the system gave no more'}). {_KEPT}", 1)
    fail(
        f"{type(error).__name__}: {error}. medkt did not expect this error; run the command again with "
        f"{TRACEBACK}=1 to see where it came from. {_KEPT}",
        1,
    )


def print_any_character() -> None:
    """Let standard output and error escape what their encoding lacks, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def one_line(text: str) -> str:
    r"""Make one line of a message, of bounded length and without characters that a terminal obeys.

    Messages of other libraries have several lines, and may quote the whole input.

    Examples
    --------
    >>> print(one_line("a.csv:\n  column '\x1b[31mA'\n"))
    a.csv: | column '\x1b[31mA'
    """
    line = re.sub(r"\s*[\r\n]+\s*", " | ", text.strip(" \t\r\n"))
    if len(line) > _LONGEST:
        left_out = len(line) - _LONGEST
        line = f"{line[: _LONGEST - _END]} ... ({left_out:,} characters left out) ... {line[-_END:]}"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in line
    )


def _damaged_kernels(error: Exception) -> Path | None:
    """Return numba's folder of compiled code if the error arose while numba read it."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if Path(frame.f_code.co_filename).parts[-3:] == ("numba", "core", "caching.py"):
            path = getattr(frame.f_locals.get("self"), "_index_path", None)
            if path:
                return Path(path).parent
    return None


def _discard_output() -> None:
    """Send to nowhere what is still buffered, or Python would print an error of its own at the end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
