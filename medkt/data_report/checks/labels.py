"""Find labels that contradict each other, are out of range or have no image, and patients in two splits.

In: an `Opened` data set; no image is read. Out: `Finding`s.
"""

from __future__ import annotations

import re

import numpy as np

from medkt.data.collection import Collection
from medkt.data.label_tables import groups
from medkt.data.pixels import samples
from medkt.data_report.findings import Evidence, Finding
from medkt.data_report.opening import Opened

NO_FINDING = "No Finding"
NO_DISEASE = ("Support Devices",)
"""Labels that may occur with "No Finding": for CheXpert's labeller, devices are no disease (Irvin et al. 2019)."""


def conflicts(collection: Collection) -> list[Finding]:
    """Find images with both "No Finding" and a finding."""
    if collection.task != "multilabel" or NO_FINDING not in collection.labels:
        return []
    diseases = [k for k, label in enumerate(collection.labels) if label not in (NO_FINDING, *NO_DISEASE)]
    nothing = collection.targets[:, collection.labels.index(NO_FINDING)] == 1
    rows = np.flatnonzero(nothing & (collection.targets[:, diseases] == 1).any(axis=1))
    if rows.size == 0:
        return []
    evidence = tuple(
        Evidence(
            (str(collection.image_ids[row]),),
            {"labels": ", ".join(samples.shows("multilabel", collection.targets[row], collection.labels))},
        )
        for row in rows
    )
    return [
        Finding(
            "label conflicts",
            "error",
            f"Images labelled {NO_FINDING!r} and a finding",
            "One of the two is wrong. Correct the table, or leave the images out.",
            evidence,
            {row.images[0]: f"{NO_FINDING} beside a finding" for row in evidence},
        )
    ]


def outside_range(collection: Collection) -> list[Finding]:
    """Find classes that are numbers but not among the grades 0, 1, 2 ... (such as -1, 9, 99 for "unknown")."""
    if collection.task != "multiclass" or not all(re.fullmatch(r"-?\d+", label) for label in collection.labels):
        return []
    grades = sorted(int(label) for label in collection.labels)
    scale = [grade for grade in grades if grade >= 0]
    while len(scale) > 1 and scale[-1] - scale[-2] > 1:
        scale.pop()
    strange = [label for label in collection.labels if int(label) not in scale]
    if not strange or len(scale) < 2:
        return []
    rows = [row for row in range(len(collection)) if collection.labels[int(collection.targets[row])] in strange]
    if not rows:
        return []
    evidence = tuple(
        Evidence((str(collection.image_ids[row]),), {"class": collection.labels[int(collection.targets[row])]})
        for row in rows
    )
    listing = ", ".join(map(str, scale))
    return [
        Finding(
            "classes outside the range",
            "error",
            f"Images of class {', '.join(strange)}, beside grades {listing}",
            "Such a number mostly stands for 'not gradable' or 'off the scale', and would be learnt as a grade. If so, "
            f"leave the images out (--set classes={','.join(map(str, scale))}, in a study file classes = [...]).",
            evidence,
            {row.images[0]: f"class {row.facts['class']}" for row in evidence},
        )
    ]


def unshown(opened: Opened) -> list[Finding]:
    """Find labels that no image or every image of the collection or a split shows, so that their AUC is undefined."""
    collection = opened.collection
    splits = {"all images": np.arange(len(collection)), **opened.disjoint()}
    evidence = []
    for split, rows in splits.items():
        for label, shown, n in zip(collection.labels, *_counts(collection, rows), strict=True):
            if shown in (0, n):
                evidence.append(Evidence((), {"label": label, "in": split, "shown by": int(shown), "of": int(n)}))
    if not evidence:
        return []
    refused = collection.task == "multilabel" and any(row.facts["in"] == "validation" for row in evidence)
    selects = " medkt train refuses it in validation, where the average AUC selects the epoch." if refused else ""
    return [
        Finding(
            "labels without images",
            "error" if refused else "warning",
            "Labels that no image shows, or all do",
            "There their AUC is undefined, and averages over labels are of fewer labels. Leave the labels out, or "
            f"stratify the split.{selects}",
            tuple(evidence),
        )
    ]


