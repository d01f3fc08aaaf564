"""The findings of the checks: severity, meaning, evidence, and images to leave out.

In: the evidence of the checks. Out: `Finding`s, also as JSON; and a list of images to leave out (image_id, reason) for
the setting `exclude` of a data set.
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
    """One row of a finding's evidence."""

    images: tuple[str, ...] = ()
    """Ids of the images that it concerns, if it concerns single images."""
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One problem, or possible problem, of a data set.

    Parameters
    ----------
    check : str
        The check that found it.
    severity : {"error", "warning", "note"}
        error: you should not train on the data set. warning: look at it before training. note: good to know.
    title : str
        The problem, without the number of cases (`count`).
    meaning : str
        Its effect on a study, and what to do.
    evidence : tuple of Evidence
        All rows of evidence.
    exclude : mapping of str to str
        Images to leave out, and the reasons. You can train on the other images.
    """

    check: str
    severity: Severity
    title: str
    meaning: str
    evidence: tuple[Evidence, ...]
    exclude: Mapping[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of rows of evidence."""
        return len(self.evidence)


@dataclass(frozen=True)
class Checked:
    """A data set's findings, worst first, and the scope of each check."""

    dataset: str
    n_images: int
    n_patients: int
    findings: tuple[Finding, ...]
    looked_at: Mapping[str, str]
    """What each check looked at, in one phrase. If it looked at nothing, the phrase begins with "not " and says why."""

    @property
    def wrong(self) -> bool:
        """Whether you should not train on the data set."""
        return any(finding.severity == "error" for finding in self.findings)

    @property
    def nothing_found(self) -> tuple[str, ...]:
        """The checks that looked at something and found nothing."""
        with_findings = {finding.check for finding in self.findings}
        return tuple(name for name in self.looked_at if name not in with_findings and name not in self.not_checked)

    @property
    def not_checked(self) -> dict[str, str]:
        """The checks that looked at nothing, and why."""
        return {name: phrase for name, phrase in self.looked_at.items() if phrase.startswith("not ")}

    def exclude(self) -> dict[str, str]:
        """Return the images to leave out and the reasons, sorted by image id."""
        reasons: dict[str, str] = {}
        for finding in self.findings:
            for image, reason in finding.exclude.items():
                reasons.setdefault(image, reason)
        return dict(sorted(reasons.items()))

    def json(self) -> str:
        """Return everything as JSON."""
        content = {
            "format": 1,
            "dataset": self.dataset,
            "n_images": self.n_images,
            "n_patients": self.n_patients,
            "looked_at": dict(self.looked_at),
            "not_checked": self.not_checked,
            "findings": [{**asdict(finding), "count": finding.count} for finding in self.findings],
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def worst_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Sort the findings: errors, warnings, notes. Each group keeps its order."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def exclusion_list(exclude: Mapping[str, str]) -> str:
    """Return a CSV of images to leave out.

    >>> print(exclusion_list({"a.png": "unreadable"}), end="")
    image_id,reason
    a.png,unreadable
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("image_id", "reason"))
    writer.writerows(exclude.items())
    return out.getvalue()
