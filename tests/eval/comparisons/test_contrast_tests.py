"""Companion tests, margins, P(A > B), max-T and Bonferroni limits, as rows of an evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.inference import equivalence
from medkt_eval.inference.multiplicity import adjust
from medkt_eval.planning.variance_components import measure_components

OR = "obuchowski-rockette"
EXACT = {"rel": 0, "abs": 1e-12}


def lowered(frame):
    """Scores a little lower: validation predictions are not those of the test images."""
    return {name: frame[name] * (1 - 2**-20) for name in frame if name.startswith("score_")}


@pytest.fixture(scope="module")
def companions(given):
    """Everything that nested seeds can have, with validation predictions."""
    validation = {
        arm: [f.assign(image_id="v" + f["image_id"], patient_id="v" + f["patient_id"], **lowered(f)) for f in frames]
        for arm, frames in given.items()
    }
    add = [
        "mann-whitney",
        "permutation",
        "mcnemar",
        "max-t",
        "bonferroni",
        "patients:jackknife",
        "patients:bootstrap-basic",
        "patients:bootstrap-bca",
        "patients:bootstrap-studentized",
        "seeds+patients:bootstrap",
    ]
    return evaluate(given, validation=validation, add=add, replicates=200)


def rows(found, **fields):
    return [row for row in found if all(getattr(row, name) == value for name, value in fields.items())]


def one(found, **fields):
    (row,) = rows(found, **fields)
    return row


def values(result, arm, metric, label):
    return np.array([row.value for row in rows(result.runs, arm=arm, metric=metric, label=label)])


def test_one_row_a_test_each_with_its_scope(companions):
    found = {
        (row.test, row.scope)
        for row in rows(companions.comparisons, arm_a="at", arm_b="tl", kind="declared", metric="auc", label="A")
    }
    assert found == {
        (OR, "seeds+patients"),
        ("t-welch", "seeds"),
        ("mann-whitney", "seeds"),
        ("delong-clustered", "patients"),
        ("jackknife", "patients"),
        ("permutation", "patients"),
        ("max-t", "patients"),
        ("bootstrap-percentile", "patients"),
        ("bootstrap-basic", "patients"),
        ("bootstrap-bca", "patients"),
        ("bootstrap-studentized", "patients"),
        ("bootstrap-percentile", "seeds+patients"),
    }
    keys = [
        (row.arm_a, row.arm_b, row.kind, row.metric, row.label, row.test, row.scope) for row in companions.comparisons
    ]
    assert len(set(keys)) == len(keys)
    assert {row.test for row in rows(companions.comparisons, kind="table")} == {OR}
    for metric in ("accuracy", "sensitivity", "specificity"):  # McNemar brings them along
        row = one(companions.comparisons, arm_a="at", metric=metric, label="A", test="mcnemar", kind="declared")
        expected = values(companions, "at", metric, "A").mean() - values(companions, "tl", metric, "A").mean()
        assert row.difference == pytest.approx(expected, **EXACT)
    assert {row.metric for row in rows(companions.comparisons, test="mcnemar")} == {
        "accuracy",
        "sensitivity",
        "specificity",
    }
    assert {row.metric for row in rows(companions.comparisons, test="permutation")} == {"auc"}


def test_every_test_is_of_the_same_difference(companions):
    for row in rows(companions.comparisons, kind="declared"):
        expected = values(companions, row.arm_a, row.metric, row.label).mean()
        expected -= values(companions, row.arm_b, row.metric, row.label).mean()
        assert row.difference == pytest.approx(expected, **EXACT), row
        assert row.secondary == (row.metric != "auc")
        assert 0 <= row.p_value <= row.p_adjusted <= 1, row


def test_mann_whitney_is_scipys(companions):
    row = one(companions.comparisons, arm_a="at", metric="auc", label="macro", test="mann-whitney")
    a, b = (values(companions, arm, "auc", "macro") for arm in ("at", "tl"))
    expected = stats.mannwhitneyu(a, b, method="exact")
    assert (row.statistic, row.p_value) == pytest.approx((expected.statistic, expected.pvalue), **EXACT)
    assert "smallest two-sided p of 3 and 3 seeds is 0.1" in row.note


def test_p_values_are_adjusted_within_family_and_test(companions):
    for average in ("macro", "weighted"):
        for test in {row.test for row in companions.comparisons} - {"max-t"}:
            members = rows(
                companions.comparisons, family=f"predictions/all/auc {average}/declared", test=test, scope="patients"
            )
            if members:
                assert len(members) == 2
                expected = adjust([row.p_value for row in members], "holm")
                assert [row.p_adjusted for row in members] == pytest.approx(expected, **EXACT)


def test_max_t_is_no_better_than_each_test_alone(companions):
    found = rows(companions.comparisons, test="max-t")
    assert {(row.adjustment, row.scope, row.kind) for row in found} == {("max-t", "patients", "declared")}
    assert all(row.p_adjusted >= row.p_value for row in found)
    assert any(row.p_adjusted > row.p_value for row in found)
    for row in found:
        same = {name: getattr(row, name) for name in ("arm_a", "arm_b", "metric", "label", "scope")}
        bootstrap = one(companions.comparisons, test="bootstrap-percentile", **same)
        assert row.difference == pytest.approx(bootstrap.difference, **EXACT)
        assert (row.se, row.low, row.high) == (bootstrap.se, bootstrap.low, bootstrap.high)


def test_probability_a_above_b(companions):
    for label in ("A", "macro"):
        fields = {"arm_a": "at", "arm_b": "tl", "metric": "auc", "label": label, "kind": "declared"}
        a, b = (values(companions, arm, "auc", label) for arm in ("at", "tl"))
        over_seeds = one(companions.comparisons, test="t-welch", **fields).probability_a_above_b
        assert over_seeds == pytest.approx(np.mean(a[:, None] > b) + np.mean(a[:, None] == b) / 2)
        assert 0.5 < one(companions.comparisons, test=OR, **fields).probability_a_above_b <= 1
    assert {row.test for row in companions.comparisons if row.probability_a_above_b is not None} == {OR, "t-welch"}


def test_without_replicates_there_is_no_probability_over_patients(given):
    result = evaluate(given, replicates=0, add=["max-t", "permutation"])
    fields = {"arm_a": "at", "metric": "auc", "label": "A", "kind": "declared"}
    assert one(result.comparisons, test=OR, **fields).probability_a_above_b is None
    assert one(result.comparisons, test="t-welch", **fields).probability_a_above_b is not None
    for test in ("max-t", "bootstrap-percentile"):
        row = one(result.comparisons, test=test, **fields)
        assert row.p_value is row.p_adjusted is row.low is None
        assert row.undefined_because == "no bootstrap replicates were drawn"
    assert one(result.comparisons, test="permutation", **fields).p_value is not None


def test_bonferroni_limits_are_of_the_family(companions):
    members = rows(companions.comparisons, family="predictions/all/auc macro/declared", test=OR)
    assert len(members) == 2
    for row in members:
        reach = stats.t.ppf(1 - 0.05 / 2 / 2, row.df) * row.se
        expected = (max(row.difference - reach, -1), min(row.difference + reach, 1))
        assert (row.low_bonferroni, row.high_bonferroni) == pytest.approx(expected, **EXACT)
        assert row.low_bonferroni < row.low < row.high < row.high_bonferroni
    assert {row.test for row in companions.comparisons if row.low_bonferroni is not None} == {OR}


def test_a_margin_tests_the_main_metrics_averages_alone(given):
    result = evaluate(given, margin=0.3, replicates=0, level=0.9)
    found = [row for row in result.comparisons if row.margin is not None]
    assert {row.test for row in found} == {"tost", "non-inferiority"}
    assert {row.margin for row in found} == {0.3}
    assert {(row.metric, row.label) for row in found} == {("auc", "macro"), ("auc", "weighted")}
    assert len(found) == 2 * 2 * 2  # tests, averages, contrasts
    for row in found:
        same = {name: getattr(row, name) for name in ("arm_a", "arm_b", "metric", "label", "kind")}
        primary = one(result.comparisons, test=OR, **same)
        test = equivalence.tost if row.test == "tost" else equivalence.non_inferiority
        expected = test(primary.difference, primary.se, primary.df, margin=0.3, level=0.9)
        assert (row.p_value, row.low, row.high, row.se) == (expected.p_value, expected.low, expected.high, primary.se)
        assert row.level == pytest.approx(0.8)
        assert row.scope == "seeds+patients"
        d, se, df = primary.difference, primary.se, primary.df
        below, above = stats.t.cdf((d - 0.3) / se, df), stats.t.sf((d + 0.3) / se, df)
        assert row.p_value == pytest.approx(max(below, above) if row.test == "tost" else above, **EXACT)
    assert evaluate(given, replicates=0).settings.margin is None
    assert not [row for row in evaluate(given, replicates=0).comparisons if row.test in ("tost", "non-inferiority")]


def test_a_studys_margin_its_primary_label_and_the_command_lines_margin(given, study):
    declared = study('margin = 0.1\nprimary = {arm_a = "AT", arm_b = "TL", metric = "brier", label = "B"}')
    result = evaluate(given, study=declared, replicates=0)
    found = [row for row in result.comparisons if row.margin is not None]
    assert {row.margin for row in found} == {0.1}
    assert {row.test for row in found} == {"tost"}  # a lower Brier score is better: "not worse" would be turned round
    assert {(row.metric, row.label) for row in found} == {("brier", label) for label in ("macro", "weighted", "B")}
    assert {row.secondary for row in rows(result.comparisons, metric="brier")} == {False}
    assert {row.secondary for row in rows(result.comparisons, metric="auc")} == {True}
    other = evaluate(given, study=declared, margin=0.2, replicates=0)
    assert {row.margin for row in other.comparisons} == {None, 0.2}
    assert other.settings.margin == 0.2


@pytest.mark.parametrize("margin", [0, -0.1, 1, 2])
def test_margins_that_are_none(given, margin):
    with pytest.raises(InputError, match=r"--margin is .*; expected a fraction between 0 and 1"):
        evaluate(given, margin=margin)


def test_a_margin_with_one_seed_is_told(given):
    result = evaluate({arm: frames[:1] for arm, frames in given.items()}, margin=0.3, replicates=0)
    row = one(result.comparisons, arm_a="at", metric="auc", label="macro", test="tost")
    assert (row.margin, row.p_value, row.low) == (0.3, None, None)
    assert row.undefined_because.startswith("one seed")


def test_crossed_seeds(given, study):
    crossed = study('seeds = "crossed"')
    result = evaluate(given, study=crossed, add=["wilcoxon", "sign-flip"], replicates=0)
    fields = {"arm_a": "at", "metric": "auc", "label": "macro", "kind": "declared"}
    a, b = (values(result, arm, "auc", "macro") for arm in ("at", "tl"))
    wilcoxon, paired = stats.wilcoxon(a, b, method="exact"), stats.ttest_rel(a, b)
    assert one(result.comparisons, test="wilcoxon", **fields).p_value == pytest.approx(wilcoxon.pvalue, **EXACT)
    assert one(result.comparisons, test="t-paired", **fields).p_value == pytest.approx(paired.pvalue, **EXACT)
    flip = one(result.comparisons, test="sign-flip", **fields)
    signs = np.array(np.meshgrid(*[[1, -1]] * 3)).reshape(3, -1)
    flipped = np.abs((a - b) @ signs)
    assert flip.p_value == pytest.approx(np.mean(flipped >= flipped[0] - 1e-12), **EXACT)
    assert "smallest two-sided p of 3 paired seeds is 0.25" in flip.note
    assert not rows(result.comparisons, test="t-welch")
    assert (
        one(result.comparisons, test=OR, **fields).df
        != one(evaluate(given, replicates=0).comparisons, test=OR, **fields).df
    )


@pytest.mark.parametrize(
    ("add", "analysis", "told"),
    [
        (["wilcoxon"], "", r"--add 'wilcoxon': it pairs seeds, but seeds are nested .* seeds = 'crossed'"),
        (["sign-flip"], "", r"--add 'sign-flip': it pairs seeds"),
        (["mann-whitney"], 'seeds = "crossed"', r"--add 'mann-whitney': it ignores .*'?wilcoxon or sign-flip"),
        (["permutations"], "", r"--add 'permutations': no such metric, interval or test; did you mean 'permutation'\?"),
        (["bca"], "", r"--add 'bca': no such metric"),
        ([], 'add = ["subgroup"]', r"'subgroup': .* did you mean 'subgroups'\?"),
    ],
)
def test_names_that_cannot_be_added(given, study, add, analysis, told):
    with pytest.raises(InputError, match=told):
        evaluate(given, study=study(analysis), add=add)


@pytest.mark.parametrize(
    ("seeds", "test"), [("nested", "mann-whitney"), ("crossed", "wilcoxon"), ("crossed", "sign-flip")]
)
def test_a_test_over_seeds_with_one_seed_is_an_error(given, study, seeds, test):
    few = {arm: frames[:1] for arm, frames in given.items()}
    with pytest.raises(InputError, match=rf"--add '{test}': \w+ has one seed; a test over seeds needs two or more"):
        evaluate(few, study=study(f'seeds = "{seeds}"'), add=[test], replicates=0)
    one_arm = given | {"TL": given["TL"][:1]}
    with pytest.raises(InputError, match="tl has one seed" if seeds == "nested" else "crossed seeds must be the same"):
        evaluate(one_arm, study=study(f'seeds = "{seeds}"'), add=[test], replicates=0)


def test_unequal_numbers_of_seeds(given):
    result = evaluate(given | {"AT": given["AT"][:2]}, add=["permutation", "mcnemar"], replicates=0)
    row = one(result.comparisons, arm_a="at", metric="auc", label="A", test="permutation")
    assert row.p_value is None
    assert "2 and 3 seeds" in row.undefined_because
    assert one(result.comparisons, arm_a="kd", metric="auc", label="A", test="permutation").p_value is not None
    row = one(result.comparisons, arm_a="at", metric="accuracy", label="A", test="mcnemar")
    assert (row.difference, row.p_value) == (None, None)
    assert "no validation predictions" in row.undefined_because


def test_variance_components_are_those_of_the_contrast(given, companions):
    found = rows(companions.variance_components, arm_a="at", metric="auc", label="A")
    assert [row.component for row in found] == ["seeds", "runs", "seeds x patients", "patients"]
    a, b = (values(companions, arm, "auc", "A") for arm in ("at", "tl"))
    by_name = {row.component: row.value for row in found}
    assert by_name["runs"] == pytest.approx((a.var(ddof=1) + b.var(ddof=1)) / 2)
    assert by_name["seeds"] == pytest.approx(max(by_name["runs"] - by_name["seeds x patients"], 0))
    primary = one(companions.comparisons, arm_a="at", metric="auc", label="A", test=OR)
    assert 2 * by_name["runs"] / 3 + by_name["patients"] == pytest.approx(primary.se**2)
    assert {(row.n_seeds_a, row.n_seeds_b, row.n_patients) for row in found} == {(3, 3, 25)}
    assert measure_components(a, b, np.eye(6), seeds="nested", n_patients=25, df_patients=24).runs == by_name["runs"]
    alone = evaluate({arm: frames[:1] for arm, frames in given.items()}, replicates=0)
    assert alone.variance_components == []


def test_superiority_of_few_runs_only_describes_them(companions):
    with_probability = [row for row in companions.comparisons if row.probability_a_above_b is not None]
    assert with_probability
    assert all(row.probability_descriptive for row in with_probability)
    without = [row for row in companions.comparisons if row.probability_a_above_b is None]
    assert {row.probability_descriptive for row in without} == {None}
