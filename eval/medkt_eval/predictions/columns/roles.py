"""Which column of a table holds what.

In: the names in a header, and `--columns`. Out: `Columns`, or one error with everything that is wrong, and the option
`--columns` that reads the file. No column is renamed unless the option says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medkt_eval.errors import InputError
from medkt_eval.predictions.columns.mapping import option
from medkt_eval.predictions.columns.names import SHOWN, Task, check_names, listed, score_column, target_column
from medkt_eval.predictions.columns.reading import Reading, named
from medkt_eval.predictions.columns.tasks import task_and_labels
from medkt_eval.runtime.reading.names import check_printable


@dataclass(frozen=True)
class Columns:
    """The columns of one table.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
    labels : tuple of str
    holds : dict of str to str
        Name in docs/formats.md -> name in the table. The targets and scores of one finding, `target` and `score`, are
        `target_<label>` and `score_<label>` here.
    ignored : tuple of str
        Columns that medkt does not know.
    own_names : tuple of str
        Names whose column of `--columns` this table lacks, so that the column of the name itself was read.
    """

    task: Task
    labels: tuple[str, ...]
    holds: dict[str, str]
    ignored: tuple[str, ...] = ()
    own_names: tuple[str, ...] = ()

    @property
    def groups(self) -> list[str]:
        """Names of the columns `group_<name>`."""
        return [role for role in self.holds if role.startswith("group_")]

    def shown(self, role: str) -> str:
        """A column in messages: its name in docs/formats.md, and its own if that is another."""
        own = self.holds.get(role, role)
        return role if own == role else f"{role} (column {own!r})"


def recognise(
    names: Sequence[str],
    given: Mapping[str, str],
    *,
    source: str,
    task: Task | None = None,
    labels: Sequence[str] | None = None,
) -> Columns:
    """Say what each column holds.

    Parameters
    ----------
    names : sequence of str
        The header.
    given : mapping of str to str
        `--columns`: name in docs/formats.md -> name in the table.
    source : str
        Name of the table, for messages.
    task, labels : {"multilabel", "multiclass"} and sequence of str, or None
        What the run says of itself; None: the columns tell.

    Raises
    ------
    InputError
        Naming every column that is absent, misspelt or of no label, with the option that reads the table.
    """
    check_names(names, source=source)
    check_printable([name for name in names if name.startswith("group_")], "column", source)
    reading = named(names, given, source, labels or ())
    reading.suggest_misspelt()
    if task is None:
        task, labels = task_and_labels(reading, source)
    labels = tuple(labels or ())
    targets = [target_column(label) for label in labels] if task == "multilabel" else ["target"]
    short = reading.short_names(labels) if task == "multilabel" and len(labels) == 1 else {}
    needed = ["image_id", *(short.get(role, role) for role in (*targets, *map(score_column, labels)))]
    reading.drop_suggestions_beyond(needed)
    reading.suggest_others(needed)
    _refuse(reading, given, names, needed, source)
    known = {"patient_id", *needed, *(role for role in reading.holds if role.startswith("group_"))}
    strange = {role: own for role, own in reading.holds.items() if role not in known}
    of_no_label = [own for role, own in strange.items() if "_" in role]
    if of_no_label:
        raise InputError(
            f"{source}: column {of_no_label[0]!r} is of no label of this {task} table, which needs {listed(needed)}. "
            "Remove it, or give it a name that does not begin with target_ or score_"
        )
    whole = {name: role for role, name in short.items()}
    holds = {whole.get(role, role): own for role, own in reading.holds.items() if role in known}
    own_names = tuple(role for role, own in given.items() if own not in names)
    return Columns(task, labels, holds, (*reading.unknown, *strange.values()), own_names)


def _refuse(
    reading: Reading, given: Mapping[str, str], names: Sequence[str], needed: Sequence[str], source: str
) -> None:
    """Refuse a table whose columns do not suffice, or are misspelt, with what reads it."""
    if not reading.wanted and not reading.absent:
        return
    order = {role: k for k, role in enumerate(("image_id", "patient_id", *needed[1:]))}
    wanted = dict(sorted(reading.wanted.items(), key=lambda item: order.get(item[0], len(order))))
    faults = [f"no column {role!r} (found {own!r})" for role, own in wanted.items()]
    faults += [f"no column {role!r}" for role in reading.absent]
    more = "" if len(faults) <= SHOWN else f"; and {len(faults) - SHOWN} more"
    text = f"{source}: {'; '.join(faults[:SHOWN])}{more}."
    mapping = {role: own for role, own in given.items() if own in names} | wanted
    if reading.absent:
        raise InputError(
            f"{text} This table needs {listed(needed)}; found {listed(names)}. If a column has another name, say so: "
            f"{option(mapping | dict.fromkeys(reading.absent, 'COLUMN'))}"
        )
    raise InputError(
        f"{text} If they are these columns, this reads the file: {option(mapping)}. Otherwise give them other names"
    )
