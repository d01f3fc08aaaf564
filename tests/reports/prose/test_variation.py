"""What varies and what is fixed: no printed text contradicts the records, for every combination of them.

Each record allows some phrases and excludes others; `EXCLUDED` is written by hand from docs/statistics.md.
"""

from __future__ import annotations

import re
from itertools import product

import pytest

from medkt_eval.results.schema import Threshold
from medkt_reports.lookup import Lookup
from medkt_reports.prose import conditions, definitions, facts, methods, sentences, variation

PAIR = ("chest-at", "chest-tl")
N = [0, 1, 2]
# Hashes by record, of arm a and arm b.
HASHES = {
    "fixed": (["x"] * 3, ["x"] * 3),
    "fixed in each arm": (["x"] * 3, ["y"] * 3),
    "varies": (["x", "y", "z"], ["x", "y", "z"]),
    "mixed": (["x", "y", "z"], ["x"] * 3),
    "some seeds": (["x", "x", "z"], ["x", "x", "z"]),
    "unknown": ([None] * 3, ["x"] * 3),
    "none recorded": ([], []),
}
TEACHERS = {"none": (None, None), "one": ("mimic", "mimic"), "one arm": ("mimic", None), "two": ("mimic", "imagenet")}
THRESHOLDS = ("none", "chosen", "refit", "fixed=0.5", "no validation")
CLAIMS_FIXED = (
    r"this training set|another training set|same training images|the training images of each arm|"
    r"training set of each arm|one training set|fixed: [^.(]*training images"
)
CLAIMS_REDRAWN = r"redrawn with each seed|drawn as these were"
CLAIMS_MIXED = (
    r"some seeds or arms (shared their training|only)|training images (of|that) some seeds|training sets that some"
)
EXCLUDED = {
    "fixed": (CLAIMS_REDRAWN, CLAIMS_MIXED, r"not recorded whether seeds shared[^.)]*training images"),
    "fixed in each arm": (CLAIMS_REDRAWN, CLAIMS_MIXED, r"this training set", r"all runs had the same training images"),
    "varies": (CLAIMS_FIXED, CLAIMS_MIXED),
    "mixed": (CLAIMS_REDRAWN, r"this training set|another training set"),
    "unknown": (CLAIMS_FIXED, CLAIMS_REDRAWN, CLAIMS_MIXED),
}
RECORD = {"some seeds": "mixed", "none recorded": "unknown"}


def study(result, *, training="fixed", validation="fixed", teacher="none", teacher_record="fixed", thresholds="none"):
    """Two arms on one training set with these records, compared in three scopes on F1 and AUC."""
    arms = []
    for k, arm in enumerate(a for a in result.arms if a.arm in PAIR):
        name = TEACHERS[teacher][PAIR.index(arm.arm)]
        changes = {
            "teacher": name,
            "training_sha256": HASHES[training][k],
            "validation_sha256": HASHES[validation][k],
            "teacher_sha256": HASHES[teacher_record][k] if name else [],
        }
        arms.append(arm.model_copy(update=changes))
    rule = "fixed=0.5" if thresholds == "fixed=0.5" else "max_f1"
    chosen = [
        Threshold(
            run_id=run_id,
            label="Edema",
            rule=rule,
            value=None if thresholds == "no validation" else 0.5,
            undefined_because="no validation predictions" if thresholds == "no validation" else None,
        )
        for arm in arms
        for run_id in arm.run_ids
        if thresholds != "none"
    ]
    template = next(c for c in result.comparisons if (c.arm_a, c.arm_b) == PAIR and c.label == "macro")
    rows = [
        template.model_copy(update={"scope": scope, "test": test, "metric": metric})
        for metric in ("auc", "f1")
        for scope, test in (
            ("seeds+patients", "obuchowski-rockette"),
            ("seeds", "t-welch"),
            ("patients", "delong-clustered"),
        )
    ]
    estimates = [e for e in result.estimates if e.arm in PAIR and e.metric in ("auc", "f1")]
    if thresholds == "none":
        estimates = [e for e in estimates if e.metric == "auc"]
    if thresholds == "no validation":
        estimates = [e if e.metric == "auc" else e.model_copy(update={"value": None}) for e in estimates]
    settings = {"threshold_rule": rule, "thresholds": "refit" if thresholds == "refit" else "fixed"}
    return Lookup(
        result.model_copy(
            update={
                "datasets": [
                    d.model_copy(update={"training_sample": "unknown"})
                    for d in result.datasets
                    if d.dataset == "phantom-chest"
                ],
                "arms": arms,
                "comparisons": rows,
                "estimates": estimates,
                "thresholds": chosen,
                "runs": [],
                "curves": [],
                "settings": result.settings.model_copy(update=settings),
            }
        )
    )


