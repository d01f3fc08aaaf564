"""Run a command in a forked child, with a limit of time, and judge how it ended.

In: a folder of inputs and a command. Out: what is wrong, "" if nothing. Forking saves the imports of each command.
"""

from __future__ import annotations

import os
import resource
import signal
import stat
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 20
MOST_BYTES_ADDRESSED = 8 * 2**30
LONGEST_MESSAGE = 5000


@dataclass
class Child:
    """A command under way."""

    seed: int
    folder: Path
    command: list[str]
    before: dict[str, tuple[object, ...]]
    pid: int
    started: float


def start(seed: int, folder: Path, command: list[str]) -> Child:
    """Fork a process that runs `medkt` with these arguments in the folder."""
    before = _listing(folder)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _run(folder, command)
    return Child(seed, folder, command, before, pid, time.monotonic())


def _run(folder: Path, command: list[str]) -> None:
    status = 99
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES_ADDRESSED, MOST_BYTES_ADDRESSED))
        os.chdir(folder)
        for stream, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(folder.parent / f"{folder.name}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        sys.argv = ["medkt", *command]
        from medkt.cli.app import main

        main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def ended(child: Child, limit_s: float = LIMIT_S) -> tuple[int, str] | None:
    """None while it runs; then its exit status and what is wrong, "" if nothing. It is killed when its time is over."""
    pid, status = os.waitpid(child.pid, os.WNOHANG)
    if pid == 0:
        if time.monotonic() - child.started < limit_s:
            return None
        os.killpg(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        return -signal.SIGKILL, f"still running after {limit_s:g} s"
    code = os.waitstatus_to_exitcode(status)
    return code, _judged(child, code)


def _judged(child: Child, status: int) -> str:
    message = (child.folder.parent / f"{child.folder.name}.stderr").read_text(encoding="utf-8", errors="replace")
    lines = message.splitlines()
    if status not in (0, 2):
        return f"exit status {status}: {message[-600:]}"
    if "Traceback" in message or "Warning" in message:
        return f"a traceback or a warning: {message[-600:]}"
    said = [line for line in lines if line.startswith("medkt: ")]
    if status == 2 and (len(said) != 1 or lines[-1:] != said) and not message.startswith("Usage: "):
        return f"{len(said)} messages in {len(lines)} lines: {message[:600]}"
    if len(message) > LONGEST_MESSAGE:
        return f"a message of {len(message)} characters: {message[:600]}"
    after = _listing(child.folder)
    if after != child.before:
        changed = [
            name for name in sorted(after.keys() | child.before.keys()) if after.get(name) != child.before.get(name)
        ]
        return f"changed outside --out: {changed[:5]}"
    return ""


def _listing(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything outside out/: kind, size, time of change, target of a link. Contents too, of regular files."""
    found: dict[str, tuple[object, ...]] = {}
    for top, folders, names in os.walk(folder):
        if Path(top) == folder and "out" in folders:
            folders.remove("out")
        for name in (*folders, *names):
            path = Path(top) / name
            status = path.lstat()
            link = os.readlink(path) if path.is_symlink() else ""  # noqa: PTH115
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) and status.st_size < 2**20 else b""
            kind = stat.S_IFMT(status.st_mode)
            size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
            found[str(path.relative_to(folder))] = (kind, size, link, hash(content))
    return found
