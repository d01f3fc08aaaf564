"""What `medkt plan` prints and writes.

In: a `Plan` and the results that it was computed from. Out: tables on standard output; in a folder, plan.csv and one
figure for each contrast as SVG, PDF and CSV.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from medkt_eval.planning.sample_size import SD_LEVEL, ContrastPlan, DesignPower, Plan
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.runtime.delivery import delivery
from medkt_reports.figures import style as figure_style
from medkt_reports.figures.power import power_figure
from medkt_reports.language import numbers, units, words
from medkt_reports.language.spreadsheets import csv_of
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.prose import seeds

_FIGURE = re.compile(r"power-\d+\.(?:svg|pdf|csv)")
_SEEDS_SHOWN = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30)


def show(plan: Plan, result: EvaluationResult) -> None:
    """Print the power of the pilot, and the seeds and patients that the next study needs."""
    console, lookup = Console(highlight=False), Lookup(result)
    for contrast in plan.contrasts:
        console.print(_heading(lookup, plan, contrast), markup=False, style="bold")
        console.print(_standard_deviations(lookup, contrast), markup=False)
        for line in _of_one_seed(lookup, contrast):
            console.print(line, markup=False)
        seeds_shown = [row for row in contrast.patients_needed if row.seeds_a in _SEEDS_SHOWN]
        console.print(_table("Power of what was run", "seeds in each arm", contrast.pilot, _seeds, _power))
        console.print(_table("Patients needed", "seeds in each arm", seeds_shown, _seeds, _patients))
        console.print(_table("Seeds needed in each arm", "patients", contrast.seeds_needed, _patients, _seeds))
        console.print()
    for a, b, because in plan.without:
        console.print(f"No plan for {lookup.contrast_name((a, b))}: {because}.", markup=False)
    console.print("The difference is the one stated. Power at the difference observed would only repeat its p-value.")


def write(plan: Plan, result: EvaluationResult, folder: Path) -> list[Path]:
    """Write plan.csv and the figures; return the files. Those of an older plan are replaced or removed."""
    lookup = Lookup(result)
    with delivery(folder) as new:
        new.add("plan.csv", csv_of(_rows(plan)))
        for number, contrast in enumerate(plan.contrasts, start=1):
            drawn = power_figure(lookup, plan, contrast, f"power-{number}")
            new.add(f"{drawn.name}.svg", drawn.svg)
            new.add(f"{drawn.name}.pdf", figure_style.pdf(drawn))
            new.add(f"{drawn.name}.csv", figure_style.csv(drawn))
        older = [path.name for path in sorted(folder.iterdir()) if _FIGURE.fullmatch(path.name) and path.is_file()]
        return new.deliver(older=older)


def _heading(lookup: Lookup, plan: Plan, contrast: ContrastPlan) -> str:
    training_set = TrainingSet(contrast.dataset, lookup.arms[contrast.arm_a].train_size).text
    target = (
        f"to find a difference of {units.amount(contrast.metric, plan.effect)} with {numbers.level(plan.power)} power "
        f"(p < {numbers.alpha(plan.level):g})"
    )
    prefix = "Primary: " if plan.primary else ""
    pair = lookup.contrast_name((contrast.arm_a, contrast.arm_b))
    return f"{prefix}{training_set}: {pair}, {words.metric(contrast.metric, contrast.label)}, {target}"


def _standard_deviations(lookup: Lookup, contrast: ContrastPlan) -> str:
    pilot = contrast.components
    of, variance = "a run", pilot.runs
    if pilot.design == "crossed":
        of, variance = "the difference of two runs of one seed", 2 * pilot.runs
    own = units.has_own_scale(contrast.metric)
    unit, decimals, points = units.unit_of(contrast.metric), 4 if own else 2, "" if own else " points"
    low, estimate, high = (
        numbers.percent(variance**0.5 * row.seed_sd_factor * unit, decimals) for row in contrast.pilot
    )
    of_patients = numbers.percent(pilot.patients**0.5 * unit, decimals)
    text = (
        f"Standard deviation over seeds (seed SD) of {of}: {estimate}{points} ({numbers.level(SD_LEVEL)} interval "
        f"{low} to {high}); of the difference over patients: {of_patients}{points} with "
        f"{numbers.count(pilot.n_patients)} patients."
    )
    mark = lookup.synthetic(contrast.dataset)
    return f"{text} {words.synthetic([mark])}." if mark else text


def _of_one_seed(lookup: Lookup, contrast: ContrastPlan) -> list[str]:
    """How alike runs of one seed are, and whether the next study should declare them crossed."""
    row = seeds.seed_correlation(lookup, contrast)
    if row is None:
        return []
    lines = (seeds.correlation_sentence(row), "" if row.value is None else seeds.FEW_SEEDS)
    return list(filter(None, (*lines, seeds.crossed_advice(lookup, row))))


def _table(
    title: str,
    stub: str,
    rows: Sequence[DesignPower],
    name: Callable[[DesignPower], str],
    cell: Callable[[DesignPower], str],
) -> Table:
    """Make a table with a line for each design and a column for each standard deviation over seeds.

    `rows` are in groups of three, one group for each design.
    """
    table = Table(title=Text(f"{title}, by seed SD"), title_justify="left")
    for heading in (stub, *(row.seed_sd for row in rows[:3])):
        table.add_column(heading, justify="right")
    for k in range(0, len(rows), 3):
        table.add_row(name(rows[k]), *map(cell, rows[k : k + 3]))
    return table


def _seeds(row: DesignPower) -> str:
    if row.seeds_a is None:
        return row.undefined_because or numbers.ABSENT
    return str(row.seeds_a) if row.seeds_a == row.seeds_b else f"{row.seeds_a} and {row.seeds_b}"


def _patients(row: DesignPower) -> str:
    return (row.undefined_because or numbers.ABSENT) if row.patients is None else numbers.count(row.patients)


def _power(row: DesignPower) -> str:
    return numbers.ABSENT if row.power is None else f"{numbers.percent(row.power, 0)} %"


def _rows(plan: Plan) -> pd.DataFrame:
    """Return every row of every contrast, unrounded."""
    return pd.DataFrame(
        [
            {
                "dataset": contrast.dataset,
                "arm_a": contrast.arm_a,
                "arm_b": contrast.arm_b,
                "metric": contrast.metric,
                "label": contrast.label,
                "effect": plan.effect,
                "power_asked": plan.power,
                "level": plan.level,
                "question": question,
                **asdict(row),
            }
            for contrast in plan.contrasts
            for question, rows in (
                ("power of what was run", contrast.pilot),
                ("patients needed", contrast.patients_needed),
                ("seeds needed", contrast.seeds_needed),
            )
            for row in rows
        ]
    ).astype(dict.fromkeys(("seeds_a", "seeds_b", "patients"), "Int64"))