def printed(lookup):
    """Every text that speaks of what varies: the answers, the scope table, Methods, definitions, facts."""
    texts = [f"{s.text} {s.limitation}" for s in (said(lookup, row) for row in lookup.comparisons)]
    circumstances = conditions.of_report(lookup)
    for scope in variation.SCOPES:
        meaning = variation.meaning(circumstances, scope)
        texts += [f"{meaning.question} random: {meaning.random}. fixed: {meaning.fixed}. {meaning.limitation}"]
    texts += [methods.methods_paragraph(lookup), *(text for _, text in definitions.definitions(lookup))]
    known = facts.facts(lookup)
    return [*texts, *(known[name] or "" for name in ("training_sample", "scope", "teachers", "thresholds"))]


def said(lookup, row):
    return sentences.sentence(lookup, row, sentences.Margins(lookup.result))


@pytest.mark.parametrize(("training", "validation"), list(product(HASHES, HASHES)))
def test_training_and_validation_images_are_never_contradicted(result, training, validation):
    lookup = study(result, training=training, validation=validation, thresholds="chosen")
    text = "\n".join(printed(lookup))
    for excluded in EXCLUDED[RECORD.get(training, training)]:
        assert not re.search(excluded, text), re.search(excluded, text)
    of_validation = {
        "fixed": r"validation images of its own|whether seeds shared[^.)]*validation images",
        "fixed in each arm": r"validation images of its own|whether seeds shared[^.)]*validation images",
        "varies": r"same validation images|fixed: [^.]*validation images",
        "mixed": r"same validation images|fixed: [^.]*validation images",
        "unknown": r"same validation images|validation images of its own|fixed: [^(.]*validation images",
    }[RECORD.get(validation, validation)]
    assert not re.search(of_validation, text), re.search(of_validation, text)


@pytest.mark.parametrize(("teacher", "record"), list(product(TEACHERS, HASHES)))
def test_teachers_are_never_contradicted(result, teacher, record):
    lookup = study(result, teacher=teacher, teacher_record=record)
    text = "\n".join(printed(lookup))
    arms = [arm for arm in lookup.arms.values() if arm.teacher]
    one_arm_each_seed = bool(arms) and len(arms) == 1
    found = conditions.of_report(lookup).teacher
    if teacher == "none":
        assert found == "none"
        assert not re.search(r"this teacher|another teacher|with teacher|the teacher|Each seed had a teacher", text)
        return
    expected = RECORD.get(record, record)
    if one_arm_each_seed:  # what the arm without a teacher would have does not count
        of_arm = arms[0].teacher_sha256
        known = bool(of_arm) and None not in of_arm
        n = len(set(of_arm))
        expected = "unknown" if not known else "fixed" if n == 1 else "varies" if n == 3 else "mixed"
    assert found == expected
    excluded = {
        "fixed": r"another teacher for each seed|not recorded whether seeds shared[^.)]*teacher|these teachers",
        "fixed in each arm": r"with this teacher|another teacher for each seed|whether seeds shared[^.)]*teacher",
        "varies": r"this teacher|does not cover[^.]*another teacher|teacher was one trained|fixed: [^.]*teacher",
        "mixed": r"this teacher|does not cover[^.]*another teacher|fixed: [^.]*teacher",
        "unknown": r"this teacher|these teachers|does not cover[^.]*another teacher|fixed: [^(.]*teacher",
    }[expected]
    assert not re.search(excluded, text.replace("trained models held fixed", "")), re.search(excluded, text)


