"""A label whose seeds all have the smallest or the largest value shows no error: what inherits that, what does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.planning.sample_size import plan

LABELS = ("A", "B", "Rare")
AT_EDGE = "f1 of Rare is at an end of its range"


def tables(*, never_called: tuple[bool, ...] = (True, True, True), task: str = "multiclass") -> dict:
    """Two arms; in the seeds of `never_called` the first arm never calls the rare class, so its F1 there is 0."""
    rng = np.random.default_rng(5)
    target = rng.permutation(np.repeat(LABELS, (55, 55, 10)))
    one_hot = (target[:, None] == np.array(LABELS)).astype(float)
    arms = {}
    for arm, never in (("TL", never_called), ("AT", (False, False, False))):
        arms[arm] = []
        for none in never:
            score = one_hot + rng.gumbel(size=one_hot.shape) / 1.5
            score[:, 2] -= 20 if none else 0
            score = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
            columns = {
                "image_id": [f"i{k:03d}" for k in range(120)],
                "patient_id": [f"p{k // 2:02d}" for k in range(120)],
            }
            if task == "multiclass":
                columns["target"] = target
            else:
                columns |= {f"target_{label}": one_hot[:, k] for k, label in enumerate(LABELS)}
            arms[arm].append(pd.DataFrame(columns | {f"score_{label}": score[:, k] for k, label in enumerate(LABELS)}))
    return arms


ADD = ["micro", "accuracy", "kappa_quadratic", "patients:jackknife", "patients:bootstrap-bca", "max-t"]


@pytest.fixture(scope="module")
def result():
    return evaluate(tables(), add=ADD, replicates=200, margin=0.05)


def rows(found, **fields):
    return [row for row in found if all(getattr(row, name) == value for name, value in fields.items())]


@pytest.mark.parametrize("label", ["macro", "weighted", "Rare"])
def test_refused_on_the_label_and_on_averages_that_give_it_weight(result, label):
    of_arm = rows(result.estimates, arm="tl", metric="f1", label=label)
    for row in of_arm:
        assert row.value is not None
        assert (row.low is None) or row.interval.startswith("seeds:")
        assert row.interval.startswith("seeds:") or ("Rare" if label != "Rare" else "tl:") in row.undefined_because
    for row in rows(result.comparisons, metric="f1", label=label):
        if row.scope != "seeds":
            assert (row.p_value, row.p_adjusted, row.low, row.se) == (None, None, None, None)
            assert row.difference is not None
            assert "end of its range" in row.undefined_because
    assert not rows(result.variance_components, metric="f1", label=label)


def test_the_message_names_the_label_and_the_remedy(result):
    (row,) = rows(result.estimates, arm="tl", metric="f1", label="macro", interval="seeds+patients:or")
    assert AT_EDGE in row.undefined_because
    assert "average_labels in [analysis]" in row.undefined_because


def test_a_plan_inherits_the_refusal(result):
    with pytest.raises(InputError, match=AT_EDGE):
        plan(result, effect=0.02, power=0.8, metric="f1", label="macro")


def test_the_other_arm_and_other_metrics_keep_theirs(result):
    def limits(**fields):
        (row,) = rows(result.estimates, interval="seeds+patients:or", **fields)
        return row.low

    assert limits(arm="at", metric="f1", label="macro") is not None
    assert limits(arm="tl", metric="f1", label="A") is not None
    for metric in ("f1", "accuracy", "kappa_quadratic"):
        assert limits(arm="tl", metric=metric, label="micro") is not None
        (test,) = rows(result.comparisons, metric=metric, label="micro", test="obuchowski-rockette", kind="declared")
        assert test.p_value is not None
    assert limits(arm="tl", metric="auc", label="macro") is not None


def test_one_seed_that_calls_the_label_is_enough():
    found = evaluate(tables(never_called=(True, True, False)), replicates=0)
    (row,) = rows(found.estimates, arm="tl", metric="f1", label="macro", interval="seeds+patients:or")
    assert row.low is not None


def test_an_average_over_labels_named_beforehand(result, study):
    named = evaluate(tables(), study=study('average_labels = ["A", "B"]'), add=ADD, replicates=200)
    assert named.settings.average_labels == ["A", "B"]
    for average in ("macro", "weighted"):
        (row,) = rows(named.estimates, arm="tl", metric="f1", label=average, interval="seeds+patients:or")
        assert row.low < row.value < row.high
    (macro,) = rows(named.estimates, arm="tl", metric="f1", label="macro", interval="seeds+patients:or")
    of_labels = [
        row.value
        for label in ("A", "B")
        for row in rows(result.estimates, arm="tl", metric="f1", label=label, interval="seeds+patients:or")
    ]
    assert macro.value == pytest.approx(np.mean(of_labels), rel=1e-12)


def test_an_unknown_label_to_average_over_is_refused(study):
    with pytest.raises(InputError, match=r"\[analysis\] average_labels: 'Edema' is not a label of these runs"):
        evaluate(tables(), study=study('average_labels = ["A", "Edema"]'), replicates=0)


def test_groups_and_gaps_inherit_the_refusal():
    arms = tables()
    for frames in arms.values():
        for frame in frames:
            frame["group_sex"] = np.where(np.arange(120) // 2 % 2, "F", "M")
    found = evaluate(arms, add=["subgroups"], replicates=0)
    (row,) = rows(found.gaps, arm_a="tl", arm_b=None, metric="f1", label="macro")
    assert (row.low, row.p_value) == (None, None)
    assert "Rare" in row.undefined_because
    of_groups = [r for r in rows(found.estimates, arm="tl", metric="f1", label="macro") if r.group]
    assert of_groups
    assert all(r.low is None for r in of_groups if r.interval == "seeds+patients:or")


def in_groups(arms: dict) -> dict:
    return {
        arm: [frame.assign(group_sex=np.where(np.arange(120) // 2 % 2, "F", "M")) for frame in frames]
        for arm, frames in arms.items()
    }


@pytest.fixture(scope="module")
def balanced():
    add = ["balanced_accuracy", "subgroups", "micro", "max-t", "patients:jackknife", "patients:bootstrap-bca"]
    return evaluate(in_groups(tables()), add=add, replicates=200)


def test_balanced_accuracy_of_classes_is_a_mean_and_inherits_the_refusal(balanced):
    """It is listed under micro, and it is the mean of the classes' sensitivities."""
    of_arm = rows(balanced.estimates, arm="tl", metric="balanced_accuracy", label="micro")
    assert {row.group for row in of_arm} == {None, "sex=F", "sex=M"}
    for row in of_arm:
        if not row.interval.startswith("seeds:"):
            assert row.low is None
            assert "sensitivity of Rare is at an end of its range" in row.undefined_because
            assert "ask for the macro sensitivity" in row.undefined_because
    for row in rows(balanced.comparisons, metric="balanced_accuracy", label="micro"):
        assert row.scope == "seeds" or (row.p_value, row.low) == (None, None)
    gaps = [
        row for row in rows(balanced.gaps, metric="balanced_accuracy", label="micro") if row.arm_a == "tl" or row.arm_b
    ]
    assert len(gaps) == 2
    for row in gaps:
        assert row.p_value is None
    assert not rows(balanced.variance_components, metric="balanced_accuracy", label="micro")
    (other,) = rows(
        balanced.estimates,
        arm="at",
        metric="balanced_accuracy",
        label="micro",
        interval="seeds+patients:or",
        group=None,
    )
    assert other.low is not None


