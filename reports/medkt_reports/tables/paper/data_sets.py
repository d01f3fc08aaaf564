"""Tables I and II of the paper for the data sets used here: what they are and how they were split; and the teachers.

In: the data sets as their runs recorded them. Out: `Table`s. Counts are of the images that were used.
"""

from __future__ import annotations

from medkt_eval.results.schema import Arm, Dataset, Split
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup
from medkt_reports.tables.model import Cell, Row, Span, Table, count_cell, marked, text_cell

_UNKNOWN = "not recorded"


def table_one(lookup: Lookup) -> Table | None:
    """What each data set is: labels, how they came about, views, images and patients used; None where there is none."""
    datasets = lookup.result.datasets
    if not datasets:
        return None
    rows = [
        Row(
            text_cell(words.dataset(dataset.dataset)),
            (
                _n_labels(dataset),
                text_cell(dataset.labelling or _UNKNOWN),
                text_cell(dataset.views or _UNKNOWN),
                _images_used(dataset),
                _patients_used(dataset),
            ),
            synthetic=lookup.synthetic(dataset.dataset),
        )
        for dataset in datasets
    ]
    heads = ("Data set", "Labels", "Labelling", "Views", "Images used", "Patients")
    sources = [f"{words.dataset(dataset.dataset)}: {dataset.source or 'source ' + _UNKNOWN}." for dataset in datasets]
    table = Table(
        "table1",
        "Data sets",
        "Data sets, as their runs recorded them.",
        (tuple(map(Span, heads)),),
        tuple(rows),
        notes=(
            "Used: in the largest training set, the validation and the test set together; a data set may hold more.",
            *sources,
        ),
    )
    return marked(table)


def table_two(lookup: Lookup) -> Table | None:
    """Every split: images, patients, positive images; whether patients are shared; None where nothing was recorded."""
    rows = [
        _split_row(lookup, dataset, name, split)
        for dataset in lookup.result.datasets
        for name, split in dataset.splits.items()
    ]
    if not rows:
        return None
    heads = ("Split", "Images", "Patients", "Positive, rarest to commonest label", "SHA-256 of image ids")
    table = Table(
        "table2",
        "Splits",
        "Splits of the data sets, as their runs recorded them.",
        (tuple(map(Span, heads)),),
        tuple(rows),
        notes=(
            "Positive: images with the label, or of the class; labels without any are left out.",
            "Patients in two splits: counted by comparing the patients of the training, validation and test images; "
            "of several runs the largest count.",
            "SHA-256: of the sorted image ids; its first 12 digits. Equal digits mean equal images.",
        ),
    )
    return marked(table)


def teachers_table(lookup: Lookup) -> Table | None:
    """Results of the teachers trained here: reported, not compared; None where there are none."""
    teachers = [arm for arm in lookup.result.arms if arm.role == "teacher"]
    if not teachers:
        return None
    rows = [row for arm in teachers for row in _teacher_rows(lookup, arm)]
    heads = ("Teacher", "Trained on", "Network", "Seeds", "Metric", "Mean over seeds, %")
    table = Table(
        "teachers",
        "Teachers",
        "The teachers' own results. They are reported, not compared.",
        (tuple(map(Span, heads)),),
        tuple(rows),
        notes=("A teacher is held fixed in every comparison: another training of it might transfer otherwise.",),
    )
    return marked(table)


def _n_labels(dataset: Dataset) -> Cell:
    n = len(dataset.labels)
    return Cell(str(n) if dataset.task == "multilabel" else f"{n} classes", value=n, how=", ".join(dataset.labels))


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
    return Cell(numbers.count(sum(known)), value=sum(known), how=_sum(counts))


def _patients_used(dataset: Dataset) -> Cell:
    counts = {name: split.n_patients for name, split in _used(dataset).items()}
    known = [n for n in counts.values() if n is not None]
    if not known or len(known) < len(counts):
        return count_cell(None, _UNKNOWN)
    if dataset.patients_in_two_splits != 0:
        return count_cell(None, "not known: patients may be in two splits, so those of the splits do not add up")
    return Cell(numbers.count(sum(known)), value=sum(known), how=_sum(counts))


def _sum(counts: dict[str, int | None]) -> str:
    return " + ".join(f"{numbers.count(n)} ({name})" for name, n in counts.items())


def _split_row(lookup: Lookup, dataset: Dataset, name: str, split: Split) -> Row:
    known = [n for n in split.n_positive.values() if n]
    positive = f"{numbers.count(min(known))} to {numbers.count(max(known))}" if known else _UNKNOWN
    digits = text_cell(split.sha256[:12]) if split.sha256 else Cell(_UNKNOWN)
    group = f"{words.dataset(dataset.dataset)}: {_shared(dataset)}; training sample {dataset.training_sample}"
    return Row(
        text_cell(name),
        (count_cell(split.n_images), count_cell(split.n_patients), text_cell(positive), digits),
        group=group,
        synthetic=lookup.synthetic(dataset.dataset),
    )


def _shared(dataset: Dataset) -> str:
    """How many patients are in two splits, and of how many that was checked."""
    shared = dataset.patients_in_two_splits
    if shared is None:
        return f"patients in two splits: {_UNKNOWN}"
    counts = [split.n_patients for split in _used(dataset).values()]
    known = [n for n in counts if n is not None]
    checked = f" of {numbers.count(sum(known))} checked" if shared == 0 and len(known) == len(counts) else ""
    return f"patients in two splits: {numbers.count(shared)}{checked}"


def _teacher_rows(lookup: Lookup, arm: Arm) -> list[Row]:
    size = "" if arm.train_size is None else f" ({numbers.count(arm.train_size)})"
    about = (f"{words.dataset(arm.dataset)}{size}", words.network(arm.student), str(len(arm.seeds)))
    name, synthetic = lookup.names[arm.arm], lookup.synthetic(arm.dataset)
    rows = []
    for metric, label in HEADLINES[arm.task]:
        values = [run.value for run in lookup.runs(arm.arm, metric, label)]
        known = [value for value in values if value is not None]
        mean = sum(known) / len(known) if known and len(known) == len(values) else None
        because = "not measured, or not defined in every seed" if mean is None else ""
        cells = (
            *map(text_cell, (*about, words.metric(metric, label))),
            Cell(numbers.percent(mean, 1), value=mean, how=because),
        )
        rows.append(Row(text_cell(name), cells, synthetic=synthetic))
    return rows
