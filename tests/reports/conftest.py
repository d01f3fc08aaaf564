"""Results made by hand: two multi-label data sets, one of them with only undefined numbers, and a multi-class one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from medkt_eval.results.schema import (
    Arm,
    Comparison,
    Curve,
    Dataset,
    Estimate,
    EvaluationResult,
    RunValue,
    Split,
    Threshold,
)
from medkt_eval.results.settings import Input, Settings, Software

SCRIPT = "<script>alert(1)</script>"
LATEX = r"50%_{\input{x}}"
CHEST_LABELS = ["Edema", "Pleural Effusion", SCRIPT, LATEX]
GRADES = ["none", "mild", "severe"]
LABELS = {"phantom-chest": CHEST_LABELS, "phantom-fundus": GRADES, "tiny_{set}&": ["Rare"]}
AVERAGES = ("macro", "weighted")
NO_POSITIVE = "no positive image among 40"


def make_arm(arm: str, name: str, **changes: Any) -> Arm:
    fields: dict[str, Any] = {
        "arm": arm,
        "name": name,
        "dataset": "phantom-chest",
        "task": "multilabel",
        "train_size": 200,
        "method": "transfer_learning",
        "student": "densenet40",
        "teacher": None,
        "unfrozen": "all",
        **dict.fromkeys(("trainable_parameters", "total_parameters"), 1_364_142),
        "settings": {},
        "seeds": [0, 1, 2],
    }
    fields |= changes
    n, teacher = len(fields["seeds"]), fields["teacher"]
    recorded = {"training_sha256": "a", "validation_sha256": "b", "teacher_sha256": teacher and f"{teacher} weights"}
    return Arm(**{key: [value] * n for key, value in recorded.items()} | fields)


def make_comparison(arm_a: str, arm_b: str, **changes: Any) -> Comparison:
    fields: dict[str, Any] = {
        "dataset": "phantom-chest",
        "arm_a": arm_a,
        "arm_b": arm_b,
        "metric": "auc",
        "label": "macro",
        "difference": 0.037,
        "se": 0.006,
        "low": 0.021,
        "high": 0.053,
        "level": 0.95,
        "test": "t-welch",
        "scope": "seeds",
        "statistic": 6.2,
        "df": 3.9,
        "p_value": 0.012,
        "p_adjusted": 0.024,
        "adjustment": "holm",
        "family": "phantom-chest/200/auc macro/declared",
        **dict.fromkeys(("n_seeds_a", "n_seeds_b"), 3),
        "n_patients": 300,
        "n_images": 600,
    }
    return Comparison(**{**fields, **changes})


CHEST = [
    make_arm("chest-scratch", "Random start", method="supervised"),
    make_arm("chest-tl", "TL"),
    make_arm("chest-at", f"AT {SCRIPT}", method="attention_transfer", teacher="mimic", settings={"beta": 20.0}),
]
TEACHER = make_arm(
    "chest-teacher",
    "The teacher",
    role="teacher",
    method="supervised",
    student="densenet121",
    trainable_parameters=6_968_206,
    train_size=5000,
    seeds=[0],
)
fundus = partial(make_arm, dataset="phantom-fundus", task="multiclass", train_size=800)
fundus_121 = partial(fundus, student="densenet121")
fundus_at = partial(fundus, name="AT", method="attention_transfer")
FUNDUS = [
    fundus_121("fundus-tl121", "TL 121, all", trainable_parameters=6_956_931),
    fundus_121("fundus-tl121-last34", "TL 121, last 34", unfrozen="last34", trainable_parameters=2_689_539),
    fundus("fundus-tl40", "TL 40"),
    fundus_at("fundus-at-imagenet", teacher="imagenet"),
    fundus_at("fundus-at-mimic-beta1", teacher="mimic", settings={"beta": 1.0}),
    fundus_at("fundus-at-mimic-beta30", teacher="mimic", settings={"beta": 30.0}, seeds=[0]),
]
TINY = [
    make_arm("tiny-tl", "TL", dataset="tiny_{set}&", train_size=None),
    make_arm("tiny-at", "AT", dataset="tiny_{set}&", train_size=None, method="attention_transfer", teacher="mimic"),
]
PAIRS = [
    ("chest-scratch", "chest-tl"),
    ("chest-at", "chest-tl"),
    ("tiny-at", "tiny-tl"),
    ("fundus-tl121-last34", "fundus-tl121"),
    ("fundus-at-imagenet", "fundus-tl40"),
    ("fundus-at-mimic-beta1", "fundus-tl40"),
    ("fundus-at-mimic-beta30", "fundus-tl40"),
    ("fundus-at-imagenet", "fundus-at-mimic-beta1"),
]
LEVELS = {
    "chest-scratch": 0.66,
    "chest-tl": 0.731,
    "chest-at": 0.768,
    "chest-teacher": 0.84,
    "fundus-tl121": 0.846,
    "fundus-tl121-last34": 0.80,
    "fundus-tl40": 0.8495,
    "fundus-at-imagenet": 0.8504,
    "fundus-at-mimic-beta1": 0.84,
    "fundus-at-mimic-beta30": 0.838,
}


@pytest.fixture(scope="session")
def result() -> EvaluationResult:
    """Results with every case that a report must handle."""
    arms = [*CHEST, TEACHER, *FUNDUS, *TINY]
    runs = list(_runs(arms))
    comparisons = [row for pair in PAIRS for row in _compare(pair, runs, arms, "declared")]
    for group in (CHEST, FUNDUS):
        for k, a in enumerate(group):
            for b in group[k + 1 :]:
                comparisons += [r for r in _compare((a.arm, b.arm), runs, arms, "table") if r.label in AVERAGES]
    return EvaluationResult(
        created="2024-05-01T12:00:00+00:00",
        inputs=[Input(run_id=run_id, sha256=f"{k:064x}") for k, run_id in enumerate({r.run_id: 0 for r in runs})],
        settings=Settings(
            level=0.95,
            adjustment={"macro and weighted": "holm", "labels of one comparison": "benjamini-hochberg"},
            baseline={"chest": "chest-tl", "f121": "fundus-tl121", "f40": "fundus-tl40", "tiny": "tiny-tl"},
            label_latex={"Edema": r"\emph{Edema}"},
            study=f"Demo {SCRIPT}",
            study_sha256="ab" * 32,
            software=Software(medkt="0.1.0", python="3.11.2", packages={"numpy": "2.0.0"}),
            command="medkt evaluate runs/",
            notes=[f"a note on {SCRIPT}"],
        ),
        datasets=[
            _dataset("phantom-chest", "multilabel", CHEST_LABELS, 600, 300, synthetic=True),
            _dataset("phantom-fundus", "multiclass", GRADES, 400, 200),
            _dataset("tiny_{set}&", "multilabel", ["Rare"], 40, None),
        ],
        arms=arms,
        runs=runs,
        estimates=[row for arm in arms for row in _estimates(arm, runs)],
        comparisons=_adjusted(comparisons),
        thresholds=list(_thresholds(runs)),
        curves=[curve for arm in (*CHEST, TEACHER, *FUNDUS) for curve in _curves(arm)],
    )


@pytest.fixture(scope="session")
def only_arms(result) -> EvaluationResult:
    """The three arms of the multi-label set with their values, but without comparisons."""
    kept = {arm.arm for arm in CHEST}
    return result.model_copy(
        update={
            "datasets": result.datasets[:1],
            "arms": CHEST,
            **{key: [] for key in ("comparisons", "curves", "thresholds")},
            "runs": [run for run in result.runs if run.arm in kept],
            "estimates": [estimate for estimate in result.estimates if estimate.arm in kept],
        }
    )


def _dataset(name: str, task: Any, labels: list[str], images: int, patients: int | None, **changes: Any) -> Dataset:
    positive = {label: 0 if name.startswith("tiny") else 30 + 10 * k for k, label in enumerate(labels)}
    test = Split(n_images=images, n_patients=patients, sha256="cd" * 32, n_positive=positive)
    return Dataset(
        dataset=name,
        task=task,
        labels=labels,
        splits={"train 200": Split(n_images=200), "test": test},
        training_sample="fixed",
        patients_in_two_splits=0,
        source="drawn by medkt",
        **changes,
    )


def _runs(arms: Sequence[Arm]) -> Iterator[RunValue]:
    rng = np.random.default_rng(7)
    for arm in arms:
        tiny = arm.dataset.startswith("tiny")
        for metric, offset in (("auc", 0.0), ("f1", -0.07)):
            for label in (*LABELS[arm.dataset], *AVERAGES):
                spread = 0.02 if label not in AVERAGES else 0.006
                shift = float(rng.normal(0, spread))
                for seed in arm.seeds:
                    value = None if tiny else LEVELS[arm.arm] + offset + shift + float(rng.normal(0, spread / 2))
                    yield RunValue(
                        run_id=f"{arm.arm}-s{seed}",
                        dataset=arm.dataset,
                        arm=arm.arm,
                        seed=seed,
                        metric=metric,
                        label=label,
                        value=value,
                        n_images=40 if tiny else 600,
                        n_positive=None if label in AVERAGES else 30,
                        undefined_because=NO_POSITIVE if tiny else None,
                    )


def _values(runs: Sequence[RunValue], arm: str, metric: str, label: str) -> list[RunValue]:
    return [run for run in runs if (run.arm, run.metric, run.label) == (arm, metric, label)]


def _estimates(arm: Arm, runs: Sequence[RunValue]) -> Iterator[Estimate]:
    for metric, label in dict.fromkeys((run.metric, run.label) for run in runs if run.arm == arm.arm):
        found = _values(runs, arm.arm, metric, label)
        values = np.array([run.value for run in found if run.value is not None])
        for interval, quantile in (("seeds:t", stats.t.ppf(0.975, max(len(found) - 1, 1))), ("seeds:normal", 1.959964)):
            defined = len(values) > 1
            half = float(quantile * values.std(ddof=1) / np.sqrt(len(values))) if defined else None
            mean = float(values.mean()) if len(values) else None
            yield Estimate(
                dataset=arm.dataset,
                arm=arm.arm,
                metric=metric,
                label=label,
                value=mean,
                se=None,
                low=mean - half if half is not None and mean is not None else None,
                high=mean + half if half is not None and mean is not None else None,
                level=0.95,
                interval=interval,
                df=len(found) - 1 if interval == "seeds:t" and defined else None,
                n_seeds=len(found),
                n_patients=None if mean is None else 300,
                n_images=found[0].n_images,
                n_positive=found[0].n_positive,
                undefined_because=None if defined else found[0].undefined_because or "one seed: no variation",
            )


def _compare(pair: tuple[str, str], runs: Sequence[RunValue], arms: Sequence[Arm], kind: Any) -> Iterator[Comparison]:
    arm = next(arm for arm in arms if arm.arm == pair[0])
    for metric, label in dict.fromkeys((run.metric, run.label) for run in runs if run.arm == arm.arm):
        found = [_values(runs, name, metric, label) for name in pair]
        a, b = (np.array([run.value for run in side if run.value is not None]) for side in found)
        average = label in AVERAGES
        family = f"{arm.dataset}/{metric} {label}/{kind}" if average else f"{arm.dataset}/{metric}/{pair}"
        shared: dict[str, Any] = {
            "dataset": arm.dataset,
            "metric": metric,
            "label": label,
            "kind": kind,
            "family": family,
            "adjustment": "holm" if average else "benjamini-hochberg",
            "n_seeds_a": len(found[0]),
            "n_seeds_b": len(found[1]),
            "n_positive": found[0][0].n_positive,
        }
        if min(len(a), len(b)) < 2:
            nothing = dict.fromkeys(("se", "low", "high", "statistic", "df", "p_value", "p_adjusted"))
            difference = float(a.mean() - b.mean()) if len(a) and len(b) else None
            because = "one seed in an arm: a test over seeds needs two in each" if len(a) else NO_POSITIVE
            yield make_comparison(*pair, **shared, **nothing, difference=difference, undefined_because=because)
            continue
        test = stats.ttest_ind(a, b, equal_var=False)
        low, high = test.confidence_interval(0.95)
        yield make_comparison(
            *pair,
            **shared,
            difference=float(a.mean() - b.mean()),
            low=float(low),
            high=float(high),
            df=float(test.df),
            p_value=float(test.pvalue),
            p_adjusted=None,
        )


def _adjusted(rows: Sequence[Comparison]) -> list[Comparison]:
    families: dict[str, list[int]] = {}
    for k, row in enumerate(rows):
        if row.p_value is not None:
            families.setdefault(str(row.family), []).append(k)
    adjusted: dict[int, float] = {}
    for members in families.values():
        method = "holm" if rows[members[0]].adjustment == "holm" else "fdr_bh"
        p_values = multipletests([rows[k].p_value for k in members], method=method)[1]
        adjusted.update(zip(members, map(float, p_values), strict=True))
    return [row.model_copy(update={"p_adjusted": adjusted.get(k)}) for k, row in enumerate(rows)]


def _thresholds(runs: Sequence[RunValue]) -> Iterator[Threshold]:
    for run in runs:
        if run.dataset == "phantom-chest" and run.metric == "f1" and run.label in CHEST_LABELS:
            absent = run.label == LATEX and run.seed == 1
            yield Threshold(
                run_id=run.run_id,
                label=run.label,
                rule="max_f1",
                value=None if absent else 0.3125,
                undefined_because="no positive validation image" if absent else None,
            )


def _curves(arm: Arm) -> Iterator[Curve]:
    rng = np.random.default_rng(sum(map(ord, arm.arm)))
    epochs = np.arange(1, 25)
    top = LEVELS[arm.arm]
    seeds = [top - 0.22 * np.exp(-epochs / 4) + rng.normal(0, 0.006, 24) for _ in arm.seeds]
    shared: dict[str, Any] = {
        "curve": "learning",
        "dataset": arm.dataset,
        "arm": arm.arm,
        "metric": "auc",
        "label": "macro",
        "x_name": "epoch",
        "x": [float(epoch) for epoch in epochs],
    }
    for seed, y in zip(arm.seeds, seeds, strict=True):
        yield Curve(**shared, run_id=f"{arm.arm}-s{seed}", y=[float(v) for v in y], n_seeds=1)
    if len(seeds) > 1:
        mean, half = np.mean(seeds, axis=0), 4.3 * np.std(seeds, axis=0, ddof=1) / np.sqrt(len(seeds))
        yield Curve(
            **shared,
            y=[float(v) for v in mean],
            low=[float(v) for v in mean - half],
            high=[float(v) for v in mean + half],
            interval="seeds:t",
            level=0.95,
            n_seeds=len(seeds),
        )
