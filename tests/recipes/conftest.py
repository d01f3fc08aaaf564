"""Carry out the recipes of docs/contributing.md as printed, each in a copy of the three packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import medkt
import medkt_eval
import medkt_reports
from medkt_eval.results.schema import Arm, Comparison, Dataset, EvaluationResult
from medkt_eval.results.settings import Settings
from medkt_reports.page.html import template_dir

CONTRIBUTING = Path(__file__).parents[2] / "docs" / "contributing.md"
BLOCK = re.compile(r'^```(?P<kind>python|diff) title="(?P<path>[^"]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Copy:
    """A copy of the three packages in a folder, laid out as in the repository."""

    folder: Path

    def follow(self, heading: str) -> list[str]:
        """Carry out the recipe under `## heading`: write its new files, add its lines. Returns the paths it names."""
        text = CONTRIBUTING.read_text(encoding="utf-8")
        section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert section, f"docs/contributing.md has no section {heading!r}"
        blocks = list(BLOCK.finditer(section[1]))
        assert blocks, f"the recipe {heading!r} has no block with a title"
        for block in blocks:
            path = self.folder / block["path"]
            if block["kind"] == "python":
                assert not path.exists(), f"{block['path']} is there already"
                path.write_text(block["text"], encoding="utf-8")
            else:
                path.write_text(_with_lines_added(path.read_text(encoding="utf-8"), block["text"]), encoding="utf-8")
        return [block["path"] for block in blocks]

    def run(self, *arguments: str | Path, cwd: Path) -> str:
        """Run `python ARGUMENTS` with the packages of this copy, and return its output."""
        sources = os.pathsep.join(str(self.folder / root) for root in (".", "eval", "reports"))
        environment = {**os.environ, "PYTHONPATH": sources}
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _with_lines_added(text: str, diff: str) -> str:
    """Insert the lines marked + after the line above them, which must occur once in the text."""
    lines = text.splitlines()
    at = None
    for line in diff.splitlines():
        if line.startswith("+"):
            assert at is not None, "a line to add comes first: name the line above it"
            at += 1
            lines.insert(at, line[1:])
        else:
            found = [k for k, existing in enumerate(lines) if existing == line[1:]]
            assert len(found) == 1, f"{line[1:]!r} stands {len(found)} times in the file"
            at = found[0]
    return "\n".join(lines) + "\n"


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy of the tested packages, with their compiled kernels."""
    folder = tmp_path / "copy"
    for package, place in ((medkt, "medkt"), (medkt_eval, "eval/medkt_eval"), (medkt_reports, "reports/medkt_reports")):
        shutil.copytree(Path(package.__path__[0]), folder / place)
    templates = folder / "reports" / "templates"
    if not templates.exists():
        shutil.copytree(template_dir(), templates)
    return Copy(folder)


@pytest.fixture
def recipe(copy: Copy) -> Callable[[str], Copy]:
    """`recipe(heading)` is a copy in which the recipe was carried out."""

    def carried_out(heading: str) -> Copy:
        copy.follow(heading)
        return copy

    return carried_out


REPORT = """
import sys
from pathlib import Path
from medkt_eval.results import EvaluationResult
from medkt_reports.build import write_report
write_report(EvaluationResult.read(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.fixture
def report(tmp_path: Path) -> Callable[[Copy, bool], Path]:
    """`report(copy, timed)` is the folder of a report of two arms, written by the copy.

    Their runs recorded how long they trained if `timed`.
    """

    def written(copy: Copy, timed: bool) -> Path:
        results, out = tmp_path / "results.json", tmp_path / "report"
        _two_arms(timed).write(results)
        copy.run("-c", REPORT, results, out, cwd=tmp_path)
        return out

    return written


def _two_arms(timed: bool) -> EvaluationResult:
    """An evaluation with one comparison of two arms, made by hand."""
    arms = [
        Arm(
            arm=method,
            name=name,
            dataset="phantom-chest",
            task="multilabel",
            train_size=200,
            method=method,
            student="densenet40",
            teacher=None,
            unfrozen="all",
            trainable_parameters=1_364_142,
            total_parameters=1_364_142,
            settings={},
            seeds=[0, 1],
            seconds=seconds if timed else [],
        )
        for method, name, seconds in (
            ("transfer_learning", "TL", [61.0, 64.0]),
            ("attention_transfer", "AT", [87.0, 91.0]),
        )
    ]
    comparison = Comparison(
        dataset="phantom-chest",
        arm_a="attention_transfer",
        arm_b="transfer_learning",
        metric="auc",
        label="macro",
        difference=0.037,
        se=0.006,
        low=0.021,
        high=0.053,
        level=0.95,
        test="t-welch",
        scope="seeds",
        statistic=6.2,
        df=1.9,
        p_value=0.024,
        p_adjusted=0.024,
        adjustment="holm",
        family="phantom-chest/200/auc macro/declared",
        n_seeds_a=2,
        n_seeds_b=2,
        n_patients=317,
        n_images=600,
    )
    return EvaluationResult(
        created="2024-05-01T12:00:00+00:00",
        inputs=[],
        settings=Settings(level=0.95, adjustment={}, baseline={"densenet40": "transfer_learning"}),
        datasets=[Dataset(dataset="phantom-chest", task="multilabel", labels=["Edema"], splits={}, synthetic=True)],
        arms=arms,
        runs=[],
        estimates=[],
        comparisons=[comparison],
    )
