"""New files replace older ones together: processes are really killed, disks fail, links and locks are in the way."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from medkt_eval.errors import InputError
from medkt_eval.runtime import atomic_files
from medkt_eval.runtime.delivery import delivery
from medkt_eval.runtime.folder_lock import NAME, locked

OLD = {"page.html": "A", "results.json": "A", "tables/1.tex": "A", "tables/old.tex": "A", "figures/old.svg": "A"}
NEW = {"results.json": "B", "page.html": "B", "tables/1.tex": "B", "tables/new.tex": "B"}
OLDER = ["tables/1.tex", "tables/old.tex", "figures/old.svg", "figures/gone.svg"]
MINE = {"mine.txt": "mine", "tables/mine.tex": "mine"}

# In each of the forked processes, Python's audit events count what is about to be opened, renamed or removed.
KILLED_EVERYWHERE = f"""
import os, signal, sys
from pathlib import Path
from medkt_eval.runtime.delivery import delivery
for n in range(1, 1000):
    folder = Path(sys.argv[1]) / str(n)
    for name, content in {OLD | MINE!r}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    child = os.fork()
    if not child:
        counted = 0
        def kill(event, args):
            global counted
            if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir") and str(folder) in str(args[0]):
                counted += 1
                if counted == n:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(kill)
        with delivery(folder) as new:
            for name, content in {NEW!r}.items():
                new.add(name, content)
            new.deliver(page="page.html", notice="unfinished", older={OLDER!r})
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def contents(folder: Path) -> dict[str, str]:
    """Every file that readers see: names that begin with a dot are ignored."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder): path.read_text() for path in paths}
    return {name.as_posix(): text for name, text in names.items() if not any(p.startswith(".") for p in name.parts)}


def lay(folder: Path) -> None:
    for name, content in (OLD | MINE).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def deliver(folder: Path) -> None:
    with delivery(folder) as new:
        for name, content in NEW.items():
            new.add(name, content)
        new.deliver(page="page.html", notice="unfinished", older=OLDER)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders in which a process was killed at every moment; in the last one it ended."""
    folder = tmp_path_factory.mktemp("killed")
    subprocess.run([sys.executable, "-c", KILLED_EVERYWHERE, str(folder)], check=True, timeout=300)
    return sorted(folder.iterdir(), key=lambda path: int(path.name))


def test_a_process_killed_at_any_moment_leaves_files_of_one_result(killed: list[Path]):
    assert len(killed) > 30
    unchanged = unfinished = 0
    for folder in killed[:-1]:
        found = contents(folder)
        assert {name: found.pop(name) for name in MINE} == MINE, folder
        page = found.pop("page.html")
        assert len(set(found.values())) == 1, (folder, found)
        if page == "unfinished":
            unfinished += 1
        else:
            assert found | {"page.html": page} in (OLD, NEW), folder
            unchanged += page == "A"
    assert unchanged > 5
    assert unfinished > 5


def test_the_next_process_finishes_after_any_kill(killed: list[Path]):
    for folder in killed:
        deliver(folder)
        assert contents(folder) == NEW | MINE
        assert {path.name for path in folder.iterdir() if path.name.startswith(".")} == {NAME}


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch):
    left = [0]

    def full(handle, content):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        handle.write(content)

    monkeypatch.setattr(atomic_files, "write_to_disk", full)
    monkeypatch.setattr("medkt_eval.runtime.delivery.write_to_disk", full)
    for written in range(len(NEW) + 1):
        folder = tmp_path / str(written)
        lay(folder)
        left[0] = written
        with pytest.raises(OSError, match="No space left"):
            deliver(folder)
        assert contents(folder) == OLD | MINE
        assert not list(folder.glob(".*.partial"))


def test_a_link_at_the_temporary_name_is_not_followed(tmp_path: Path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr("secrets.token_hex", lambda _: "known")
    for name in (".known.partial", ".run.known.partial", ".medkt-known.partial"):
        (tmp_path / name).symlink_to(victim)
    with pytest.raises(FileExistsError):
        atomic_files.write_text_atomically(tmp_path / "results.json", "{}")
    assert victim.read_text() == "mine"
    with pytest.raises(FileExistsError):
        atomic_files.write_folder_atomically(tmp_path / "run", {"run.json": b"{}"})
    assert victim.read_text() == "mine"


def test_a_link_in_place_of_a_file_is_replaced_and_one_at_the_lock_is_not_emptied(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in ("results.json", "tables/1.tex", "page.html"):
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(victim)
    deliver(tmp_path / "out")
    assert contents(tmp_path / "out") == NEW
    (tmp_path / "out" / NAME).unlink()
    (tmp_path / "out" / NAME).symlink_to(victim)
    with pytest.raises(OSError):  # noqa: PT011  (which one is the system's choice)
        deliver(tmp_path / "out")
    assert victim.read_text() == "mine"


def test_two_processes_that_write_one_file_use_different_names(tmp_path: Path, monkeypatch):
    opened = []
    whole = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, *args, **kwargs: (opened.append(path), whole(path, *args, **kwargs))[1]
    )
    for _ in range(2):
        atomic_files.write_text_atomically(tmp_path / "results.json", "{}")
    assert len({path.name for path in opened}) == 2


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the folder `out` until it is killed."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom medkt_eval.runtime.folder_lock import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "out")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_is_held_until_its_process_is_killed(tmp_path: Path, holder):
    with pytest.raises(
        InputError, match=r"out: another medkt command writes into this folder; wait until it has ended"
    ):
        deliver(tmp_path / "out")
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    deliver(tmp_path / "out")
    assert contents(tmp_path / "out") == NEW


def test_folders_that_were_made_for_nothing_are_removed(tmp_path: Path):
    with pytest.raises(InputError, match="no such metric"), locked(tmp_path / "a" / "b"):
        raise InputError("no such metric")
    assert not (tmp_path / "a").exists()
    with locked(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_new_files_that_are_left_out_leave_the_notice(tmp_path: Path):
    lay(tmp_path)
    with delivery(tmp_path) as new:
        new.add("results.json", json.dumps("B"))
        new.add("report/1.tex", "B")
        new.leave_out("report")
        new.deliver(page="page.html", notice="unfinished", older=OLDER)
    assert contents(tmp_path) == MINE | {"results.json": '"B"', "page.html": "unfinished"}
