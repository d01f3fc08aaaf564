"""What varies and what is held fixed, in words: the one source of every sentence, table and paragraph that says so.

In: `Conditions` of some arms and metrics. Out: the meaning of each scope, the clause that ends a sentence, limitations,
and the sentences of the Methods paragraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medkt_eval.results.schema import Arm
from medkt_reports.language import numbers, words
from medkt_reports.lookup import Lookup
from medkt_reports.prose.conditions import (
    Conditions,
    Record,
    of_dataset,
    of_report,
    together,
    training_images,
    with_value,
)

SCOPES = ("seeds", "patients", "seeds+patients", "images")
_SEEDS = "training seeds (whatever a seed sets: initialisation of new layers, data order, augmentation)"
_QUESTIONS = {
    "patients": "Do these trained models differ on new patients from the same source?",
    "images": "Do these trained models differ on new images, each of another patient, as was declared?",
}


@dataclass(frozen=True)
class ScopeMeaning:
    """What an interval or test of one scope covers."""

    scope: str
    question: str
    random: str
    fixed: str
    limitation: str


def meaning(conditions: Conditions, scope: str) -> ScopeMeaning:
    """The meaning of a scope under these conditions."""
    return ScopeMeaning(
        scope,
        _question(conditions, scope),
        varies(conditions, scope),
        fixed(conditions, scope),
        limits(conditions, scope),
    )


def varies(conditions: Conditions, scope: str) -> str:
    """What a scope lets vary."""
    of_patients = ["test patients"] if scope != "images" else ["test images"]
    if conditions.thresholds == "refit" and scope != "seeds":
        of_patients.append("validation patients, on whom thresholds are chosen again")
    if scope in ("patients", "images"):
        return words.listed(of_patients)
    parts = [_SEEDS]
    parts += {
        "varies": ["the training images, redrawn with each seed"],
        "mixed": ["the training images of some seeds or arms"],
        "by training set": ["the training images of some training sets"],
    }.get(conditions.training, [])
    parts += {
        "varies": ["the validation images"],
        "mixed": ["the validation images of some seeds or arms"],
        "by training set": ["the validation images of some training sets"],
    }.get(conditions.validation, [])
    parts += {
        "varies": ["the teacher, another for each seed"],
        "mixed": ["the teacher of some seeds or arms"],
        "by training set": ["the teacher of some training sets"],
    }.get(conditions.teacher, [])
    return words.listed([*parts, *(of_patients if scope == "seeds+patients" else [])])


def fixed(conditions: Conditions, scope: str) -> str:
    """What a scope holds fixed."""
    if scope in ("patients", "images"):
        thresholds = ", with their thresholds" if conditions.thresholds in ("chosen", "number") else ""
        return f"the trained models and everything they were made from{thresholds}"
    parts = ["test patients"] if scope == "seeds" else []
    parts += {"fixed": ["training images"], "fixed in each arm": ["each arm's training images"]}.get(
        conditions.training, []
    )
    refit = conditions.thresholds == "refit" and scope != "seeds"
    in_training = " in training" if refit else ""  # the thresholds are chosen again on others
    parts += {
        "fixed": [f"validation images{in_training}"],
        "fixed in each arm": [f"each arm's validation images{in_training}"],
    }.get(conditions.validation, [])
    parts += {"fixed": ["the teacher"], "fixed in each arm": ["each arm's teacher"]}.get(conditions.teacher, [])
    parts += ["any pre-trained weights", "settings"] if conditions.recorded else []
    if conditions.thresholds == "number":
        parts.append("the thresholds, a given number")
    if conditions.thresholds == "chosen" or (conditions.thresholds == "refit" and scope == "seeds"):
        parts.append("each run's thresholds")
    unknown = _not_recorded(conditions)
    text = words.listed(parts) if parts else "what the seeds share"
    return f"{text} (not recorded: whether seeds shared {words.listed(unknown)})" if unknown else text


def _not_recorded(conditions: Conditions) -> list[str]:
    records = {
        "training images": conditions.training,
        "validation images": conditions.validation,
        "the teacher": conditions.teacher,
    }
    unknown = [part for part, record in records.items() if record == "unknown"]
    return unknown if conditions.recorded else [*unknown, "settings and pre-trained weights"]


def limits(conditions: Conditions, scope: str) -> str:
    """What an interval of this scope does not cover, in sentences."""
    if scope == "images":
        text = "The interval holds only if every image is of another patient. It does not cover retraining."
    elif scope == "patients":
        text = "The interval covers these trained models. It does not cover retraining."
    elif scope == "seeds":
        text = f"The interval covers retraining {_sample_of_retraining(conditions)}. It does not cover new patients."
    else:
        others = []
        if conditions.training in ("fixed", "fixed in each arm"):
            others.append("another training set")
        if conditions.teacher in ("fixed", "fixed in each arm"):
            others.append("another teacher")
        text = f"The interval does not cover {_or([*others, 'another hospital'])}."
        text += {
            "varies": " It covers training sets drawn as these were.",
            "mixed": " Some seeds or arms shared their training images and others did not, so it covers other training "
            "sets only in part.",
            "by training set": " Whether seeds shared their training images differs between training sets.",
        }.get(conditions.training, "")
    if scope not in ("patients", "images") and (unknown := _not_recorded(conditions)):
        text += f" It is not recorded whether seeds shared {words.listed(unknown)}."
    if conditions.thresholds == "chosen":
        text += " It ignores the uncertainty of the thresholds, which were chosen on the validation images."
    if conditions.thresholds == "refit":
        text += (
            " It ignores the uncertainty of the thresholds."
            if scope == "seeds"
            else " It includes the uncertainty of the thresholds."
        )
    return text


def _or(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _sample_of_retraining(conditions: Conditions) -> str:
    return {
        "fixed": "on the same training images",
        "fixed in each arm": "on the training images of each arm",
        "varies": "on training images redrawn with each seed",
        "mixed": "on training images that some seeds or arms shared and others did not",
        "by training set": "on training images that seeds shared in some training sets and not in others",
    }.get(conditions.training, "as these seeds were trained")


def _question(conditions: Conditions, scope: str) -> str:
    if scope in _QUESTIONS:
        return _QUESTIONS[scope]
    if scope == "seeds":
        retrained = f"retrained {_sample_of_retraining(conditions)}"
        return f"If these arms were {retrained}, would the result on these test patients change?"
    recipes = {
        "fixed": "these training recipes, on this training set,",
        "fixed in each arm": "these training recipes, on the training set of each arm,",
        "varies": "these training recipes, on training sets drawn as these were,",
    }.get(conditions.training, "these training recipes")
    return f"Do {recipes} differ on average over retrainings and new patients of the same source?"


def clause(conditions: Conditions, scope: str, n_seeds: tuple[int, int], train_size: int | None) -> str:
    """What a finding is averaged over, to end a sentence.

    Parameters
    ----------
    conditions : Conditions
    scope : str
    n_seeds : (int, int)
        Seeds of both arms.
    train_size : int or None
        Training images of each arm.
    """
    if scope in ("patients", "images"):
        return f", for {scope} like those tested"
    size = "" if train_size is None else f" ({numbers.count(train_size)} images)"
    sample = {
        "fixed": f" on this training set{size}",
        "fixed in each arm": f" on the training set of each arm{size}",
        "varies": f" on training sets redrawn with each seed{size}",
        "mixed": f" on training sets that some seeds or arms shared and others did not{size}",
    }.get(conditions.training, "" if train_size is None else f" on {numbers.count(train_size)} training images")
    several = len(conditions.teachers) > 1
    teacher = {
        "fixed": " with this teacher",
        "fixed in each arm": " with these teachers" if several else " with the teacher of each arm",
        "varies": " with another teacher for each seed",
        "mixed": " with teachers that some seeds or arms shared and others did not",
    }.get(conditions.teacher, "")
    if conditions.teacher == "unknown" and conditions.teachers:
        teacher = f" with teacher{'s' if several else ''} {words.listed(conditions.teachers)}"
    seeds = (
        f"{numbers.seeds(n_seeds[0])} an arm"
        if n_seeds[0] == n_seeds[1]
        else f"{n_seeds[0]} and {numbers.seeds(n_seeds[1])}"
    )
    patients = "over patients like those tested" if scope == "seeds+patients" else "on these test patients alone"
    return f", averaged over retrainings ({seeds}){sample}{teacher}, and {patients}"


def paragraph(lookup: Lookup) -> list[str]:
    """Sentences for a Methods paragraph: what seeds shared, one sentence for each part."""
    conditions = of_report(lookup)
    return [
        _training_in_methods(lookup),
        {
            "fixed": "All runs of a training set used the same validation images.",
            "fixed in each arm": "The seeds of an arm used the same validation images.",
            "varies": "Each seed had validation images of its own.",
            "mixed": "Some seeds or arms shared their validation images and others did not.",
            "by training set": "Whether seeds shared their validation images differs between training sets.",
        }.get(conditions.validation, "It is not recorded whether seeds shared their validation images."),
        *_teacher_in_methods(conditions),
    ]


def _teacher_in_methods(conditions: Conditions) -> list[str]:
    text = {
        "fixed": "One trained teacher was held fixed.",
        "fixed in each arm": "Each arm's teacher was one trained network, held fixed.",
        "varies": "Each seed had a teacher of its own.",
        "mixed": "Some seeds or arms shared a teacher and others did not.",
        "by training set": "Whether seeds shared a teacher differs between training sets.",
        "unknown": "It is not recorded whether seeds shared a teacher.",
    }.get(conditions.teacher)
    return [text] if text else []


def _training_in_methods(lookup: Lookup) -> str:
    """Say of each training set whether its seeds shared the training images."""
    by_record: dict[Record, list[str]] = {}
    of_set = " of a training set" if len(lookup.training_sets()) > 1 else ""
    for training_set in lookup.training_sets():
        by_record.setdefault(training_images(lookup, lookup.arms_of(training_set)), []).append(training_set.text)
    parts = []
    for record, where in by_record.items():
        on = f" ({'; '.join(where)})" if len(by_record) > 1 else ""
        text = {
            "fixed": f"all runs{of_set} had the same training images",
            "fixed in each arm": "the seeds of an arm had the same training images",
            "varies": "training images were redrawn with each seed",
            "mixed": "some seeds or arms shared their training images and others did not",
        }.get(record, "it is not recorded whether seeds shared their training images")
        parts.append(f"{text}{on}")
    return f"{words.capital('; '.join(parts))}." if parts else ""


def thresholds(lookup: Lookup) -> str:
    """How thresholds were chosen, and whether the intervals know of their error; empty if no metric needs one."""
    result = lookup.result
    if not result.thresholds:
        return ""
    known, rule = with_value(result.thresholds), words.threshold_rule(result.settings.threshold_rule)
    reasons = dict.fromkeys(t.undefined_because or "no reason is given" for t in result.thresholds if t.value is None)
    n_absent = len(result.thresholds) - len(known)
    absent = f"{n_absent} of {len(result.thresholds)} could not be chosen ({'; '.join(reasons)})"
    if not known:
        return f"No threshold could be chosen ({'; '.join(reasons)}), so metrics that need one do not exist."
    how = {
        "number": f"Thresholds were {rule} for every label and applied as score ≥ threshold.",
        "refit": f"Thresholds were chosen on the validation predictions of each run and label ({rule}) and applied as "
        "score ≥ threshold. They were chosen again in each bootstrap replicate, on resampled validation patients, so "
        "intervals over patients include their uncertainty.",
    }.get(
        of_report(lookup).thresholds,
        f"Thresholds were chosen on the validation predictions of each run and label ({rule}) and applied as score ≥ "
        "threshold. The intervals ignore their uncertainty.",
    )
    return f"{how} {words.capital(absent)}." if n_absent else how


def sample_in_short(lookup: Lookup, dataset: str) -> str:
    """The training sample of a data set in a few words; empty if it is not recorded."""
    by_size: dict[int | None, list[Arm]] = {}
    for arm in lookup.result.arms:
        if arm.dataset == dataset:
            by_size.setdefault(arm.train_size, []).append(arm)
    records: list[Record] = [training_images(lookup, arms) for arms in by_size.values()]
    records = records or [of_dataset(lookup, dataset)]
    return {
        "fixed": f"the same for all runs{' of one training size' if len(by_size) > 1 else ''}",
        "fixed in each arm": "the same for the seeds of an arm",
        "varies": "redrawn with each seed",
        "mixed": "shared by some seeds or arms only",
        "by training set": "redrawn with seeds in some training sizes, not in others",
    }.get(together(records), "")


def teacher_note(conditions: Conditions) -> str:
    """What the comparisons do with the teachers that were trained here, as a note."""
    return {
        "fixed": "Every comparison holds the teacher fixed. Another training of it might transfer differently.",
        "fixed in each arm": "Every comparison holds each arm's teacher fixed. Another training of it might transfer "
        "differently.",
        "varies": "Each seed had a teacher of its own.",
        "mixed": "Some seeds or arms shared a teacher and others did not.",
        "by training set": "Whether seeds shared a teacher differs between training sets.",
    }.get(conditions.teacher, "")
