"""The commands of docs/tutorials print what the tutorials show.

A page is read from top to bottom in an empty folder. A block with a title is written to a file of that name. In a
`console` block, each line that begins with `$ ` is run. The lines below it must be the command's standard output, and
also its standard error if the command fails. `RULES` and lines of three dots define what may differ.

To write the output of the pages again, run `MEDKT_REFRESH_TUTORIALS=1 pytest tests/docs/test_tutorials.py`. Then read
the diff.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
BLOCK = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
ANY_LINES = "..."
"""A line that matches any number of lines, for numbers that depend on the machine."""
RULES = {
    "durations": (r"\b\d+(\.\d+)? (s|min|h)\b", "DURATION"),
    "dates": (r"\b\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|\+00:00)?)?", "DATE"),
    "versions": (r"\bmedkt \d+\.\d+\.\d+\S*", "medkt VERSION"),
}
"""What is replaced on both sides before they are compared. docs/tutorials/index.md names these rules to the reader."""


def printed(command: str, folder: Path) -> str:
    """Run a command in this folder, and return its output without trailing blanks."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "90",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    text = done.stdout + (done.stderr if done.returncode else "")
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


def compared(text: str) -> str:
    """Prepare a text for comparison, by `RULES`."""
    for pattern, replacement in RULES.values():
        text = re.sub(pattern, replacement, text)
    return text


def agrees(shown: str, output: str) -> bool:
    """Whether the page shows a command's output."""
    parts = compared(shown).split("\n")
    pattern = "\n".join(r"[\s\S]*" if part == ANY_LINES else re.escape(part) for part in parts)
    return re.fullmatch(pattern, compared(output)) is not None


def commands(block: str) -> list[tuple[str, str]]:
    """List the commands of a console block, each with its output."""
    pieces = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(piece.split("\n", 1)[0], piece.split("\n", 1)[1].rstrip()) for piece in pieces]


def carried_out(page: str, folder: Path) -> str:
    """Return the page with the current output of its commands."""

    def block_today(block: re.Match[str]) -> str:
        if block["title"]:
            path = folder / block["title"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"], encoding="utf-8")
        if block["kind"] != "console":
            return block[0]
        today = []
        for command, shown in commands(block["text"]):
            output = printed(command, folder)
            text = shown if agrees(shown, output) else output
            today.append(f"$ {command}\n{text}\n" if text else f"$ {command}\n")
        return f"```console\n{''.join(today)}```"

    return BLOCK.sub(block_today, page)


@pytest.mark.docs
@pytest.mark.parametrize("path", sorted(TUTORIALS.glob("*.md")), ids=lambda path: path.stem)
def test_a_page_shows_what_its_commands_print(path: Path, tmp_path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    today = carried_out(page, tmp_path)
    if os.environ.get("MEDKT_REFRESH_TUTORIALS"):
        path.write_text(today, encoding="utf-8")
    else:
        assert today == page


def test_every_tutorial_runs_a_command() -> None:
    pages = [path for path in TUTORIALS.glob("*.md") if path.name != "index.md"]
    assert len(pages) == 4
    assert all("```console\n$ medkt " in path.read_text(encoding="utf-8") for path in pages)


def test_rules_are_named_to_the_reader() -> None:
    introduction = (TUTORIALS / "index.md").read_text(encoding="utf-8")
    assert all(name in introduction for name in (*RULES, f"`{ANY_LINES}`"))


@pytest.mark.parametrize(
    ("shown", "output", "expected"),
    [
        ("3 runs in 4.2 s", "3 runs in 91 s", True),
        ("3 runs in 4.2 s", "4 runs in 4.2 s", False),
        ("medkt 0.1.0", "medkt 0.2.0", True),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nb\nc", False),
        ("AUC (%)", "AUC (%)", True),
    ],
)
def test_what_may_differ(shown: str, output: str, expected: bool) -> None:
    assert agrees(shown, output) is expected


def test_a_page_that_is_out_of_date_is_written_again(tmp_path: Path) -> None:
    page = 'Text.\n\n```text title="a/b.txt"\nhello\n```\n\n```console\n$ cat a/b.txt\ngoodbye\n$ false\n```\n'
    assert carried_out(page, tmp_path) == page.replace("goodbye", "hello")
