"""Tests of all arms at once, and the arms' mean ranks over several data sets.

In: the omnibus rows of results.json. Out: `Table`s. They stand beside the comparisons and gate none of them.
"""

from __future__ import annotations

from medkt_eval.results.schema import Omnibus
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.tables.cells import NO_REASON, p_cell
from medkt_reports.tables.model import Cell, Row, Span, Table, marked, text_cell

_TESTS = {"box-f": "Box-type F", "friedman": "Friedman"}


def omnibus_table(lookup: Lookup) -> Table | None:
    """Every test of all arms at once; None where none was made."""
    rows = [_test_row(lookup, row) for row in lookup.result.omnibus]
    if not rows:
        return None
    tests = {row.test for row in lookup.result.omnibus}
    notes = [
        "They gate no comparison: each stands whatever the test of all arms says. "
        "Not adjusted for the number of metrics."
    ]
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
    heads = ("Metric", "Test", "Arms", "Statistic", "df", "p")
    table = Table(
        "omnibus",
        "Tests of all arms at once",
        "Tests of all arms at once, by training set.",
        (tuple(map(Span, heads)),),
        tuple(rows),
        notes=tuple(notes),
    )
    return marked(table)


def mean_ranks_table(lookup: Lookup) -> Table | None:
    """Mean ranks of the arms over data sets, with Nemenyi's p against the best; None where none were ranked."""
    rows = [made for row in lookup.result.omnibus if row.mean_ranks for made in _rank_rows(lookup, row, row.mean_ranks)]
    if not rows:
        return None
    level = numbers.level(lookup.result.settings.level)
    heads = ("Arm", "Mean rank", "Behind the best by", "p against the best (Nemenyi)")
    table = Table(
        name="mean-ranks",
        title="Mean ranks over data sets",
        caption="Mean ranks of the arms over data sets, 1 is best.",
        head=(tuple(map(Span, heads)),),
        rows=tuple(rows),
        notes=(
            f"Two arms whose mean ranks are farther apart than the critical difference differ at {level} (Nemenyi); "
            "its p-values are adjusted for all pairs of arms.",
        ),
    )
    return marked(table)


def _where(row: Omnibus) -> str:
    if row.test == "box-f":
        return TrainingSet(row.datasets[0], row.train_size).text
    return f"Over {len(row.datasets)} data sets: {words.listed(list(map(words.dataset, row.datasets)))}"


def _synthetic(lookup: Lookup, row: Omnibus) -> list[str]:
    return [name for name in map(lookup.synthetic, row.datasets) if name]


def _test_row(lookup: Lookup, row: Omnibus) -> Row:
    because = row.undefined_because
    names = words.listed([lookup.names.get(arm, arm) for arm in row.arms])
    df = [numbers.degrees_of_freedom(value) for value in (row.df1, row.df2) if value is not None]
    statistic = numbers.ABSENT if row.statistic is None else f"{row.statistic:.2f}"
    why = (because or NO_REASON) if row.statistic is None else ""
    printed = ", ".join(df) or numbers.ABSENT
    return Row(
        text_cell(words.capital(words.metric(row.metric, row.label))),
        (
            text_cell(_TESTS[row.test]),
            Cell(str(len(row.arms)), value=len(row.arms), how=names),
            Cell(statistic, value=row.statistic, how=why),
            Cell(printed, value=printed if df else None, how=why),
            p_cell(row.p_value, lookup.result.settings.level, because),
        ),
        group=_where(row),
        synthetic=next(iter(_synthetic(lookup, row)), ""),
    )


def _rank_rows(lookup: Lookup, row: Omnibus, ranks: list[float]) -> list[Row]:
    """Arms from the best mean rank to the worst."""
    best = min(range(len(ranks)), key=lambda k: ranks[k])
    critical = "" if row.critical_difference is None else f"; critical difference {row.critical_difference:.2f}"
    description = "; a description, of fewer than ten data sets" if row.descriptive else ""
    group = (
        f"{words.capital(words.metric(row.metric, row.label))}, {len(row.datasets)} data sets{critical}{description}"
    )
    names = _synthetic(lookup, row)
    made = []
    for k in sorted(range(len(ranks)), key=lambda k: (ranks[k], k)):
        behind = ranks[k] - ranks[best]
        p = (
            Cell("", how="the best itself")
            if k == best
            else p_cell(
                None if row.p_nemenyi is None else row.p_nemenyi[k][best],
                lookup.result.settings.level,
                row.undefined_because,
            )
        )
        made.append(
            Row(
                text_cell(lookup.names.get(row.arms[k], row.arms[k])),
                (Cell(f"{ranks[k]:.2f}", value=ranks[k]), Cell(f"{behind:.2f}", value=behind), p),
                group=group,
                synthetic=words.listed(names) if names else "",
            )
        )
    return made
