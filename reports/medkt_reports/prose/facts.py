"""Facts of a study in short statements, for checklists and the model card.

In: the results. Out: facts by name; None for a fact that the results do not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from medkt_eval.results.schema import Arm, Dataset
from medkt_reports.language import numbers, words
from medkt_reports.language.words import group_name
from medkt_reports.lookup import Lookup
from medkt_reports.prose import conditions, margins, sentences, status, variation

NAMES = (
    "study",
    "software",
    "runs",
    "sources",
    "labelling",
    "views",
    "labels",
    "training_data",
    "validation_data",
    "test_data",
    "prevalence",
    "disjoint",
    "training_sample",
    "synthetic",
    "arms",
    "teachers",
    "seeds",
    "selection",
    "tuning",
    "seconds",
    "metrics",
    "thresholds",
    "intervals",
    "adjustment",
    "primary",
    "margin",
    "answer",
    "scope",
    "subgroups",
    "calibration",
    "net_benefit",
    "undefined",
)
_MOST_ANSWERS = 6


def facts(lookup: Lookup) -> dict[str, str | None]:
    """Every fact of `NAMES`, or None if the results do not record it."""
    result = lookup.result
    settings = result.settings
    tested = [d for d in result.datasets if any(a.dataset == d.dataset for a in _arms(lookup))]
    answers = sentences.answers(lookup)
    answered = [sentence for sentence in answers if sentence.primary] or answers
    curves = {curve.curve for curve in result.curves}
    seeds = sorted({len(arm.seeds) for arm in _arms(lookup)})
    known = {
        "study": settings.study
        and f"{settings.study}" + (f" (sha256 {settings.study_sha256})" if settings.study_sha256 else ""),
        "software": _software(lookup),
        "runs": f"{len(result.inputs)} runs, each with the SHA-256 of its predictions",
        "sources": _by_dataset(tested, lambda d: d.source),
        "labelling": _by_dataset(tested, lambda d: d.labelling),
        "views": _by_dataset(tested, lambda d: d.views),
        "labels": _by_dataset(tested, lambda d: ", ".join(d.labels)),
        "training_data": _by_dataset(tested, lambda d: _splits(d, "train")),
        "validation_data": _by_dataset(tested, lambda d: _splits(d, "validation")),
        "test_data": _by_dataset(tested, lambda d: _splits(d, "test")),
        "prevalence": _by_dataset(tested, _prevalence),
        "disjoint": _by_dataset(tested, _disjoint),
        "training_sample": _by_dataset(tested, lambda d: variation.sample_in_short(lookup, d.dataset)),
        "synthetic": _synthetic(lookup),
        "arms": "; ".join(_arm(lookup, arm) for arm in _arms(lookup)) or None,
        "teachers": _teachers(lookup),
        "seeds": f"{' or '.join(map(str, seeds))} an arm, taken as {settings.seeds}" if seeds else None,
        "selection": _selection(lookup),
        "tuning": _tuning(lookup),
        "seconds": _seconds(lookup),
        "metrics": _metrics(lookup),
        "thresholds": variation.thresholds(lookup).removeprefix("Thresholds were ").removesuffix("."),
        "intervals": "; ".join(words.interval(name, settings.level) for name in lookup.intervals()) or None,
        "adjustment": "; ".join(
            f"{family}: {words.ADJUSTMENTS.get(method, method)}"
            for family, method in status.adjusted_families(lookup).items()
        )
        or None,
        "primary": status.confirmatory_status(lookup),
        "margin": margins.in_short(lookup),
        "answer": _answer(answered),
        "scope": " ".join(sentences.limitations(answered)) or None,
        "subgroups": "; ".join(dict.fromkeys(group_name(e.group) for e in result.estimates if e.group)) or None,
        "calibration": "reliability curves with bands" if "reliability" in curves else None,
        "net_benefit": "net-benefit curves with bands" if "net-benefit" in curves else None,
        "undefined": _undefined(lookup),
    }
    return {name: known[name] or None for name in NAMES}


def _arms(lookup: Lookup) -> list[Arm]:
    return [arm for training_set in lookup.training_sets() for arm in lookup.arms_of(training_set)]


def _by_dataset(datasets: Sequence[Dataset], fact_of: Callable[[Dataset], str]) -> str | None:
    """The same fact of every data set, with its name if there are several; data sets without it are left out."""
    parts = [
        f"{words.dataset(d.dataset)}: {text}" if len(datasets) > 1 else text for d in datasets if (text := fact_of(d))
    ]
    return "; ".join(parts) or None


def _splits(dataset: Dataset, kind: str) -> str:
    parts = []
    for name, split in dataset.splits.items():
        if name.partition(" ")[0] == kind and split.n_images is not None:
            of = "" if split.n_patients is None else f" of {numbers.count(split.n_patients)} patients"
            parts.append(f"{numbers.count(split.n_images)} images{of}")
    return ", or ".join(parts)


def _prevalence(dataset: Dataset) -> str:
    """The rarest and the commonest label of the test images."""
    split = dataset.splits.get("test")
    if split is None or not split.n_positive or not split.n_images:
        return ""
    order = sorted(split.n_positive.items(), key=lambda item: (item[1], item[0]))
    (rare, few), (common, many) = order[0], order[-1]
    return f"test images from {numbers.count(few)} ({rare}) to {numbers.count(many)} ({common})"


def _disjoint(dataset: Dataset) -> str:
    n = dataset.patients_in_two_splits
    return "" if n is None else f"{numbers.count(n) if n else 'no'} patient{'s' if n > 1 else ''} in two splits"


def _synthetic(lookup: Lookup) -> str | None:
    tested = lookup.synthetic_tests()
    return f"{words.synthetic(tested)}: drawn images, not of patients" if tested else None


def _arm(lookup: Lookup, arm: Arm) -> str:
    about = [
        words.dataset(arm.dataset) + ("" if arm.train_size is None else f" {numbers.count(arm.train_size)}"),
        words.network(arm.student),
        f"teacher {words.teacher(arm.teacher)}" if arm.teacher else "",
        f"{numbers.parameters(arm.trainable_parameters)} trainable parameters"
        if arm.trainable_parameters is not None
        else "",
    ]
    return f"{lookup.names[arm.arm]} ({', '.join(filter(None, about))})"


def _teachers(lookup: Lookup) -> str | None:
    """The teachers' names; "none" only if the runs record that they had none."""
    circumstances = conditions.of_report(lookup)
    if not circumstances.teachers:
        return "none" if circumstances.teacher == "none" else None
    text = lookup.teachers_synthetic()
    return words.listed(circumstances.teachers) + (f" ({text[0].lower()}{text[1:].removesuffix('.')})" if text else "")


