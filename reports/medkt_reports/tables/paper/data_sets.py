"""Tables I and II of the paper for the data sets of this study, and the teachers that were trained here.

In: the data sets as their runs recorded them. Out: `Table`s. Counts are of the images that were used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from medkt_eval.results.schema import Arm, Dataset, Split
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup
from medkt_reports.prose import conditions, variation
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Table, count_cell, text_cell, with_synthetic_mark

_UNKNOWN = "not recorded"


class NamedSplit(NamedTuple):
    """A split and its name, "train 200"."""

    name: str
    split: Split
    differs: bool
    """Whether runs recorded other images under this name."""


class TeacherMetric(NamedTuple):
    """A teacher that was trained here, and a metric of it."""

    arm: Arm
    metric: str
    label: str


def table_one(lookup: Lookup) -> Table | None:
    """Labels, labelling, views, images and patients of each data set; None if there is none."""
    datasets = lookup.result.datasets
    if not datasets:
        return None
    columns: Sequence[Column[Dataset]] = (
        Column("Data set", lambda dataset: text_cell(words.dataset(dataset.dataset))),
        Column("Labels", _n_labels),
        Column("Labelling", lambda dataset: text_cell(dataset.labelling or _UNKNOWN)),
        Column("Views", lambda dataset: text_cell(dataset.views or _UNKNOWN)),
        Column("Images used", _images_used),
        Column("Patients", _patients_used),
    )
    rows = [row_of(columns, dataset, synthetic=lookup.synthetic(dataset.dataset)) for dataset in datasets]
    sources = [f"{words.dataset(dataset.dataset)}: {dataset.source or 'source ' + _UNKNOWN}." for dataset in datasets]
    table = Table(
        "table1",
        "Data sets",
        "Data sets, as their runs recorded them.",
        head_of(columns),
        tuple(rows),
        notes=(
            "Used: in the largest training set, the validation and the test set together; a data set may hold more.",
            *sources,
        ),
    )
    return with_synthetic_mark(table)


def table_two(lookup: Lookup) -> Table | None:
    """Images, patients and positive images of every split, and shared patients; None if nothing was recorded."""
    columns: Sequence[Column[NamedSplit]] = (
        Column("Split", lambda named: text_cell(named.name)),
        Column("Images", lambda named: count_cell(named.split.n_images)),
        Column("Patients", lambda named: count_cell(named.split.n_patients)),
        Column("Positive, rarest to commonest label", lambda named: text_cell(_positives(named.split))),
        Column("SHA-256 of image ids", _digits_cell),
    )
    rows = [
        row_of(
            columns,
            NamedSplit(name, split, _differs(lookup, dataset, name)),
            group=_group(lookup, dataset),
            synthetic=lookup.synthetic(dataset.dataset),
        )
        for dataset in lookup.result.datasets
        for name, split in dataset.splits.items()
    ]
    if not rows:
        return None
    table = Table(
        "table2",
        "Splits",
        "Splits of the data sets, as their runs recorded them.",
        head_of(columns),
        tuple(rows),
        notes=(
            "Positive: images with the label, or of the class; labels without any are left out.",
            "Patients in two splits: counted by comparing the patients of the training, validation and test images; "
            "of several runs the largest count.",
            "SHA-256: of the sorted image ids; its first 12 digits. Equal digits mean equal images.",
        ),
    )
    return with_synthetic_mark(table)


def teachers_table(lookup: Lookup) -> Table | None:
    """Results of the teachers trained here: reported, not compared; None if there are none."""
    teachers = [arm for arm in lookup.result.arms if arm.role == "teacher"]
    if not teachers:
        return None
    columns: Sequence[Column[TeacherMetric]] = (
        Column("Teacher", lambda of: text_cell(lookup.names[of.arm.arm])),
        Column("Trained on", lambda of: text_cell(_trained_on(of.arm))),
        Column("Network", lambda of: text_cell(words.network(of.arm.student))),
        Column("Seeds", lambda of: text_cell(str(len(of.arm.seeds)))),
        Column("Metric", lambda of: text_cell(words.metric(of.metric, of.label))),
        Column("Mean over seeds, %", lambda of: _mean_cell(lookup, of)),
    )
    rows = [
        row_of(columns, TeacherMetric(arm, metric, label), synthetic=lookup.synthetic(arm.dataset))
        for arm in teachers
        for metric, label in HEADLINES[arm.task]
    ]
    table = Table(
        "teachers",
        "Teachers",
        "The teachers' own results. They are reported, not compared.",
        head_of(columns),
        tuple(rows),
        notes=tuple(filter(None, [variation.teacher_note(conditions.of_report(lookup))])),
    )
    return with_synthetic_mark(table)


def _n_labels(dataset: Dataset) -> Cell:
    n = len(dataset.labels)
    return Cell(str(n) if dataset.task == "multilabel" else f"{n} classes", value=n, footnote=", ".join(dataset.labels))


def _used(dataset: Dataset) -> dict[str, Split]:
    """The largest training set and the other splits, by name."""
    training = [name for name in dataset.splits if name.startswith("train")]
    largest = max(training, key=lambda name: dataset.splits[name].n_images or 0, default=None)
    return {name: split for name, split in dataset.splits.items() if name == largest or name not in training}


def _images_used(dataset: Dataset) -> Cell:
    counts = {name: split.n_images for name, split in _used(dataset).items()}
    known = [n for n in counts.values() if n is not None]
    if not known or len(known) < len(counts):
        return count_cell(None, _UNKNOWN)
    return Cell(numbers.count(sum(known)), value=sum(known), footnote=_sum(counts))


def _patients_used(dataset: Dataset) -> Cell:
    counts = {name: split.n_patients for name, split in _used(dataset).items()}
    known = [n for n in counts.values() if n is not None]
    if not known or len(known) < len(counts):
        return count_cell(None, _UNKNOWN)
    if dataset.patients_in_two_splits != 0:
        return count_cell(None, "not known: patients may be in two splits, so those of the splits do not add up")
    return Cell(numbers.count(sum(known)), value=sum(known), footnote=_sum(counts))


def _sum(counts: dict[str, int | None]) -> str:
    return " + ".join(f"{numbers.count(n)} ({name})" for name, n in counts.items())


def _group(lookup: Lookup, dataset: Dataset) -> str:
    sample = variation.sample_in_short(lookup, dataset.dataset) or _UNKNOWN
    return f"{words.dataset(dataset.dataset)}: {_shared(dataset)}; training images over seeds: {sample}"


def _positives(split: Split) -> str:
    known = [n for n in split.n_positive.values() if n]
    return f"{numbers.count(min(known))} to {numbers.count(max(known))}" if known else _UNKNOWN


def _digits_cell(named: NamedSplit) -> Cell:
    if named.differs:
        return text_cell("differs between runs")
    return text_cell(named.split.sha256[:12]) if named.split.sha256 else Cell(_UNKNOWN)


def _differs(lookup: Lookup, dataset: Dataset, name: str) -> bool:
    """Whether the runs had several training sets of this size, or several validation sets."""
    arms = [arm for arm in lookup.arms.values() if arm.dataset == dataset.dataset]
    if name == "validation":
        hashes = {value for arm in arms for value in arm.validation_sha256 if value}
    else:
        hashes = {value for arm in arms if name == f"train {arm.train_size}" for value in arm.training_sha256 if value}
    return len(hashes) > 1


def _shared(dataset: Dataset) -> str:
    """How many patients are in two splits, and of how many that was checked."""
    shared = dataset.patients_in_two_splits
    if shared is None:
        return f"patients in two splits: {_UNKNOWN}"
    counts = [split.n_patients for split in _used(dataset).values()]
    known = [n for n in counts if n is not None]
    checked = f" of {numbers.count(sum(known))} checked" if shared == 0 and len(known) == len(counts) else ""
    return f"patients in two splits: {numbers.count(shared)}{checked}"


def _trained_on(arm: Arm) -> str:
    size = "" if arm.train_size is None else f" ({numbers.count(arm.train_size)})"
    return f"{words.dataset(arm.dataset)}{size}"


def _mean_cell(lookup: Lookup, of: TeacherMetric) -> Cell:
    values = [run.value for run in lookup.runs(of.arm.arm, of.metric, of.label)]
    known = [value for value in values if value is not None]
    mean = sum(known) / len(known) if known and len(known) == len(values) else None
    footnote = "not measured, or not defined in every seed" if mean is None else ""
    return Cell(numbers.percent(mean, 1), value=mean, footnote=footnote)
