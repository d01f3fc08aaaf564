"""Tests of all arms at once, and the arms' mean ranks over several data sets.

In: the omnibus rows of results.json. Out: `Table`s. Pairwise tests do not depend on these tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from medkt_eval.results.schema import Omnibus
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.tables.cells import p_cell
from medkt_reports.tables.columns import Column, head_of, row_of
from medkt_reports.tables.model import Cell, Row, Table, text_cell, with_synthetic_mark

_TESTS = {"box-f": "Box-type F", "friedman": "Friedman"}


def omnibus_table(lookup: Lookup) -> Table | None:
    """Every test of all arms at once; None if none was made."""
    columns = _test_columns(lookup)
    rows = [
        row_of(columns, row, group=_where(row), synthetic=next(iter(_synthetic(lookup, row)), ""))
        for row in lookup.result.omnibus
    ]
    if not rows:
        return None
    tests = {row.test for row in lookup.result.omnibus}
    notes = ["Pairwise tests do not depend on these tests. Not adjusted for the number of metrics."]
    if "box-f" in tests:
        notes.append(
            "Box-type F: are all arms of a training set equal? Seeds and patients random; variances over "
            "seeds are not pooled over arms."
        )
    if "friedman" in tests:
        notes.append(
            "Friedman: do arms rank alike over data sets? Data sets random, each with its largest training "
            "set; below ten data sets read it as a description."
        )
    table = Table(
        "omnibus",
        "Tests of all arms at once",
        "Tests of all arms at once.",
        head_of(columns),
        tuple(rows),
        notes=tuple(notes),
    )
    return with_synthetic_mark(table)


def mean_ranks_table(lookup: Lookup) -> Table | None:
    """Mean ranks of the arms over data sets, with Nemenyi's p against the best; None if none were ranked."""
    columns = _rank_columns(lookup)
    rows = [made for row in lookup.result.omnibus if row.mean_ranks for made in _rank_rows(lookup, row, columns)]
    if not rows:
        return None
    level = numbers.level(lookup.result.settings.level)
    tested = f"Two arms whose mean ranks are farther apart than the critical difference differ at {level} (Nemenyi)"
    described = "Nemenyi's critical difference and p-values describe these data sets: there are too few to test"
    is_described = any(row.descriptive for row in lookup.result.omnibus if row.mean_ranks)
    table = Table(
        name="mean-ranks",
        title="Mean ranks over data sets",
        caption="Mean ranks of the arms over data sets, 1 is best.",
        head=head_of(columns),
        rows=tuple(rows),
        notes=(f"{described if is_described else tested}. The p-values are adjusted for all pairs of arms.",),
    )
    return with_synthetic_mark(table)


def _where(row: Omnibus) -> str:
    if row.test == "box-f":
        return TrainingSet(row.datasets[0], row.train_size).text
    return f"Over {len(row.datasets)} data sets: {words.listed(list(map(words.dataset, row.datasets)))}"


def _synthetic(lookup: Lookup, row: Omnibus) -> list[str]:
    return [name for name in map(lookup.synthetic, row.datasets) if name]


def _test_columns(lookup: Lookup) -> Sequence[Column[Omnibus]]:
    level = lookup.result.settings.level
    return (
        Column("Metric", lambda row: text_cell(words.capital(words.metric(row.metric, row.label)))),
        Column("Test", lambda row: text_cell(_TESTS[row.test])),
        Column("Arms", lambda row: _arms_cell(lookup, row)),
        Column("Statistic", _statistic_cell),
        Column("df", _df_cell),
        Column("p", lambda row: p_cell(row.p_value, level, row.undefined_because)),
    )


def _arms_cell(lookup: Lookup, row: Omnibus) -> Cell:
    names = words.listed([lookup.names.get(arm, arm) for arm in row.arms])
    return Cell(str(len(row.arms)), value=len(row.arms), footnote=names)


def _statistic_cell(row: Omnibus) -> Cell:
    text = numbers.ABSENT if row.statistic is None else f"{row.statistic:.2f}"
    return Cell(text, value=row.statistic, footnote=_reason(row))


def _df_cell(row: Omnibus) -> Cell:
    df = [numbers.degrees_of_freedom(value) for value in (row.df1, row.df2) if value is not None]
    text = ", ".join(df) or numbers.ABSENT
    return Cell(text, value=text if df else None, footnote=_reason(row))


def _reason(row: Omnibus) -> str:
    """Why there is no statistic; empty if there is one."""
    return (row.undefined_because or words.NO_REASON) if row.statistic is None else ""


class RankLine(NamedTuple):
    """An arm of a test over data sets: its index in the row, and the index of the arm with the best mean rank."""

    row: Omnibus
    arm: int
    best: int

    @property
    def rank(self) -> float:
        """The mean rank of the arm; 1 is best."""
        return (self.row.mean_ranks or [])[self.arm]

    @property
    def behind(self) -> float:
        """How far its mean rank is behind the best one."""
        return self.rank - (self.row.mean_ranks or [])[self.best]


def _rank_columns(lookup: Lookup) -> Sequence[Column[RankLine]]:
    return (
        Column("Arm", lambda line: text_cell(_arm_name(lookup, line))),
        Column("Mean rank", lambda line: Cell(f"{line.rank:.2f}", value=line.rank)),
        Column("Behind the best by", lambda line: Cell(f"{line.behind:.2f}", value=line.behind)),
        Column("p against the best (Nemenyi)", lambda line: _nemenyi_cell(line, lookup.result.settings.level)),
    )


def _arm_name(lookup: Lookup, line: RankLine) -> str:
    name = line.row.arms[line.arm]
    return lookup.names.get(name, name)


def _nemenyi_cell(line: RankLine, level: float) -> Cell:
    if line.arm == line.best:
        return Cell("", footnote="the best itself")
    p_values = line.row.p_nemenyi
    return p_cell(None if p_values is None else p_values[line.arm][line.best], level, line.row.undefined_because)


def _rank_rows(lookup: Lookup, row: Omnibus, columns: Sequence[Column[RankLine]]) -> list[Row]:
    """Rows of the arms from the best mean rank to the worst."""
    ranks = row.mean_ranks or []
    order = sorted(range(len(ranks)), key=lambda k: (ranks[k], k))
    critical = "" if row.critical_difference is None else f"; critical difference {row.critical_difference:.2f}"
    description = "; a description, of fewer than ten data sets" if row.descriptive else ""
    group = (
        f"{words.capital(words.metric(row.metric, row.label))}, {len(row.datasets)} data sets{critical}{description}"
    )
    names = _synthetic(lookup, row)
    synthetic = words.listed(names) if names else ""
    return [row_of(columns, RankLine(row, k, order[0]), group=group, synthetic=synthetic) for k in order]
