"""The page in a real browser: it opens, says what it should, and its console stays silent."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from medkt_reports.build import write_report

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--enable-logging=stderr",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--virtual-time-budget=2000",
)  # fmt: skip


@pytest.mark.browser
def test_the_page_opens_without_a_word_on_the_console(result, tmp_path: Path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is missing (Debian: apt-get install chromium)")
    page = write_report(result, tmp_path / "report")[0]
    done = subprocess.run(
        [chromium, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert len(re.findall(r"<svg", done.stdout)) >= 3
    assert "SYNTHETIC" in done.stdout
    assert "<script>alert(1)" not in done.stdout
