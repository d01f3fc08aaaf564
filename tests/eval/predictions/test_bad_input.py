"""Poor or wrong input, in a complete evaluation with every option.

Nothing may crash. Either an `InputError` names the fault, or the result is valid: every undefined number is null with a
reason, p-values are in [0, 1], intervals contain their value, and results.json can be read back.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.results.vocabulary import METRICS, MORE_METRICS, ROOTS
from medkt_eval.study import requests

LABELS = ("A", "B")
CLASSES = ("u", "v", "w")
EVERYTHING = (
    *MORE_METRICS,
    *requests.MORE_AVERAGES,
    *requests.MORE_INTERVALS,
    "permutation",
    "mcnemar",
    "max-t",
    *requests.MORE,
)
OF_SEEDS = requests.TESTS_FOR_SEEDS


def multilabel(seed, *, n=36, patients=18, skill=1.0):
    """Findings A and B of `n` images. Targets are the same for every seed, and A has a missing target."""
    truth = (np.random.default_rng(99).random((n, 2)) < 0.45).astype(float)
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-(skill * (truth - 0.5) + rng.normal(size=truth.shape))))
    if n > 5:
        truth[5, 0] = np.nan
    return pd.DataFrame(
        _ids(n, patients)
        | {f"target_{a}": truth[:, k] for k, a in enumerate(LABELS)}
        | {f"score_{a}": scores[:, k] for k, a in enumerate(LABELS)}
    )


def multiclass(seed, *, n=36, patients=18, skill=1.0):
    """Classes u, v, w."""
    truth = np.random.default_rng(98).permutation(np.arange(n) % 3)
    logits = skill * np.eye(3)[truth] + np.random.default_rng(seed).normal(size=(n, 3))
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return pd.DataFrame(
        _ids(n, patients)
        | {"target": np.array(CLASSES, dtype=object)[truth]}
        | {f"score_{c}": scores[:, k] for k, c in enumerate(CLASSES)}
    )


def _ids(n, patients):
    numbers = np.arange(n)
    return {
        "image_id": [f"i{k:02d}" for k in numbers],
        "patient_id": [f"p{k % patients:02d}" for k in numbers],
        "group_sex": np.where(numbers % patients % 2, "F", "M"),
        "group_view": np.where(numbers < n // 2, "PA", "AP"),  # a patient has both
    }


def arms(make, *, change=lambda frame, arm, seed: frame, seeds=3, **fields):
    return {
        arm: [change(make(10 * skill + seed, skill=skill, **fields), arm, seed) for seed in range(seeds)]
        for arm, skill in (("TL", 1), ("AT", 2))
    }


def bare(frame):
    """Without groups, which saves five sixths of the rows."""
    return frame.drop(columns=["group_sex", "group_view"])


def lowered(frame):
    """Scores a little lower: validation predictions are not those of the test images."""
    return {name: frame[name] * (1 - 2**-20) for name in frame if name.startswith("score_")}


def with_validation(tables):
    return {
        arm: [
            frame.assign(image_id="v" + frame["image_id"], patient_id="v" + frame["patient_id"], **lowered(frame))
            for frame in frames
        ]
        for arm, frames in tables.items()
    }


def scores_of(frame):
    return [name for name in frame.columns if name.startswith("score_")]


def equal_scores(frame):
    names = scores_of(frame)
    return frame.assign(**dict.fromkeys(names, 1 / len(names)))


def of_one_run(change):
    return lambda frame, arm, seed: change(frame) if (arm, seed) == ("AT", 1) else frame


def perfect(frame):
    if "target" not in frame:
        return frame.assign(**{f"score_{a}": np.where(frame[f"target_{a}"] == 1, 0.8, 0.1) for a in LABELS})
    return frame.assign(**{f"score_{c}": np.where(frame["target"] == c, 0.8, 0.1) for c in CLASSES})


def certain(frame):
    """Only scores of 0 and 1."""
    names = scores_of(frame)
    best = frame[names].to_numpy().argmax(axis=1)
    return frame.assign(**{name: (best == k) * 1.0 for k, name in enumerate(names)})


def one_positive(frame):
    if "target" not in frame:
        return frame.assign(target_A=[1.0] + [0.0] * (len(frame) - 1))
    return frame.assign(target=["u", *(["v", "w"] * len(frame))[: len(frame) - 1]])


def one_class(frame):
    return frame.assign(target="u") if "target" in frame else frame.assign(target_A=0.0, target_B=1.0)


def same_for_all(change):
    return lambda frame, arm, seed: change(frame)


BOTH = pytest.mark.parametrize("make", [multilabel, multiclass])
EACH_WAY = pytest.mark.parametrize(
    ("make", "seeds"),
    [
        (multilabel, "nested"),
        (multiclass, "crossed"),
        pytest.param(multilabel, "crossed", marks=pytest.mark.slow),
        pytest.param(multiclass, "nested", marks=pytest.mark.slow),
    ],
)


@BOTH
def test_everything_of_ordinary_tables_with_groups(everything, make):
    given = arms(make, change=same_for_all(lambda frame: frame.drop(columns="group_view")))
    result = everything(given, validation=with_validation(given) if make is multilabel else None)
    assert {row.group for row in result.gaps} == {"sex=F"}
    wanted = set(METRICS) - set(ROOTS.values())
    assert {row.metric for row in result.runs} == wanted - ({"kappa_quadratic"} if make is multilabel else set())
    slopes = [row for row in result.comparisons if row.metric == "calibration_slope" and row.low is not None]
    assert slopes
    assert any(row.low < -1 or row.high > 1 for row in slopes)  # a difference of slopes has no bounds


@EACH_WAY
@pytest.mark.parametrize(
    "change",
    [
        same_for_all(equal_scores),
        of_one_run(equal_scores),
        same_for_all(perfect),
        same_for_all(certain),
        same_for_all(one_positive),
        same_for_all(one_class),
    ],
    ids=["constant-scores", "constant-scores-of-one-run", "perfect", "certain", "one-positive", "one-class"],
)
def test_poor_tables(everything, make, seeds, change):
    given = {arm: [bare(frame) for frame in frames] for arm, frames in arms(make, change=change).items()}
    result = everything(given, seeds, validation=with_validation(given) if make is multilabel else None)
    assert len(result.comparisons) > 50


@EACH_WAY
def test_runs_that_do_not_differ(everything, make, seeds):
    frames = [bare(make(seed)) for seed in range(3)]
    given = {"TL": frames, "AT": [frame.copy() for frame in frames[::-1]]}
    result = everything(given, seeds)
    of_auc = [row.difference for row in result.comparisons if row.metric == "auc" and row.difference is not None]
    assert of_auc == pytest.approx([0.0] * len(of_auc), abs=1e-12)
    alike = {arm: [frames[0].copy() for _ in range(3)] for arm in ("TL", "AT")}
    result = everything(alike, seeds)
    assert {
        row.p_value for row in result.comparisons if row.test not in ("permutation", "tost", "non-inferiority")
    } == {None}


@BOTH
@pytest.mark.parametrize(
    ("n", "patients"),
    [(2, 2), (3, 2), pytest.param(4, 2, marks=pytest.mark.slow), pytest.param(6, 3, marks=pytest.mark.slow)],
)
def test_few_images(everything, make, n, patients):
    given = {arm: [bare(frame) for frame in frames] for arm, frames in arms(make, n=n, patients=patients).items()}
    result = everything(given, validation=with_validation(given) if make is multilabel else None)
    assert {row.n_images for row in result.runs} <= set(range(n * 3 + 1))


@BOTH
def test_one_seed_and_no_replicates(everything, every_option, make):
    given = {arm: [bare(frame) for frame in frames] for arm, frames in arms(make, seeds=1).items()}
    result = everything(given, add=every_option, replicates=0)
    assert {row.p_value for row in result.comparisons if row.test == "obuchowski-rockette"} == {None}


@pytest.mark.parametrize("which", ["no image", "one image", "one patient"])
def test_a_label_that_is_hardly_labelled(everything, which):
    def change(frame, arm, seed):
        kept = {"no image": 0, "one image": frame.index == 0, "one patient": frame["patient_id"] == "p00"}[which]
        return bare(frame).assign(target_A=np.where(kept, np.arange(len(frame)) % 4 < 2, np.nan).astype(float))

    result = everything(arms(multilabel, change=change))
    of_a = [row for row in result.estimates if (row.metric, row.label) == ("auc", "A")]
    assert {row.low for row in of_a if not row.interval.startswith("seeds:")} == {None}


@pytest.mark.parametrize("runs", ["all", "one"])
def test_scores_that_are_no_probabilities(everything, runs):
    def to_logits(frame):
        return frame.assign(**{name: 6 * frame[name] - 3 for name in scores_of(frame)})

    change = same_for_all(to_logits) if runs == "all" else of_one_run(to_logits)
    given = {arm: [bare(frame) for frame in frames] for arm, frames in arms(multilabel, change=change).items()}
    result = everything(given)
    logits = ("tl-s0", "at-s1") if runs == "all" else ("at-s1",)
    for row in result.runs:
        if row.run_id in logits and row.label in LABELS:
            if row.metric in ("brier", "ece"):
                assert row.value is None
                assert row.undefined_because == f"a score of {row.label} lies outside [0, 1]: not a probability"
            if row.metric in ("calibration_slope", "calibration_intercept"):
                assert "is not strictly between 0 and 1" in row.undefined_because
            if row.metric in ("auc", "average_precision"):
                assert row.value is not None
    ordinary = everything({arm: [bare(frame) for frame in frames] for arm, frames in arms(multilabel).items()}, add=())
    auc = [[row.value for row in found.runs if row.metric == "auc"] for found in (result, ordinary)]
    assert len(auc[0]) >= len(auc[1]) > 0
    assert set(np.round(auc[1], 12)) <= set(np.round(auc[0], 12))  # a logit of each label ranks as it did


def edited(make, **columns):
    """Ordinary arms, except one column of the second seed of AT."""
    return arms(make, change=of_one_run(lambda frame: frame.assign(**{n: f(frame) for n, f in columns.items()})))


def at(row, value):
    """A column with another value in one row."""
    return lambda name: lambda frame: [value if k == row else old for k, old in enumerate(frame[name])]


@pytest.mark.parametrize(
    ("make", "column", "change", "told"),
    [
        (
            multilabel,
            "score_A",
            at(3, np.nan),
            r"arm 'AT', test table 1: image 'i03': score_A is nan; expected a finite",
        ),
        (multilabel, "score_B", at(3, -np.inf), r"image 'i03': score_B is -inf; expected a finite number"),
        (multilabel, "score_A", at(3, "high"), r"image 'i03': score_A is 'high'; expected a number"),
        (multilabel, "target_A", at(3, 2), r"image 'i03': target_A is 2; expected 0, 1 or empty"),
        (multilabel, "target_B", at(4, np.nan), r"runs tl-s0 and at-s1 disagree on the target of B of image 'i04'"),
        (multilabel, "image_id", at(3, "i04"), r"image_id 'i04' is in several rows"),
        (
            multilabel,
            "image_id",
            at(3, "other"),
            r"different test images: 1 of tl-s0 are not in at-s1 \(first: 'i03'\)",
        ),
        (multilabel, "patient_id", at(3, None), r"image 'i03': no patient_id; expected one on every row"),
        (multilabel, "patient_id", at(3, "p00"), r"runs tl-s0 and at-s1 give image 'i03' different patients"),
        (multilabel, "group_sex", at(3, "X"), r"disagree on group_sex of image 'i03': 'F' and 'X'"),
        (multiclass, "target", at(3, "x"), r"image 'i03': target is 'x'; expected one of 'u', 'v', 'w'"),
        (multiclass, "target", at(3, None), r"image 'i03': target is ''; expected one of 'u', 'v', 'w'"),
        (multiclass, "score_u", at(3, 1.5), r"image 'i03': score_u is 1.5; expected a probability, from 0 to 1"),
        (multiclass, "score_v", at(3, np.nan), r"image 'i03': score_v is nan; expected a finite number"),
    ],
)
def test_wrong_tables_are_refused_by_name(everything, make, column, change, told):
    with pytest.raises(InputError, match=told):
        everything(edited(make, **{column: change(column)}))


@BOTH
def test_one_patient_alone(everything, make):
    with pytest.raises(InputError, match="all test images are of one patient"):
        everything(arms(make, patients=1))
    with pytest.raises(InputError, match="all test images are of one patient"):
        everything(arms(make, n=1, patients=1))


def test_a_class_that_no_image_has(everything):
    given = arms(multiclass, change=same_for_all(lambda frame: bare(frame).replace({"target": {"w": "v"}})))
    result = everything(given)
    (row,) = [row for row in result.runs if (row.run_id, row.metric, row.label) == ("tl-s0", "auc", "w")]
    assert (row.value, row.undefined_because) == (None, "no positive image among 36")
    macro = [row for row in result.estimates if (row.metric, row.label) == ("auc", "macro")]
    assert all("no auc for w" in row.undefined_because for row in macro)
