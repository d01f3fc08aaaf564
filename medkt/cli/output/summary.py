"""What `medkt evaluate` prints: the headline metrics of each arm, and the study's answer in sentences.

In: the results. Out: text on standard output.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from medkt_eval.results.schema import EvaluationResult
from medkt_eval.study.cautions import CAUTION
from medkt_reports.language import numbers, words
from medkt_reports.lookup import HEADLINES, Lookup, TrainingSet
from medkt_reports.prose.seeds import failure_sentences
from medkt_reports.prose.sentences import answers
from medkt_reports.prose.status import confirmatory_status


def show(result: EvaluationResult) -> None:
    """Print the headline metrics of every arm, and the results of the comparisons in sentences."""
    console, lookup = Console(highlight=False), Lookup(result)
    sentences = answers(lookup)
    training_sets = list(dict.fromkeys(sentence.training_set for sentence in sentences))
    interval = lookup.intervals()[0]
    for note in result.settings.notes:
        if note.startswith(CAUTION):
            console.print(f"{note}\n", markup=False, style="bold")
    for training_set in lookup.training_sets():
        console.print(_arms(lookup, training_set, interval))
        console.print(f"Intervals: {words.interval(interval, result.settings.level)}", markup=False)
        mark = lookup.synthetic(training_set.dataset)
        if mark and training_set.text not in training_sets:  # no sentence says so
            console.print(words.synthetic([mark]), markup=False, style="bold")
    for training_set in training_sets:
        if len(lookup.training_sets()) > 1:
            console.print(f"\n{training_set}", markup=False, style="bold")
        for sentence in sentences:
            if sentence.training_set == training_set:
                console.print(f"\n{'Primary: ' if sentence.primary else ''}{sentence.text}", markup=False)
    console.print(f"\n{confirmatory_status(lookup)}", markup=False)
    for line in failure_sentences(lookup):
        console.print(line, markup=False)
    for note in result.settings.notes:
        if note.startswith(CAUTION):
            continue
        console.print(f"Note: {note}", markup=False)
    console.print()


def _arms(lookup: Lookup, training_set: TrainingSet, interval: str) -> Table:
    """The headline metrics of every arm of a training set."""
    arms = lookup.arms_of(training_set)
    table = Table(title=Text(training_set.text), title_justify="left")
    table.add_column("arm")
    table.add_column("seeds", justify="right")
    columns = {}
    for metric, label in HEADLINES[lookup.task(training_set)]:
        table.add_column(f"{words.metric(metric, label)} (%)", justify="right")
        table.add_column(f"{numbers.level(lookup.result.settings.level)} CI", justify="right")
        estimates = [lookup.estimate(training_set.dataset, arm.arm, metric, label, interval) for arm in arms]
        decimals = numbers.decimals_for(numbers.half_width(e.low, e.high) for e in estimates if e)
        columns[metric, label] = [
            (numbers.percent(e.value, decimals), numbers.interval(e.low, e.high, decimals))
            if e
            else (numbers.ABSENT,) * 2
            for e in estimates
        ]
    for k, arm in enumerate(arms):
        cells = [text for column in columns.values() for text in column[k]]
        table.add_row(Text(lookup.names[arm.arm]), str(len(arm.seeds)), *cells)
    return table