def _selection(lookup: Lookup) -> str | None:
    """The validation metric that the epoch was chosen by."""
    chosen = [
        selection for arm in _arms(lookup) for selection in arm.selection if selection and selection.get("metric")
    ]
    metrics = dict.fromkeys(str(selection["metric"]) for selection in chosen)
    if not metrics:
        return None
    return f"the epoch with the best validation {words.listed([words.METRICS.get(m, m) for m in metrics])}"


def _tuning(lookup: Lookup) -> str:
    tuned = [arm for arm in _arms(lookup) if arm.settings_tried > 1]
    if not tuned:
        return "no grid of settings in these results"
    return "; ".join(
        f"{lookup.names[arm.arm]}: best of {arm.settings_tried} settings on validation, "
        f"{'on the seeds compared' if arm.selected_on_these_seeds else 'retrained with fresh seeds'}"
        for arm in tuned
    )


def _seconds(lookup: Lookup) -> str | None:
    known = [s for arm in _arms(lookup) for s in arm.seconds if s is not None]
    return f"{min(known):.0f} to {max(known):.0f} seconds a run" if known else None


def _metrics(lookup: Lookup) -> str | None:
    metrics = dict.fromkeys(e.metric for e in lookup.result.estimates)
    return words.listed([words.METRICS.get(name, name.replace("_", " ")) for name in metrics]) if metrics else None


def _software(lookup: Lookup) -> str | None:
    software = lookup.result.settings.software
    if software is None:
        return None
    packages = ", ".join(f"{name} {version}" for name, version in software.packages.items())
    return f"medkt {software.medkt}, Python {software.python}, {packages}"


def _answer(answered: Sequence[sentences.Sentence]) -> str:
    """Every answer, or their number where they are too many for a cell."""
    if len(answered) <= _MOST_ANSWERS:
        return " ".join(sentence.text for sentence in answered)
    n = sum(sentence.shows_difference for sentence in answered)
    return f"{len(answered)} comparisons; a difference is shown in {n}. The report gives each under “The answer”."


def _undefined(lookup: Lookup) -> str:
    n = sum(e.value is None for e in lookup.result.estimates)
    return f"{numbers.count(n)} of {numbers.count(len(lookup.result.estimates))} values of an arm do not exist"
