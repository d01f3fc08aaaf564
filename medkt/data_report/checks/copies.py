"""Find copies: identical files, a picture in two versions, and one person with two patient ids.

In: an `Opened` data set and the `Survey` of its images. Out: `Finding`s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medkt.data.collection import Collection
from medkt.data.pixels import samples
from medkt.data_report.checks import scopes
from medkt.data_report.checks.alike import Pairs, alike
from medkt.data_report.findings import Evidence, Fact, Finding, Severity
from medkt.data_report.opening import Opened
from medkt.data_report.survey import Survey

_CONTRADICTING, _LEAKING, _ACROSS, _WITHIN = "contradicting", "leaking", "across", "within"
_MEANING = {
    _CONTRADICTING: (
        "with contradicting labels",
        "One picture cannot be both: of each pair at least one label is wrong. Leave all copies out, or "
        "find out which label is right.",
    ),
    _LEAKING: (
        "of different patients, not kept in one split",
        "A network may be tested on pictures it was trained on, and a split by patient does not help. Keep one "
        "of each.",
    ),
    _ACROSS: (
        "of different patients, in one split",
        "They count as independent and are not; with another split they would leak. Keep one of each.",
    ),
    _WITHIN: ("of one patient", "They count twice. Keep one of each."),
}


@dataclass(frozen=True)
class _Copies:
    """Images that are copies of one another, by index, and the facts that show it."""

    members: list[int]
    facts: Mapping[str, Fact]


def identical(opened: Opened, images: Survey) -> list[Finding]:
    """Find files that agree in every byte."""
    rows = np.flatnonzero(images.readable())
    digests = [images.sha256[row].tobytes() for row in rows]
    groups: dict[bytes, list[int]] = {}
    for digest, row in zip(digests, rows, strict=True):
        groups.setdefault(digest, []).append(int(row))
    copies = [
        _Copies(members, {"SHA-256": digest.hex()[:12]}) for digest, members in groups.items() if len(members) > 1
    ]
    return _findings(opened, copies, "identical images", "Groups of files that agree in every byte")


def similar(opened: Opened, images: Survey, usable: np.ndarray) -> tuple[list[Finding], str]:
    """Find near-identical pictures, and people who have two patient ids.

    Parameters
    ----------
    opened : Opened
    images : Survey
    usable : bool, (n_images,)
        Images that are not blank.

    Returns
    -------
    findings : list of Finding
    looked_at : str
        The number of pairs compared, or why none was.
    """
    patients = opened.collection.patient_ids.astype(str)
    first_copy = np.zeros(len(patients), dtype=bool)  # the first of each group of files that agree in every byte
    first_copy[np.unique(images.sha256, axis=0, return_index=True)[1]] = True
    usable = usable & first_copy
    if (why_not := scopes.pairs(usable, "is readable, not blank and no copy of another")) is not None:
        return [], why_not
    pairs, scope = alike(images, usable, patients)
    copied = pairs.copies()
    near = pairs.only(np.flatnonzero(copied))
    copies = [
        _Copies([int(a), int(b)], {"bits of 256": int(bits), "match of detail": round(float(match), 2)})
        for a, b, bits, match in zip(near.first, near.second, near.bits, near.match, strict=True)
    ]
    findings = _findings(opened, copies, "near-identical images", "Pairs that show one picture, processed otherwise")
    others = pairs.only(np.flatnonzero(~copied & (patients[pairs.first] != patients[pairs.second])))
    return findings + _one_person(opened, others, patients), scope


def _one_person(opened: Opened, pairs: Pairs, patients: np.ndarray) -> list[Finding]:
    """Find pictures of one body that have two patient ids. One row of evidence per pair of ids."""
    pairs_by_ids: dict[tuple[str, ...], list[tuple[float, int, int]]] = {}
    for a, b, match in zip(pairs.first, pairs.second, pairs.match, strict=True):
        ids = tuple(sorted((str(patients[a]), str(patients[b]))))
        pairs_by_ids.setdefault(ids, []).append((float(match), int(a), int(b)))
    if not pairs_by_ids:
        return []
    parts = opened.part_of()
    rows = []
    for ids, matching in sorted(pairs_by_ids.items(), key=lambda item: (-max(item[1])[0], item[0])):
        members = [row for _, *pair in sorted(matching, reverse=True) for row in pair]
        matches = ", ".join(f"{match:.2f}" for match, *_ in sorted(matching, reverse=True))
        rows.append(_row(opened.collection, members, parts, {"patients": " = ".join(ids), "match of detail": matches}))
    return [
        Finding(
            "one person, two patient ids",
            "warning",
            "Pairs of patient ids that seem to be one person",
            "Different pictures, but vessels or bones match as those of strangers do not. A split by patient id may "
            "put one person into training and test. Look at the pictures; give both the same patient id.",
            tuple(rows),
        )
    ]


def _findings(opened: Opened, copies: Iterable[_Copies], check: str, what: str) -> list[Finding]:
    """Make a finding for each kind of problem that the copies cause."""
    collection, parts = opened.collection, opened.part_of()
    by_problem: dict[str, list[tuple[list[int], Evidence]]] = {}
    for group in copies:
        row = _row(collection, group.members, parts, group.facts)
        by_problem.setdefault(_problem(opened, group.members, parts), []).append((group.members, row))
    findings = []
    for kind, (how, meaning) in _MEANING.items():
        if kind not in by_problem:
            continue
        rows = by_problem[kind]
        exclude: dict[str, str] = {}
        for members, _ in rows:
            ids = [str(collection.image_ids[member]) for member in members]
            if kind == _CONTRADICTING:
                others = {name: next(other for other in ids if other != name) for name in ids}
                exclude |= {name: f"{check}: as {other}, with another label" for name, other in others.items()}
            else:
                exclude |= {name: f"{check}: as {ids[0]}" for name in ids[1:] if ids[0] not in exclude}
        severity: Severity = "error" if kind in (_CONTRADICTING, _LEAKING) else "warning"
        findings.append(Finding(check, severity, f"{what}, {how}", meaning, tuple(row for _, row in rows), exclude))
    return findings


def _problem(opened: Opened, members: Sequence[int], parts: np.ndarray) -> str:
    collection = opened.collection
    if any(contradict(collection, members[0], other) for other in members[1:]):
        return _CONTRADICTING
    if len({str(collection.patient_ids[member]) for member in members}) == 1:
        return _WITHIN
    apart = len({parts[member] for member in members} - {""}) > 1
    return _LEAKING if apart or not opened.parts else _ACROSS


def contradict(collection: Collection, a: int, b: int) -> bool:
    """Whether two images differ in a label that is known for both."""
    if collection.task == "multiclass":
        return bool(collection.targets[a] != collection.targets[b])
    both = ~np.isnan(collection.targets[a]) & ~np.isnan(collection.targets[b])
    return bool((collection.targets[a][both] != collection.targets[b][both]).any())


def _row(collection: Collection, members: Sequence[int], parts: np.ndarray, facts: Mapping[str, Fact]) -> Evidence:
    """Describe some images. A value that all share is given once."""

    def joined(values: Iterable[str]) -> str:
        texts = list(values)
        return texts[0] if len(set(texts)) == 1 else " / ".join(texts)

    shown = (", ".join(samples.shows(collection.task, collection.targets[k], collection.labels)) for k in members)
    described: dict[str, Fact] = {
        "patients": joined(str(collection.patient_ids[k]) for k in members),
        "labels": joined(text or "none" for text in shown),
    }
    if parts.any():
        described["splits"] = joined(parts[k] or "none" for k in members)
    return Evidence(tuple(str(collection.image_ids[k]) for k in members), {**described, **facts})
