"""What a check found: how bad it is, what it means, the evidence, and which images to leave out.

In: what the checks saw. Out: `Finding`s; as JSON, and as a list of images to leave out (image_id, reason) that the
setting `exclude` of a data set honours.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

Fact = str | int | float
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Evidence:
    """One row of what was seen."""

    images: tuple[str, ...] = ()
    """Ids of the images that it is about, if it is about single images."""
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or may be.

    Parameters
    ----------
    check : str
        The check that found it.
    severity : {"error", "warning", "note"}
        error: training on it would be wrong. warning: look at it before training. note: good to know.
    title : str
        What was found; `count` of them.
    meaning : str
        What it does to a study, and what to do.
    evidence : tuple of Evidence
        All of it.
    exclude : mapping of str to str
        Images to leave out, and why: the others are fit to train on then.
    """

    check: str
    severity: Severity
    title: str
    meaning: str
    evidence: tuple[Evidence, ...]
    exclude: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Rows of evidence."""
        return len(self.evidence)


@dataclass(frozen=True)
class Checked:
    """A data set's findings, worst first, and what each check looked at."""

    dataset: str
    n_images: int
    n_patients: int
    findings: tuple[Finding, ...]
    looked_at: Mapping[str, str]
    """What each check did, one phrase; one that found nothing is here too."""

    @property
    def wrong(self) -> bool:
        """Whether training on it would be wrong."""
        return any(finding.severity == "error" for finding in self.findings)

    def exclude(self) -> dict[str, str]:
        """Images to leave out and why, by image id."""
        found: dict[str, str] = {}
        for finding in self.findings:
            for image, reason in finding.exclude.items():
                found.setdefault(image, reason)
        return dict(sorted(found.items()))

    def json(self) -> str:
        """Everything, as JSON."""
        content = {
            "format": 1,
            "dataset": self.dataset,
            "n_images": self.n_images,
            "n_patients": self.n_patients,
            "looked_at": dict(self.looked_at),
            "findings": [{**asdict(finding), "count": finding.count} for finding in self.findings],
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Errors, warnings, notes; in each, the order in which they were found."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def exclusion_list(exclude: Mapping[str, str]) -> str:
    """CSV of images to leave out.

    >>> print(exclusion_list({"a.png": "unreadable"}), end="")
    image_id,reason
    a.png,unreadable
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("image_id", "reason"))
    writer.writerows(exclude.items())
    return out.getvalue()
