"""Task and labels of a table that stands alone, by its columns.

In: the `Reading` of its header. Out: the task and the labels, and suggestions where columns have other names.
"""

from __future__ import annotations

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns import near_names
from medkt_eval.predictions.columns.mapping import option
from medkt_eval.predictions.columns.names import Task, listed, score_column, target_column
from medkt_eval.predictions.columns.reading import Reading

ONE_FINDING = "finding"  # the label of tables with the columns `target` and `score`


def task_and_labels(reading: Reading, source: str) -> tuple[Task, list[str]]:
    """Task and labels, in the order of the columns, those that are suggested last.

    Raises
    ------
    InputError
        If the columns are of both tasks, or of none.
    """
    reading.suggest_other_prefixes()
    targets, scores = reading.labels("target_"), reading.labels("score_")
    if reading.has("target") and targets:
        raise InputError(
            f"{source}: columns 'target' (one class an image) and 'target_{targets[0]}' (several findings an image); "
            "expected one or the other"
        )
    if targets or len(scores) == 1:
        labels = list(dict.fromkeys([*targets, *scores]))
        if len(labels) == 1:  # of the pair `target` and `score_Edema` the first is to be named, too
            for kind, role in (("target", target_column(labels[0])), ("score", score_column(labels[0]))):
                if kind in reading.holds and not reading.has(role):
                    reading.wanted[role] = reading.holds.pop(kind)
        return "multilabel", labels  # a label without a score or a target is kept: the message says what is absent
    if scores:
        return "multiclass", scores
    return _one_finding(reading, source)


def _one_finding(reading: Reading, source: str) -> tuple[Task, list[str]]:
    for kind in ("target", "score"):
        name = None if reading.has(kind) else near_names.by_other_name(kind, reading.free)
        if name is not None:
            reading.wanted[kind] = name
    if not (reading.has("target") and reading.has("score")):
        raise InputError(
            f"{source}: no columns target_<label> and score_<label> (findings), target and score_<class> (classes), or "
            f"target and score (one finding); found {listed([*reading.holds.values(), *reading.unknown])}. If they "
            f"have other names, say so, e.g. {option({'image_id': 'path', 'target': 'y_true', 'score': 'y_prob'})}"
        )
    return "multilabel", [ONE_FINDING]
