"""Regular files only: what is a folder, a FIFO, a device or a link to nothing is named, and nothing waits for it."""

import gzip
import os
from pathlib import Path

import pytest

from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.files import NotAFileError, check_regular, open_file, read_bytes

pytestmark = pytest.mark.skipif(os.name == "nt", reason="FIFOs and devices are of POSIX")


@pytest.fixture
def lying_there(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    return {name: tmp_path / name for name in ("folder", "fifo", "dangling", "loop", "device")}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "is a folder"),
        ("fifo", "is a FIFO"),
        ("dangling", "a link to 'nothing', which does not exist"),
        ("loop", "symbolic links"),
        ("device", "is a device"),
    ],
)
def test_what_is_no_regular_file_is_named(lying_there: dict[str, Path], name: str, words: str) -> None:
    with pytest.raises(InputError, match=f"{name}: .*{words}.*; expected a table"):
        read_bytes(lying_there[name], "a table")
    with pytest.raises(OSError, match=words):
        check_regular(str(lying_there[name]))


def test_a_nul_in_a_path_is_no_traceback() -> None:
    with pytest.raises(NotAFileError, match="no name of a file"):
        open_file("a\0b")
    with pytest.raises(InputError, match=r"null byte.*; expected a table"):
        read_bytes(Path("a\0b"), "a table")


def test_links_to_files_are_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_bytes(tmp_path / "link", "a file") == b"content"


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_size_is_bounded_after_decompression(tmp_path: Path, name: str) -> None:
    content = b"x" * 1000
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read_bytes(tmp_path / name, "a file", most=1000) == content
    with pytest.raises(InputError, match="more than 999 bytes; expected a file"):
        read_bytes(tmp_path / name, "a file", most=999)


def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(os.urandom(1000))[:-20])
    with pytest.raises(InputError, match=r"cut\.gz: .*; expected a file"):
        read_bytes(path, "a file")
