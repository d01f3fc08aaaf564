"""Copies: identical files, the same picture processed otherwise, and one person under two patient ids.

In: an `Opened` data set and the `Survey` of its images. Out: `Finding`s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medkt.data.collection import Collection
from medkt.data.pixels import samples
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
    """Images that are copies of one another, by index, and what makes them so."""

    members: list[int]
    facts: Mapping[str, Fact]


def identical(opened: Opened, found: Survey) -> list[Finding]:
    """Files that agree in every byte."""
    rows = np.flatnonzero(found.readable())
    names = [found.sha256[row].tobytes() for row in rows]
    groups: dict[bytes, list[int]] = {}
    for name, row in zip(names, rows, strict=True):
        groups.setdefault(name, []).append(int(row))
    copies = [_Copies(members, {"SHA-256": name.hex()[:12]}) for name, members in groups.items() if len(members) > 1]
    return _findings(opened, copies, "identical images", "Groups of files that agree in every byte")


def similar(opened: Opened, found: Survey, usable: np.ndarray) -> tuple[list[Finding], str]:
    """Near-identical pictures, and people who have two patient ids.

    Parameters
    ----------
    opened : Opened
    found : Survey
    usable : bool, (n_images,)
        Images that are not blank.

    Returns
    -------
    findings : list of Finding
    looked_at : str
        How many pairs were compared.
    """
    patients = opened.collection.patient_ids.astype(str)
    once = np.zeros(len(patients), dtype=bool)  # of files that agree in every byte the first
    once[np.unique(found.sha256, axis=0, return_index=True)[1]] = True
    pairs, said = alike(found, usable & once, patients)
    copied = pairs.copies()
    near = pairs.only(np.flatnonzero(copied))
    copies = [
        _Copies([int(a), int(b)], {"bits of 256": int(bits), "match of detail": round(float(match), 2)})
        for a, b, bits, match in zip(near.first, near.second, near.bits, near.match, strict=True)
    ]
    findings = _findings(opened, copies, "near-identical images", "Pairs that show one picture, processed otherwise")
    others = pairs.only(np.flatnonzero(~copied & (patients[pairs.first] != patients[pairs.second])))
    return findings + _one_person(opened, others, patients), said


def _one_person(opened: Opened, pairs: Pairs, patients: np.ndarray) -> list[Finding]:
    """Pictures of one body that have two patient ids, one row for each two ids."""
    found: dict[tuple[str, ...], list[tuple[float, int, int]]] = {}
    for a, b, match in zip(pairs.first, pairs.second, pairs.match, strict=True):
        ids = tuple(sorted((str(patients[a]), str(patients[b]))))
        found.setdefault(ids, []).append((float(match), int(a), int(b)))
    if not found:
        return []
    parts = opened.part_of()
    rows = []
    for ids, seen in sorted(found.items(), key=lambda item: (-max(item[1])[0], item[0])):
        members = [row for _, *pair in sorted(seen, reverse=True) for row in pair]
        matches = ", ".join(f"{match:.2f}" for match, *_ in sorted(seen, reverse=True))
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
    """A finding for each way in which copies are wrong."""
    collection, parts = opened.collection, opened.part_of()
    standing: dict[str, list[tuple[list[int], Evidence]]] = {}
    for one in copies:
        row = _row(collection, one.members, parts, one.facts)
        standing.setdefault(_standing(opened, one.members, parts), []).append((one.members, row))
    findings = []
    for kind, (how, meaning) in _MEANING.items():
        if kind not in standing:
            continue
        rows = standing[kind]
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


def _standing(opened: Opened, members: Sequence[int], parts: np.ndarray) -> str:
    collection = opened.collection
    if any(contradict(collection, members[0], other) for other in members[1:]):
        return _CONTRADICTING
    if len({str(collection.patient_ids[member]) for member in members}) == 1:
        return _WITHIN
    apart = len({parts[member] for member in members} - {""}) > 1
    return _LEAKING if apart or not opened.parts else _ACROSS


def contradict(collection: Collection, a: int, b: int) -> bool:
    """Whether two images have different labels, where both are labelled."""
    if collection.task == "multiclass":
        return bool(collection.targets[a] != collection.targets[b])
    both = ~np.isnan(collection.targets[a]) & ~np.isnan(collection.targets[b])
    return bool((collection.targets[a][both] != collection.targets[b][both]).any())


def _row(collection: Collection, members: Sequence[int], parts: np.ndarray, facts: Mapping[str, Fact]) -> Evidence:
    """The attributes of some images; a value that all share is given once."""

    def said(values: Iterable[str]) -> str:
        listed = list(values)
        return listed[0] if len(set(listed)) == 1 else " / ".join(listed)

    shown = (", ".join(samples.shows(collection.task, collection.targets[k], collection.labels)) for k in members)
    known: dict[str, Fact] = {
        "patients": said(str(collection.patient_ids[k]) for k in members),
        "labels": said(text or "none" for text in shown),
    }
    if parts.any():
        known["splits"] = said(parts[k] or "none" for k in members)
    return Evidence(tuple(str(collection.image_ids[k]) for k in members), {**known, **facts})
