"""The structure of the packages: small rooms with a docstring at the entrance, and imports in one direction."""

from __future__ import annotations

import ast
from pathlib import Path

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

PROJECT = Path(__file__).parents[1]
SOURCES = {
    "medkt": PROJECT / "medkt",
    "medkt_eval": PROJECT / "eval" / "medkt_eval",
    "medkt_reports": PROJECT / "reports" / "medkt_reports",
}
FOLDERS = sorted(
    {
        path.parent
        for top in ("medkt", "eval", "reports", "tests", "benchmarks")
        for path in (PROJECT / top).rglob("*.py")
    }
)
ROOMS = sorted(
    path.parent
    for source in SOURCES.values()
    for path in source.rglob("__init__.py")
    if path.parent != source and any(other.name != "__init__.py" for other in path.parent.glob("*.py"))
)


def shown(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("folder", FOLDERS, ids=shown)
def test_a_folder_holds_twelve_python_files_at_most(folder: Path):
    files = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= 12, f"{shown(folder)}: split it into rooms of one subject each"


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_a_file_has_350_lines_at_most(source: Path):
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in source.rglob("*.py")}
    assert {path: length for path, length in lengths.items() if length > 350} == {}


@pytest.mark.parametrize("room", ROOMS, ids=shown)
def test_a_room_says_what_goes_in_what_comes_out_and_where_to_begin(room: Path):
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert 3 <= len(said.splitlines()) <= 6, said
    for part in ("In: ", "Out: ", "Read first: "):
        assert part in said, f"{shown(room)}/__init__.py does not say {part!r}"
    first = said.split("Read first: ")[1].split()[0].rstrip(".,;:")
    assert (room / first).exists(), f"{shown(room)}/__init__.py sends the reader to {first}, which does not exist"


@pytest.mark.parametrize("package", SOURCES)
def test_no_two_rooms_import_each_other(package: str):
    graph = grimp.build_graph(package)
    for module in sorted(m for m in graph.modules if graph.find_children(m)):
        assert graph.nominate_cycle_breakers(module) == set(), f"imports inside {module} go in a circle"


def test_no_import_goes_upwards():
    assert lint_imports(config_filename=str(PROJECT / "pyproject.toml"), cache_dir=None) == EXIT_STATUS_SUCCESS
