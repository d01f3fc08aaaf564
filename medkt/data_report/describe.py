"""MAIN PATH of `medkt data describe`: what is in a data set.

In: an `Opened` data set; only the headers of its images are read. Out: `Table`s, Tables I and II of the paper first.
"""

from __future__ import annotations

import collections

import numpy as np

from medkt.data.collection import Collection
from medkt.data_report.opening import Opened
from medkt.data_report.survey import Headers, Progress, headers
from medkt_eval.runtime.atomic_files import sha256_of_ids
from medkt_reports.language import numbers
from medkt_reports.tables.model import Cell, Row, Span, Table, count_cell, text_cell

PAPER_ONE = {
    "mimic-cxr": (14, "automatic", "frontal/lateral", 371_858, 65_079),
    "chexpert": (14, "automatic", "frontal/lateral", 223_648, 64_740),
    "chestxray8": (15, "automatic", "frontal", 112_120, 30_805),
    "eyepacs": (5, "manual", "left/right eyes", 35_126, 17_563),
}
"""The paper's Table I: labels, labelling, views, images, patients."""
PAPER_TWO = {
    "chexpert": {"train": "5,000 / 50,000 / 178,352", "validation": "23,022", "test": "22,274"},
    "chestxray8": {"train": "3,589 (of the 5 % sample)", "validation": "848", "test": "1,169"},
    "eyepacs": {"train": "21,126", "validation": "7,000", "test": "7,000"},
}
"""The paper's Table II: images."""
MOST_VALUES = 12  # rows of a column of metadata, most common first
_BANDS = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, 50), (51, 10**9))


def describe(opened: Opened, progress: Progress = lambda _done, _all: None) -> list[Table]:
    """Build every table.

    Parameters
    ----------
    opened : Opened
        The data set and its splits.
    progress : callable (done, all)
        Called as headers are read.
    """
    collection = opened.collection
    tables = [_table_one(opened), _table_two(opened), _labels(opened), _together(collection), _per_patient(collection)]
    file_headers = headers(collection, progress)
    tables += [_sizes(file_headers)] if file_headers is not None else []
    tables += [
        _by(collection, name, values) for name, values in {**collection.groups, **collection.acquisition}.items()
    ]
    return [table for table in tables if table is not None]


def _table_one(opened: Opened) -> Table:
    collection = opened.collection
    n_labels = Cell(str(len(collection.labels)), value=len(collection.labels), footnote=", ".join(collection.labels))
    cells = (
        n_labels,
        text_cell(collection.labelling or "not known"),
        text_cell(collection.views or "not known"),
        count_cell(len(collection)),
        count_cell(_n_patients(collection)),
    )
    rows = [Row(text_cell(f"{opened.name}, here"), cells)]
    if collection.name in PAPER_ONE:
        labels, labelling, views, images, patients = PAPER_ONE[collection.name]
        paper = (count_cell(labels), text_cell(labelling), text_cell(views), count_cell(images), count_cell(patients))
        rows.append(Row(text_cell("Paper, Table I"), paper))
    heads = ("Data set", "Labels", "Labelling", "Views", "Images", "Patients")
    notes = [f"Source: {collection.source}."] if collection.source else []
    return _table("table1", "Data set", "What the data set is.", heads, rows, [*notes, *collection.notes])


def _table_two(opened: Opened) -> Table | None:
    if not opened.parts:
        return None
    collection = opened.collection
    paper = PAPER_TWO.get(collection.name, {})
    rows = []
    for name, images in opened.parts.items():
        ids = collection.image_ids[images]
        cells = [
            count_cell(len(images)),
            count_cell(len(set(collection.patient_ids[images].astype(str)))),
            text_cell(sha256_of_ids(map(str, ids))[:12]),
        ]
        rows.append(Row(text_cell(name), (*cells, *([text_cell(paper.get(name.split(" ")[0], ""))] if paper else []))))
    heads = ("Split", "Images", "Patients", "SHA-256 of image ids", *(["Paper, Table II"] if paper else []))
    parts = opened.disjoint().values()
    n_used = sum(map(len, parts))
    shared = sum(len(set(collection.patient_ids[part].astype(str))) for part in parts) - len(
        set(collection.patient_ids[np.concatenate(list(parts))].astype(str))
    )
    notes = [f"Patients in two splits: {shared:,}.", f"Images in no split: {len(collection) - n_used:,}."]
    return _table("table2", "Splits", "How it is split.", heads, rows, notes)


def _labels(opened: Opened) -> Table:
    collection = opened.collection
    splits = opened.disjoint()
    rows = []
    for k, label in enumerate(collection.labels):
        shown, known = _shown(collection, k)
        patients = len(set(collection.patient_ids[shown].astype(str)))
        cells = [count_cell(int(shown.sum())), _percent(int(shown.sum()), int(known.sum())), count_cell(patients)]
        if collection.task == "multilabel":
            cells.append(count_cell(int((~known).sum())))
        cells += [_percent(int(shown[part].sum()), int(known[part].sum())) for part in splits.values()]
        rows.append(Row(text_cell(label), tuple(cells)))
    multilabel = collection.task == "multilabel"
    notes = []
    if multilabel:
        nothing = int((collection.targets == 0).all(axis=1).sum())
        notes = [f"Images that show none of the labels: {nothing:,}.", "Per cent of the images that are labelled."]
    not_labelled = ("Not labelled",) if multilabel else ()
    head = (
        tuple(map(Span, ("Label", "Images", "%", "Patients", *not_labelled, *(f"% of {name}" for name in splits)))),
    )
    return Table("prevalence", "Labels", "How often each label is.", head, tuple(rows), tuple(notes))


