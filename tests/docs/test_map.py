"""README's map of the packages: every room and every file that it names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_rooms_and_files_of_the_map_exist() -> None:
    package, n_files, missing = ROOT, 0, []
    for row in re.findall(
        r"^\| (.+?) \| (.*?) ?\| .+ \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    ):
        rooms, files = (re.findall(r"`([^`]+)`", cell) for cell in row)
        if row[0].startswith("**"):
            package = ROOT / rooms[0]
            rooms = [""]
        missing += [f"{package}/{room}" for room in rooms if not (package / room).is_dir()]
        missing += [
            f"{rooms}: {file}" for file in files if not any((package / room / file).is_file() for room in rooms)
        ]
        n_files += len(files)
    assert not missing
    assert n_files >= 20


def test_readme_is_short_and_shows_a_report_early() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert any("docs/images/report-demo.png" in line for line in lines[:25])
