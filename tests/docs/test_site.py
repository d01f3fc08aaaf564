"""The documentation site: it builds without warnings, has no broken link, and fetches nothing from the network."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
FETCHED = {
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("object", "data"),
}
"""Tags and attributes that make a browser load a file."""
pytestmark = pytest.mark.docs


class Addresses(HTMLParser):
    """Collects the files that a page loads and the targets of its links."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.linked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (tag, name) in FETCHED:
                self.fetched.append(value)
            elif value and (tag, name) == ("a", "href"):
                self.linked.append(value)


def addresses(page: Path) -> Addresses:
    parser = Addresses()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def leads_somewhere(address: str, page: Path, site: Path) -> bool:
    """Whether a relative address is a file of the site. Only `404.html` has addresses from the root."""
    path = unquote(urlsplit(address).path)
    if not path:
        return True
    target = site / path.lstrip("/") if path.startswith("/") else (page.parent / path)
    return target.is_file() or (target / "index.html").is_file()


@pytest.fixture(scope="module")
def build() -> subprocess.CompletedProcess[str]:
    """Build the site from the current sources."""
    pytest.importorskip("zensical", reason="install the dependency group `docs`")
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def site(build: subprocess.CompletedProcess[str]) -> Path:
    assert build.returncode == 0, build.stdout + build.stderr
    return ROOT / "site"


def test_docstrings_follow_numpys_style(build: subprocess.CompletedProcess[str]) -> None:
    warnings = [line for line in (build.stdout + build.stderr).splitlines() if line.startswith("griffe:")]
    assert not warnings


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Addresses]:
    return {page: addresses(page) for page in sorted(site.rglob("*.html"))}


def test_nothing_is_fetched_from_the_network(site: Path, pages: dict[Path, Addresses]) -> None:
    remote = {
        f"{page.relative_to(site)}: {address}"
        for page, found in pages.items()
        for address in found.fetched
        if urlsplit(address).netloc
    }
    remote |= {
        f"{sheet.relative_to(site)}: {address}"
        for sheet in site.rglob("*.css")
        for address in re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", sheet.read_text())
    }
    assert not remote


def test_every_relative_link_leads_to_a_file(site: Path, pages: dict[Path, Addresses]) -> None:
    broken = {
        f"{page.relative_to(site)}: {address}"
        for page, found in pages.items()
        for address in (*found.fetched, *found.linked)
        if not urlsplit(address).scheme and not urlsplit(address).netloc and not leads_somewhere(address, page, site)
    }
    assert not broken


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    documents = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    in_report = {name for name in documents if name.startswith("replication/report/")}
    missing = {name for name in documents - in_report if name not in navigation}
    assert {name for name in missing if not name.startswith("decisions/")} == set()
    decisions = (ROOT / "docs" / "decisions" / "index.md").read_text(encoding="utf-8")
    assert {name for name in missing if f"({Path(name).name})" not in decisions} == set()


def test_the_replication_report_is_copied_as_it_is(site: Path) -> None:
    copy = site / "replication" / "report" / "index.html"
    assert copy.read_bytes() == (ROOT / "docs" / "replication" / "report" / "index.html").read_bytes()


def test_the_reference_documents_what_users_import(site: Path) -> None:
    reference = "".join(path.read_text(encoding="utf-8") for path in (site / "api").rglob("*.html"))
    for name in ("medkt_eval.evaluation.evaluate", "medkt_eval.results.schema.EvaluationResult"):
        assert f'id="{name}"' in reference, name