def _together(collection: Collection) -> Table | None:
    """Count, among the images with one label, those that also have another."""
    if collection.task == "multiclass" or len(collection.labels) < 2:
        return None
    shown = (collection.targets == 1).astype(np.float64)
    both = shown.T @ shown
    rows = []
    for k, label in enumerate(collection.labels):
        n = int(both[k, k])
        cells = [
            Cell(numbers.count(n), value=n) if j == k else _percent(int(both[k, j]), n, decimals=0)
            for j in range(len(collection.labels))
        ]
        rows.append(Row(text_cell(label), tuple(cells)))
    heads = ("Of images with", *collection.labels)
    caption = "Which labels stand together: of the images with the label of the row, per cent with that of the column."
    return _table("together", "Labels together", caption, heads, rows, ["On the diagonal: images with the label."])


def _per_patient(collection: Collection) -> Table:
    counts = np.unique(collection.patient_ids.astype(str), return_counts=True)[1]
    rows = []
    for low, high in _BANDS:
        inside = counts[(counts >= low) & (counts <= high)]
        if inside.size:
            name = str(low) if low == high else f"{low}-{high}" if high < 10**9 else f"{low} or more"
            rows.append(Row(text_cell(name), (count_cell(int(inside.size)), count_cell(int(inside.sum())))))
    note = f"On average {counts.mean():.2f} images a patient, at most {counts.max():,}."
    heads = ("Images of a patient", "Patients", "Images")
    return _table("per-patient", "Images per patient", "How many images patients have.", heads, rows, [note])


def _sizes(file_headers: Headers) -> Table:
    kinds = collections.Counter(
        (int(w), int(h), mode, kind)
        for w, h, mode, kind in zip(
            file_headers.width_px, file_headers.height_px, file_headers.mode, file_headers.format, strict=True
        )
    )
    common = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        Row(
            text_cell(f"{w:,} × {h:,}" if w else "cannot be read"),
            (text_cell(mode or numbers.ABSENT), text_cell(kind or numbers.ABSENT), count_cell(n)),
        )
        for (w, h, mode, kind), n in common[:MOST_VALUES]
    ]
    short, long = (
        np.minimum(file_headers.width_px, file_headers.height_px),
        np.maximum(file_headers.width_px, file_headers.height_px),
    )
    notes = [
        f"Shorter side {short.min():,} to {short.max():,} px, longer side {long.min():,} to {long.max():,} px.",
        "Mode as Pillow names it: L grey, RGB colour, I;16 grey of 16 bits, P a palette.",
    ]
    if len(common) > MOST_VALUES:
        notes.append(f"The {MOST_VALUES} commonest of {len(common):,}.")
    heads = ("Width × height, px", "Mode", "Format", "Images")
    return _table("sizes", "Image files", "Sizes and kinds of the files.", heads, rows, notes)


def _by(collection: Collection, name: str, values: np.ndarray) -> Table:
    values = values.astype(str)
    patients = collection.patient_ids.astype(str)
    names, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    # A few values, such as age bands, are easiest to read in their own order.
    shown = range(len(names)) if len(names) <= MOST_VALUES else order[:MOST_VALUES]
    rows = [
        Row(
            text_cell(names[k] or "blank"),
            (
                count_cell(int(counts[k])),
                _percent(int(counts[k]), len(values)),
                count_cell(len(set(patients[values == names[k]]))),
            ),
        )
        for k in shown
    ]
    attribute = name.replace("_", " ")
    notes = [f"The {MOST_VALUES} commonest of {len(names):,}."] if len(names) > MOST_VALUES else []
    heads = (attribute[:1].upper() + attribute[1:], "Images", "%", "Patients")
    return _table("group", f"By {attribute}", f"Images by {attribute}.", heads, rows, notes)


def _table(name: str, title: str, caption: str, heads: tuple[str, ...], rows: list[Row], notes: list[str]) -> Table:
    return Table(name, title, caption, (tuple(map(Span, heads)),), tuple(rows), tuple(notes))


def _shown(collection: Collection, label: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the images that show a label, and those for which it is known. bool, (n_images,) each."""
    if collection.task == "multiclass":
        return collection.targets == label, np.ones(len(collection), dtype=bool)
    return collection.targets[:, label] == 1, ~np.isnan(collection.targets[:, label])


def _percent(n: int, total: int, decimals: int = 1) -> Cell:
    if total == 0:
        return Cell(numbers.ABSENT, footnote="no image")
    return Cell(numbers.percent(n / total, decimals), value=n / total, footnote=f"{n:,} of {total:,}")


def _n_patients(collection: Collection) -> int:
    return len(set(collection.patient_ids.astype(str)))
