"""Tables of predictions in memory: DataFrames, and CSV files that were read.

In: a table with one row per image. Out: `Predictions`, sorted by image id, so that the order of rows changes nothing;
or one error with everything that is wrong. docs/formats.md describes the columns for writers in any language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.names import Task, score_column, target_column
from medkt_eval.predictions.columns.roles import Columns, recognise
from medkt_eval.predictions.format import Predictions
from medkt_eval.predictions.values.faults import Faults
from medkt_eval.predictions.values.plain_values import as_classes, as_numbers, as_texts
from medkt_eval.predictions.values.printable import check_texts
from medkt_eval.predictions.values.probabilities import RowsOfClasses, check_probabilities, clip_finding
from medkt_eval.predictions.values.repairs import BLANKS, Repair, in_several_rows, of_columns, without_blanks


def from_frame(
    frame: pd.DataFrame, task: Task, labels: Sequence[str], *, source: str, given: Mapping[str, str] | None = None
) -> Predictions:
    """Validate a table of predictions and sort it by image id.

    Parameters
    ----------
    frame : DataFrame
    task : {"multilabel", "multiclass"}
    labels : sequence of str
    source : str
        Name of the table, for messages.
    given : mapping of str to str, or None
        `--columns`: name in docs/formats.md -> name in the table.

    Raises
    ------
    InputError
        If columns or values do not follow docs/formats.md, naming all of them.
    """
    names = [str(name) for name in frame.columns]
    columns = recognise(names, given or {}, source=source, task=task, labels=labels)
    held = frame.iloc[:, [names.index(own) for own in columns.holds.values()]]
    return from_columns(held.set_axis(list(columns.holds), axis="columns"), columns, source=source)


def from_columns(frame: pd.DataFrame, columns: Columns, *, source: str, repairs: Sequence[Repair] = ()) -> Predictions:
    """Validate a table whose columns have the names of docs/formats.md; see `from_frame`."""
    if frame.empty:
        raise InputError(f"{source}: no rows; expected one per image")
    faults, repairs = Faults(source), [*repairs, *of_columns(columns.ignored, columns.own_names)]

    def texts(name: str) -> np.ndarray:
        values, repaired = without_blanks(as_texts(frame[name]), name)
        check_texts(values, name, source)
        repairs.extend(repaired)
        return values

    image_ids = texts("image_id")
    faults.of_rows(image_ids == "", lambda row: f"row {row + 2}: no image_id; expected one on every row")
    order = np.argsort(image_ids, kind="stable")
    image_ids, frame = image_ids[order], frame.iloc[order]
    written = as_texts(frame["image_id"])
    faults.of_rows(
        (image_ids[1:] == image_ids[:-1]) & (image_ids[1:] != ""),
        lambda row: in_several_rows(image_ids[row], list(written[row : row + 2])),
    )
    patient_ids = None
    if "patient_id" in columns.holds:
        patient_ids = texts("patient_id")
        faults.of_rows(
            patient_ids == "", lambda row: f"image {image_ids[row]!r}: no patient_id; expected one on every row"
        )
    groups = {name.removeprefix("group_"): texts(name) for name in columns.groups}
    scores, repaired = _scores(frame, columns, image_ids, faults)
    targets = _targets(frame, columns, image_ids, faults)
    faults.refuse()
    orders = {name.removeprefix("group_"): _declared_order(frame[name]) for name in columns.groups}
    return Predictions(
        columns.task,
        columns.labels,
        image_ids,
        patient_ids,
        targets,
        scores,
        groups,
        source,
        (*repairs, *repaired),
        {name: order_of for name, order_of in orders.items() if order_of},
    )


def _scores(
    frame: pd.DataFrame, columns: Columns, image_ids: np.ndarray, faults: Faults
) -> tuple[np.ndarray, list[Repair]]:
    """Scores of all labels, float64, (n_images, n_labels), and what was repaired."""
    names = [score_column(label) for label in columns.labels]
    scores = np.column_stack([_numbers(frame[name], columns, image_ids, faults, score=True) for name in names])
    shown = [columns.shown(name) for name in names]
    if columns.task == "multiclass":
        rows = RowsOfClasses.of(scores)
        divisor, repairs = check_probabilities(rows, shown, image_ids.__getitem__, faults)
        return np.clip(scores, 0, 1) / divisor[:, None], repairs
    repairs = []
    if not np.isfinite(scores).all():
        return scores, []
    for k, name in enumerate(shown):
        scores[:, k], repaired = clip_finding(scores[:, k], name, image_ids.__getitem__)
        repairs += repaired
    return scores, repairs


def _targets(frame: pd.DataFrame, columns: Columns, image_ids: np.ndarray, faults: Faults) -> np.ndarray:
    """Multi-label: float64, (n_images, n_labels). Multi-class: int64, (n_images,)."""
    if columns.task == "multilabel":
        names = [target_column(label) for label in columns.labels]
        return np.column_stack([_numbers(frame[name], columns, image_ids, faults) for name in names])
    texts, _ = without_blanks(as_texts(frame["target"]), "target")
    index = as_classes(texts, columns.labels)
    faults.of_rows(
        index < 0,
        lambda row: f"image {image_ids[row]!r}: {no_class(texts[row], columns.labels, columns.shown('target'))}",
    )
    return index


def _numbers(
    column: pd.Series, columns: Columns, image_ids: np.ndarray, faults: Faults, *, score: bool = False
) -> np.ndarray:
    """A column of scores, or of targets, as float64; its faults are added."""
    values, wrong = as_numbers(column)
    name = columns.shown(str(column.name))
    faults.of_rows(wrong, lambda row: f"image {image_ids[row]!r}: {name} is {column.iloc[row]!r}; expected a number")
    bad = wrong_values(values, score=score) & ~wrong
    faults.of_rows(bad, lambda row: f"image {image_ids[row]!r}: {name} is {values[row]:g}; {expected(score=score)}")
    return values


def wrong_values(values: np.ndarray, *, score: bool) -> np.ndarray:
    """Where a number is no score, or no target of a finding: bool, (n_images,)."""
    return ~np.isfinite(values) if score else ~(np.isnan(values) | (values == 0) | (values == 1))


def expected(*, score: bool) -> str:
    """What a message says that a score, or the target of a finding, should be."""
    return "expected a finite number" if score else "expected 0, 1 or empty (not labelled)"


def no_class(text: str, labels: Sequence[str], name: str) -> str:
    """What a message says of a target that is no class."""
    return f"{name} is {text!r}; expected one of {', '.join(map(repr, labels))}"


def _declared_order(column: pd.Series) -> tuple[str, ...]:
    """The groups of an ordered Categorical in their order; () for another column."""
    kind = column.dtype
    if not (isinstance(kind, pd.CategoricalDtype) and kind.ordered):
        return ()
    return tuple(text.strip(BLANKS) for text in as_texts(kind.categories.to_series()))