def implied(collection: Collection) -> list[Finding]:
    """Find labels that never occur without another label, which chance does not explain (p < 0.001)."""
    if collection.task == "multiclass":
        return []
    evidence = []
    for a, label in enumerate(collection.labels):
        with_it = collection.targets[:, a] == 1
        for b, other in enumerate(collection.labels):
            known = ~np.isnan(collection.targets[:, b])
            n = int((with_it & known).sum())
            share = float((collection.targets[known, b] == 1).mean()) if known.any() else 0.0
            if a != b and n and (collection.targets[with_it & known, b] == 1).all() and share**n < 0.001:
                facts = {"label": label, "never without": other, "images": n, "prevalence of that": round(share, 3)}
                evidence.append(Evidence((), facts))
    if not evidence:
        return []
    return [
        Finding(
            "labels never seen alone",
            "warning",
            "Labels that no image shows without another label",
            "A network may find the second and pass for finding the first; their AUCs cannot be told apart. Images "
            "were chosen by a label, or one label includes the other.",
            tuple(evidence),
        )
    ]


def unlabelled(collection: Collection) -> list[Finding]:
    """Find images without any known label."""
    if collection.task == "multiclass":
        return []
    rows = np.flatnonzero(np.isnan(collection.targets).all(axis=1))
    if rows.size == 0:
        return []
    return [
        Finding(
            "unlabelled images",
            "warning",
            "Images without any label",
            "They cost time and teach nothing. Leave them out.",
            tuple(Evidence((str(collection.image_ids[row]),)) for row in rows),
        )
    ]


def unknown_groups(collection: Collection) -> list[Finding]:
    """Find columns of metadata that are blank for some images."""
    evidence = []
    for name, values in collection.groups.items():
        blank = np.isin(values.astype(str), ["", groups.UNKNOWN])
        if blank.any():
            first = str(collection.image_ids[blank.argmax()])
            evidence.append(Evidence((), {"column": name, "unknown for": int(blank.sum()), "first": first}))
    if not evidence:
        return []
    return [
        Finding(
            "unknown metadata",
            "note",
            "Columns of metadata that are unknown for some images",
            "Subgroup results leave these images in a group of their own.",
            tuple(evidence),
        )
    ]


def loader_notes(collection: Collection) -> list[Finding]:
    """Report what was left out or converted when the tables were read."""
    if not collection.notes:
        return []
    return [
        Finding(
            "notes of the loader",
            "note",
            "Notes from reading the tables",
            "So the data set was taken.",
            tuple(Evidence((), {"note": note}) for note in collection.notes),
        )
    ]


def doubts(collection: Collection) -> list[Finding]:
    """Report what was guessed when the tables were read."""
    if not collection.doubts:
        return []
    return [
        Finding(
            "guesses",
            "warning",
            "Labels, classes or splits that were guessed",
            "Read each guess. If it is right, name it in the study file, and this warning goes.",
            tuple(Evidence((), {"guess": doubt}) for doubt in collection.doubts),
        )
    ]


def shared_patients(opened: Opened) -> list[Finding]:
    """Find patients whose images are in two splits."""
    parts, patients = opened.part_of(), opened.collection.patient_ids.astype(str)
    counts_by_patient: dict[str, dict[str, int]] = {}
    for patient, part in zip(patients, parts, strict=True):
        if part:
            counts = counts_by_patient.setdefault(patient, {})
            counts[part] = counts.get(part, 0) + 1
    evidence = tuple(
        Evidence((), {"patient": patient, "images": ", ".join(f"{n} {part}" for part, n in sorted(counts.items()))})
        for patient, counts in sorted(counts_by_patient.items())
        if len(counts) > 1
    )
    if not evidence:
        return []
    return [
        Finding(
            "patients in two splits",
            "error",
            "Patients with images in two splits",
            "A network is tested on people it was trained on. Split by patient.",
            evidence,
        )
    ]


def _counts(collection: Collection, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the images that show each label, and those for which it is known. int64, (n_labels,) each."""
    targets = collection.targets[rows]
    if collection.task == "multiclass":
        return np.bincount(targets, minlength=len(collection.labels)), np.full(len(collection.labels), len(rows))
    return (targets == 1).sum(axis=0), (~np.isnan(targets)).sum(axis=0)
