"""Convert CheXpert's labels to targets. A named policy decides what -1 (uncertain) and blank (unmentioned) count as.

In: columns of text. Out: float32 targets, NaN for images that count as not labelled, and the policy in words.

Source: Irvin et al., CheXpert, AAAI 2019, section 3.1: U-Zeros, U-Ones and U-Ignore for -1. A blank means that the
report does not mention the finding. The paper's protocol counts everything that is not positive as negative, which is
"zeros" for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from medkt.data.label_tables import label_names
from medkt.data.label_tables.csv_tables import Table
from medkt.data.settings import RootedData
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task

_COUNTS_AS = {"zeros": 0.0, "ones": 1.0, "ignore": np.nan}
Uncertain = Literal["zeros", "ones", "ignore"]
Unmentioned = Literal["zeros", "ignore"]
_PRESENT, _ABSENT, _UNCERTAIN = ("1", "1.0"), ("0", "0.0"), ("-1", "-1.0")


class CheXpertLabels(RootedData):
    """Settings of a data set with labels by CheXpert's labeller: what uncertain and unmentioned findings count as."""

    labels: list[str] | None = Field(default=None, description="findings to learn; none: all 14")
    uncertain: Uncertain | dict[str, Uncertain] = Field(
        default="zeros", description="what -1 counts as: 0, 1 or not labelled; one for all, or by label with 'default'"
    )
    unmentioned: Unmentioned | dict[str, Unmentioned] = Field(
        default="zeros", description="what a blank counts as: 0 or not labelled, likewise"
    )
    views: Literal["all", "frontal"] = "all"

    def task_and_labels(self) -> tuple[Task, int]:
        """Multi-label, with the findings that `labels` names."""
        return "multilabel", len(self.labels or label_names.CHEXPERT)


def targets(table: Table, columns: Sequence[str], data: CheXpertLabels) -> np.ndarray:
    """Convert labels to targets by the policies of the settings.

    Parameters
    ----------
    table : Table
        Its cells are 1, 0, -1 (with or without ".0") or empty.
    columns : sequence of str
        The columns to convert.
    data : CheXpertLabels
        The policies are `uncertain` and `unmentioned`.

    Returns
    -------
    float32, (n_images, n_columns)

    Raises
    ------
    InputError
        If a cell has another value, or a policy names an unknown label.
    """
    uncertain = _by_label(data.uncertain, "uncertain")
    unmentioned = _by_label(data.unmentioned, "unmentioned")
    converted = np.empty((len(table.rows), len(columns)), dtype=np.float32)
    for k, name in enumerate(columns):
        column = table.rows[name]
        table.refuse(~column.isin([*_PRESENT, *_ABSENT, *_UNCERTAIN, ""]), name, "1, 0, -1 (uncertain) or nothing")
        converted[:, k] = column.isin(_PRESENT)
        converted[column.isin(_UNCERTAIN), k] = _COUNTS_AS[uncertain[name]]
        converted[column == "", k] = _COUNTS_AS[unmentioned[name]]
    return converted


def policy(data: CheXpertLabels) -> str:
    """Describe the policies in words, for the notes."""
    return f"uncertain labels: {_in_words(data.uncertain)}; unmentioned: {_in_words(data.unmentioned)}"


def _in_words(setting: Any) -> str:
    if isinstance(setting, str):
        return setting
    return ", ".join(
        [setting.get("default", "zeros"), *(f"{key} {value}" for key, value in setting.items() if key != "default")]
    )


def _by_label(setting: Any, key: str) -> dict[str, str]:
    """Return the policy of each of the 14 labels."""
    if isinstance(setting, str):
        return dict.fromkeys(label_names.CHEXPERT, setting)
    unknown = [name for name in setting if name not in (*label_names.CHEXPERT, "default")]
    if unknown:
        raise InputError(
            f"[data] {key} names {unknown[0]!r}; expected 'default' or some of {', '.join(label_names.CHEXPERT)}"
        )
    return {name: setting.get(name, setting.get("default", "zeros")) for name in label_names.CHEXPERT}