def test_the_remedy_of_balanced_accuracy_is_the_same_quantity_over_the_named_classes(study):
    named = evaluate(tables(), study=study('average_labels = ["A", "B"]'), add=["sensitivity"], replicates=0)
    (row,) = rows(named.estimates, arm="tl", metric="sensitivity", label="macro", interval="seeds+patients:or")
    assert row.low < row.value < row.high


def test_balanced_accuracy_of_a_label_inherits_the_refusal_of_its_sensitivity_and_specificity(balanced):
    """The first arm never calls the rare class: sensitivity 0 and specificity 1 with every seed."""
    for label in ("Rare", "macro", "weighted"):
        for row in rows(balanced.estimates, arm="tl", metric="balanced_accuracy", label=label, group=None):
            if not row.interval.startswith("seeds:"):
                assert row.low is None
                assert "sensitivity of Rare and specificity of Rare are each at an end" in row.undefined_because


def test_macro_ovo_offers_no_remedy_that_it_does_not_have():
    """AUC of Rare against A is 1 with every seed; `average_labels` does not change the average over pairs."""
    arms = tables()
    for frame in arms["TL"]:
        frame.loc[frame["target"] == "Rare", ["score_A", "score_B", "score_Rare"]] = [0.0, 0.0, 1.0]
    found = evaluate(arms, add=["macro_ovo"], replicates=0)
    (row,) = rows(found.estimates, arm="tl", metric="auc", label="macro_ovo", interval="seeds+patients:or")
    assert "auc of Rare against A" in row.undefined_because
    assert "average_labels" not in row.undefined_because


def test_mcnemars_test_inherits_the_refusal_and_a_permutation_does_not():
    found = evaluate(tables(), add=["mcnemar", "permutation", "sensitivity"], replicates=200)
    (row,) = rows(found.comparisons, metric="sensitivity", label="Rare", test="mcnemar")
    assert (row.p_value, row.low, row.high) == (None, None, None)
    assert row.difference is not None
    assert "end of its range" in row.undefined_because
    (kept,) = rows(found.comparisons, metric="sensitivity", label="A", test="mcnemar")
    assert kept.p_value is not None
    perfect = tables()
    for frames in perfect.values():
        for frame in frames:
            frame["score_Rare"] = (frame["target"] == "Rare").astype(float)
            frame["score_A"] = frame["score_B"] = (1 - frame["score_Rare"]) / 2
    found = evaluate(perfect, add=["permutation"], replicates=200, identical_runs=True)
    (row,) = rows(found.comparisons, metric="auc", label="Rare", test="permutation")
    assert row.p_value == 1.0  # arms with equal ranks: every exchange gives the same difference


def test_a_gap_names_the_group_whose_value_is_at_the_end():
    rng = np.random.default_rng(0)
    patient, truth = np.arange(80), np.arange(80) // 2 % 2
    runs = []
    for _ in range(2):
        score = np.where(patient % 2, 0.2 + 0.6 * truth, 0.9 * rng.random(80))  # perfect in women alone
        score += 0.01 * rng.random(80)
        names = [f"p{k:02d}" for k in patient]
        columns = {"image_id": names, "patient_id": names, "group_sex": np.where(patient % 2, "F", "M")}
        runs.append(pd.DataFrame(columns | {"target_A": truth, "score_A": score}))
    found = evaluate({"TL": runs}, replicates=0, add=["subgroups"])
    (gap,) = (row for row in found.gaps if (row.metric, row.label) == ("auc", "A"))
    assert gap.undefined_because is not None
    assert "auc of A in sex=F is at an end of its range" in gap.undefined_because
