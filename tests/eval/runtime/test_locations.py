"""Paths, URLs and their expansion."""

import sys
from pathlib import Path

import pytest

from medkt_eval.errors import InputError
from medkt_eval.runtime import atomic_files as files
from medkt_eval.runtime.locations import expand_path, is_remote, is_storage_error, location

CONTENT = {"a.txt": b"1", "sub/b.txt": b"2", "run.json": b"{}"}


@pytest.mark.parametrize(
    ("given", "path"),
    [("runs", "runs"), ("s3", "s3"), ("/a b/c", "/a b/c"), ("file:///data/a b", "/data/a b"), ("s3:/b", "s3:/b")],
)
def test_what_is_here_is_a_path_of_pathlib(given: str, path: str):
    assert location(given) == Path(path)
    assert type(location(given)) is type(Path())
    assert not is_remote(location(given))


def test_relative_paths_variables_and_home_are_written_out(monkeypatch):
    monkeypatch.setenv("LOCAL", "/data")
    monkeypatch.setenv("HOME", "/home/a")
    folder = Path("/studies")
    given = ["a/b.pth", "/b.pth", "$LOCAL/b.pth", Path("~/b.pth"), "file:///c/b.pth"]
    assert [str(expand_path(folder, each)) for each in given] == [
        "/studies/a/b.pth",
        "/b.pth",
        "/data/b.pth",
        "/home/a/b.pth",
        "/c/b.pth",
    ]


def test_a_url_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(InputError, match=r's3://b/runs: URLs need a package: pip install "medkt\[storage\]"'):
        location("s3://b/runs")


def test_what_a_client_raises_is_known():
    refused = type("NoCredentialsError", (Exception,), {"__module__": "botocore.exceptions"})
    assert is_storage_error(refused())
    assert not is_storage_error(ValueError())


def test_file_urls_are_absolute():
    with pytest.raises(InputError, match=r"file://runs: no absolute path after file://"):
        location("file://runs")


class TestElsewhere:
    @pytest.fixture(autouse=True)
    def _empty(self):
        pytest.importorskip("upath")
        memory = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem
        yield
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]

    def test_a_url_is_a_path_that_keeps_no_listing(self):
        runs = location("memory://bucket/runs")
        assert is_remote(runs)
        assert is_remote(runs / "a")
        assert str(runs / "a" / "run.json") == "memory://bucket/runs/a/run.json"
        assert location(runs) is runs
        assert runs.storage_options == {"use_listings_cache": False}  # type: ignore[attr-defined]
        assert (runs.exists(), runs.is_dir(), runs.is_file()) == (False, False, False)

    def test_variables_may_hold_urls(self, monkeypatch):
        monkeypatch.setenv("BUCKET", "memory://bucket")
        assert expand_path(Path("/studies"), Path("$BUCKET/a")) == location("memory://bucket/a")
        assert str(expand_path(location("memory://studies"), "a.pth")) == "memory://studies/a.pth"

    def test_unknown_protocols_and_absent_packages_are_told(self, monkeypatch):
        with pytest.raises(InputError, match=r"s4://b: no file system is known by s4://; expected .* s3://, gs://"):
            location("s4://b")

        def absent(protocol: str):
            raise ImportError("Install it")

        monkeypatch.setattr("fsspec.get_filesystem_class", absent)
        for url, remedy in (
            ("s3://b", "pip install s3fs"),
            ("gs://b", "pip install gcsfs"),
            ("sftp://b", "Install it"),
        ):
            with pytest.raises(InputError, match=rf"{url}: \w+:// needs a package: {remedy}$"):
                location(url)

    @pytest.fixture(params=["here", "elsewhere"])
    def folder(self, request, tmp_path: Path) -> Path:
        return (tmp_path if request.param == "here" else location("memory://bucket")) / "runs" / "a"

    def test_a_folder_is_written_in_order_and_nothing_else_is_left(self, folder: Path):
        if is_remote(folder):  # of a process that was killed
            (folder / "old.txt").write_text("old")
        else:
            left = folder.parent / ".a.0123456789abcdef.partial"
            files.make_folder(left)
            (left / "old.txt").write_text("old")
        files.write_folder_atomically(folder, CONTENT)
        found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert found == CONTENT
        assert [path.name for path in folder.parent.iterdir()] == ["a"]

    def test_of_a_folder_that_fails_half_way_nothing_is_left(self, folder: Path):
        with pytest.raises(TypeError):
            files.write_folder_atomically(folder, {**CONTENT, "last.txt": None})  # type: ignore[dict-item]
        assert not folder.exists()
        assert not [path for path in folder.parent.rglob("*") if path.is_file()]

    def test_the_last_file_is_put_last(self, folder: Path, monkeypatch):
        if not is_remote(folder):
            pytest.skip("renamed as one")
        put = []
        whole = type(folder).write_bytes
        monkeypatch.setattr(
            type(folder), "write_bytes", lambda path, data: (put.append(path.name), whole(path, data))[1]
        )
        files.write_folder_atomically(folder, CONTENT)
        assert put == ["a.txt", "b.txt", "run.json"]

    def test_files_are_written_added_to_and_removed(self, folder: Path):
        files.make_folder(folder)
        assert folder.exists() != is_remote(folder)
        files.write_text_atomically(folder / "a.txt", "ä")
        assert files.sha256_of_file(folder / "a.txt").startswith("33e6d73fee82904c")
        for line in ("1\n", "2\n"):
            files.append_text(folder / "log", line)
        assert (folder / "log").read_text() == "1\n2\n"
        files.remove_folder(folder)
        files.remove_folder(folder)
        assert not folder.exists()
