"""What the page says, in its order, before a template decides how it looks.

In: the results and their figures. Out: a `Page` of plain text, tables and figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from medkt_eval.results import Arm, EvaluationResult
from medkt_reports import methods, numbers, sentences, undefined, words
from medkt_reports.comparison_table import companions_table, comparisons_table
from medkt_reports.figures import Figures
from medkt_reports.label_tables import label_differences_table, labels_table, thresholds_table
from medkt_reports.lookup import Lookup
from medkt_reports.paper_tables import table_five, table_four
from medkt_reports.sentences import Sentence
from medkt_reports.tables import Row, Span, Table, count_cell, marked, text_cell
from medkt_reports.undefined import Absence
from medkt_reports.words import ScopeMeaning


@dataclass(frozen=True)
class Variant:
    """A table with one kind of interval; the reader switches between them."""

    interval: str
    meaning: str
    caution: str
    table: Table


@dataclass(frozen=True)
class Page:
    """Everything the page says."""

    title: str
    subtitle: str
    synthetic: tuple[str, ...]
    standing: str
    answers: tuple[Sentence, ...]
    unanswered: tuple[str, ...]
    notes: tuple[str, ...]
    scopes: tuple[tuple[ScopeMeaning, bool], ...]
    results: tuple[tuple[Variant, ...], ...]
    no_results: tuple[str, ...]
    figures: Figures
    labels: Table | None
    label_differences: Table | None
    comparisons: Table | None
    companions: Table | None
    absences: tuple[Absence, ...]
    how_made: tuple[tuple[str, str], ...]
    thresholds: Table | None
    methods: str
    datasets: Table
    teachers: Table | None
    result: EvaluationResult


def make_page(lookup: Lookup, figures: Figures) -> Page:
    """Gather what the page says."""
    result = lookup.result
    used = {row.scope for row in lookup.comparisons} | {name.partition(":")[0] for name in lookup.intervals()}
    made = {name: _variants(lookup, name) for name in ("IV", "V")}
    absent = {"IV": "multi-label", "V": "multi-class"}
    first = next(iter(lookup.intervals()), "")
    return Page(
        title=result.settings.study or "Comparison of knowledge transfer methods",
        subtitle=_subtitle(lookup),
        synthetic=tuple(words.dataset(dataset.dataset) for dataset in result.datasets if dataset.synthetic),
        standing=sentences.standing(lookup),
        answers=tuple(sentences.answers(lookup)),
        unanswered=tuple(sentences.unanswered(lookup)),
        notes=tuple(result.settings.notes),
        scopes=tuple((meaning, meaning.scope in used) for meaning in words.SCOPES),
        results=tuple(variants for variants in made.values() if variants),
        no_results=tuple(
            f"Table {name} needs arms on a {absent[name]} data set; these results have none."
            for name, variants in made.items()
            if not variants
        ),
        figures=figures,
        labels=labels_table(lookup, first),
        label_differences=label_differences_table(lookup),
        comparisons=comparisons_table(lookup),
        companions=companions_table(lookup),
        absences=tuple(undefined.absences(lookup)),
        how_made=tuple(methods.how_made(lookup)),
        thresholds=thresholds_table(lookup),
        methods=methods.methods_paragraph(lookup),
        datasets=datasets_table(lookup),
        teachers=teachers_table(lookup),
        result=result,
    )


def _variants(lookup: Lookup, name: str) -> tuple[Variant, ...]:
    build = {"IV": table_four, "V": table_five}[name]
    variants, level = [], lookup.result.settings.level
    for interval in lookup.intervals():
        table = build(lookup, interval)
        if table is not None:
            caution = words.caution(level) if words.is_paper_convention(interval) else ""
            variants.append(Variant(interval, words.interval(interval, level), caution, table))
    return tuple(variants)


def _subtitle(lookup: Lookup) -> str:
    parts = []
    for training_set in lookup.training_sets():
        arms = lookup.arms_of(training_set)
        test = lookup.datasets[training_set.dataset].splits.get("test")
        size = "" if training_set.size is None else f" ({numbers.count(training_set.size)} training images)"
        tested = ""
        if test is not None and test.n_images is not None:
            patients = "" if test.n_patients is None else f" of {numbers.count(test.n_patients)} patients"
            tested = f", tested on {numbers.count(test.n_images)} images{patients}"
        runs = sum(len(arm.seeds) for arm in arms)
        parts.append(f"{len(arms)} arms, {runs} runs on {words.dataset(training_set.dataset)}{size}{tested}")
    return "; ".join(parts)


def datasets_table(lookup: Lookup) -> Table:
    """Every split of every data set: images, patients, and how the images were made and labelled."""
    rows = []
    for dataset in lookup.result.datasets:
        shared = dataset.patients_in_two_splits
        about = [
            "synthetic" if dataset.synthetic else "", dataset.source, dataset.labelling, dataset.views,
            f"training sample {dataset.training_sample}",
            "patients in two splits: " + ("not recorded" if shared is None else numbers.count(shared)),
        ]  # fmt: skip
        group = f"{words.dataset(dataset.dataset)}: {'; '.join(part for part in about if part)}"
        for name, split in dataset.splits.items():
            known = [n for n in split.n_positive.values() if n]
            fewest = f"{numbers.count(min(known))} to {numbers.count(max(known))}" if known else "not recorded"
            cells = (
                count_cell(split.n_images), count_cell(split.n_patients), text_cell(fewest),
                text_cell(split.sha256[:12] if split.sha256 else "not recorded"),
            )  # fmt: skip
            rows.append(Row(text_cell(name), cells, group=group, synthetic=lookup.synthetic(dataset.dataset)))
    heads = ("Split", "Images", "Patients", "Positive images, rarest to commonest label", "SHA-256 of image ids")
    return marked(Table("datasets", "Data sets", "Data sets, as the runs recorded them.",
                        (tuple(Span(text) for text in heads),), tuple(rows)))  # fmt: skip


def teachers_table(lookup: Lookup) -> Table | None:
    """Results of the teachers trained here: reported, not compared; None where there are none."""
    teachers = [arm for arm in lookup.result.arms if arm.role == "teacher"]
    if not teachers:
        return None
    rows = [row for arm in teachers for row in _teacher_rows(lookup, arm)]
    heads = ("Teacher", "Trained on", "Network", "Seeds", "Metric", "Mean over seeds, %")
    table = Table(
        "teachers", "Teachers", "The teachers' own results. They are reported, not compared.",
        (tuple(Span(text) for text in heads),), tuple(rows),
        notes=("A teacher held fixed in every comparison: another training of it might transfer otherwise.",),
    )  # fmt: skip
    return marked(table)


def _teacher_rows(lookup: Lookup, arm: Arm) -> list[Row]:
    size = "" if arm.train_size is None else f" ({numbers.count(arm.train_size)})"
    about = (f"{words.dataset(arm.dataset)}{size}", words.network(arm.student), str(len(arm.seeds)))
    name, synthetic = lookup.names[arm.arm], lookup.synthetic(arm.dataset)
    rows = []
    for metric in dict.fromkeys(run.metric for run in lookup.result.runs if run.arm == arm.arm):
        for label in ("macro", "weighted"):
            values = [run.value for run in lookup.runs(arm.arm, metric, label)]
            known = [value for value in values if value is not None]
            mean = sum(known) / len(known) if known and len(known) == len(values) else None
            cells = [*about, words.metric(metric, label), numbers.percent(mean, 1)]
            rows.append(Row(text_cell(name), tuple(map(text_cell, cells)), synthetic=synthetic))
    nothing = tuple(map(text_cell, (*about, "none", numbers.ABSENT)))
    return rows or [Row(text_cell(name), nothing, synthetic=synthetic)]