@pytest.mark.parametrize(("thresholds", "training"), list(product(THRESHOLDS, HASHES)))
def test_thresholds_are_never_contradicted(result, thresholds, training):
    lookup = study(result, training=training, thresholds=thresholds)
    text = "\n".join(printed(lookup))
    excluded = {
        "none": r"[Tt]hresholds were|each run's thresholds|uncertainty of the thresholds",
        "chosen": r"chosen again|includes the uncertainty|thresholds, a given number|Thresholds were fixed",
        "refit": r"intervals ignore|a given number|Thresholds were fixed",
        "fixed=0.5": r"chosen on the validation|chosen again|uncertainty",
        "no validation": r"Thresholds were|F1 was computed|uncertainty of the thresholds|each run's thresholds",
    }[thresholds]
    assert not re.search(excluded, text), re.search(excluded, text)
    needed = {
        "chosen": "The intervals ignore their uncertainty",
        "refit": "chosen again in each bootstrap replicate",
        "fixed=0.5": "Thresholds were fixed at 0.5",
        "no validation": "No threshold could be chosen (no validation predictions)",
    }.get(thresholds, "")
    assert needed in text
    over_patients = variation.meaning(conditions.of_report(lookup), "seeds+patients")
    assert ("validation patients" in over_patients.random) == (thresholds == "refit")
    assert ("each run's thresholds" in over_patients.fixed) == (thresholds == "chosen")


@pytest.mark.parametrize("metric", ["auc", "f1"])
@pytest.mark.parametrize("thresholds", THRESHOLDS)
def test_thresholds_belong_to_metrics_that_need_them(result, thresholds, metric):
    lookup = study(result, thresholds=thresholds)
    rows = [row for row in lookup.comparisons if row.metric == metric and row.scope == "seeds+patients"]
    speaks = "threshold" in said(lookup, rows[0]).limitation
    assert speaks == (metric == "f1" and thresholds in ("chosen", "refit"))


@pytest.mark.parametrize("n_seeds", [(1, 1), (1, 3), (3, 3)])
def test_one_seed_is_not_an_average_over_seeds(result, n_seeds):
    lookup = study(result)
    arms = [
        arm.model_copy(update={"seeds": arm.seeds[:n], "training_sha256": ["x"] * n, "validation_sha256": ["x"] * n})
        for arm, n in zip(lookup.result.arms, n_seeds, strict=True)
    ]
    text = methods.methods_paragraph(Lookup(lookup.result.model_copy(update={"arms": arms})))
    assert ("Each arm has one seed" in text) == (n_seeds == (1, 1))
    assert ("expected metric over training seeds" in text) == (n_seeds != (1, 1))
    assert ("An arm with one seed is described over patients only" in text) == (n_seeds == (1, 3))


def test_runs_without_a_manifest_claim_nothing(result):
    lookup = study(result, training="none recorded", validation="none recorded")
    arms = [arm.model_copy(update={"method": "", "student": ""}) for arm in lookup.result.arms]
    lookup = Lookup(lookup.result.model_copy(update={"arms": arms}))
    meaning = variation.meaning(conditions.of_report(lookup), "seeds+patients")
    assert meaning.fixed == (
        "what the seeds share (not recorded: whether seeds shared training images, validation images, the teacher and "
        "settings and pre-trained weights)"
    )
    assert facts.facts(lookup)["teachers"] is None
    assert facts.facts(lookup)["training_sample"] is None


def test_where_seeds_and_patients_cannot_be_tested_the_patients_alone_are_said_to_answer(result):
    lookup = study(result)
    nothing = dict.fromkeys(("se", "low", "high", "p_value", "p_adjusted"))
    because = {"undefined_because": "one seed: an analysis with random seeds needs two in each arm"}
    rows = [
        row.model_copy(update={**nothing, **because}) if row.scope != "patients" else row for row in lookup.comparisons
    ]
    lookup = Lookup(lookup.result.model_copy(update={"comparisons": rows}))
    (sentence,) = sentences.answers(lookup)
    assert "the trained models of" in sentence.text
    assert "patients random, trained models fixed" in sentence.text
    assert sentence.text.endswith("Over seeds and patients it could not be tested: one seed: an analysis with random "
                                  "seeds needs two in each arm.")  # fmt: skip
    assert sentence.verdict == "superior"
    assert "without an interval" not in sentence.text
