"""Families of comparisons: which comparisons are adjusted together, and by which method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from medkt_eval.comparisons.adjustment import adjusted
from medkt_eval.comparisons.one_contrast.comparison_rows import Compared
from medkt_eval.errors import InputError
from medkt_eval.inference.multiplicity import adjust, max_t
from medkt_eval.results.schema import Comparison
from medkt_eval.study.declaration import Analysis, Primary

OR = "obuchowski-rockette"
PRIMARY = Analysis(primary=Primary(arm_a="at", arm_b="tl"))


def row(p: float | None, **fields: Any) -> Comparison:
    known: dict[str, Any] = {
        "dataset": "nih",
        "arm_a": "at",
        "arm_b": "tl",
        "metric": "auc",
        "label": "macro",
        "difference": 0.1,
        "se": 0.04,
        "low": 0.0,
        "high": 0.2,
        "level": 0.95,
        "test": OR,
        "scope": "seeds+patients",
        "statistic": 2.5,
        "df": 7.0,
        "p_value": p,
        "p_adjusted": None,
        "adjustment": "holm",
        "family": "f",
        "n_seeds_a": 3,
        "n_seeds_b": 3,
        "n_patients": 30,
        "n_images": 90,
    }
    return Comparison(**known | fields)


@pytest.fixture
def run(make_arm):
    """A function that adjusts rows (or rows with replicates) of two arms, at and tl."""

    def adjust_all(rows, analysis=None, *, bonferroni=False):
        compared = [one if isinstance(one, Compared) else Compared(one) for one in rows]
        arms = [make_arm("at"), make_arm("tl"), make_arm("other")]
        return adjusted(compared, arms, analysis or Analysis(), bonferroni=bonferroni)

    return adjust_all


def test_each_family_test_and_scope_by_itself(run):
    rows = [
        row(0.01),
        row(0.2, test="t-welch", scope="seeds"),
        row(0.04, arm_a="other"),
        row(0.03, family="g"),
        row(None, arm_a="x"),
        row(0.03, arm_a="y"),
        row(0.5, test="t-welch", scope="seeds"),
        row(0.01, scope="patients"),
        row(0.04, family="labels", adjustment="benjamini-hochberg", label="Edema"),
        row(0.05, family="labels", adjustment="benjamini-hochberg", label="Effusion"),
    ]
    found = run(rows)
    # Holm by hand, four members: 4 x 0.01, then 3 x 0.03, then 2 x 0.04 raised to the value before it.
    expected = [0.04, 0.4, 0.09, 0.03, None, 0.09, 0.5, 0.01, 0.05, 0.05]
    assert [one.p_adjusted for one in found] == [None if p is None else pytest.approx(p, rel=1e-12) for p in expected]
    assert [one.p_value for one in found] == [one.p_value for one in rows]
    assert [one.model_copy(update={"p_adjusted": None}) for one in found] == rows  # nothing else has changed


def test_order_of_the_rows_changes_nothing(run):
    rows = [row(p, arm_a=f"a{k}") for k, p in enumerate([0.04, 0.01, 0.02, 0.5, 0.03])]
    first, second = run(rows), run(rows[::-1])
    assert first == second[::-1]


def test_the_primary_contrast_leaves_its_family_and_is_not_adjusted(run):
    welch: dict[str, Any] = {"test": "t-welch", "scope": "seeds"}
    rows = [
        row(0.04),
        row(0.03, arm_a="other"),
        row(0.02, **welch),
        row(0.02, arm_a="other", **welch),
        row(0.001, label="Edema", family="labels"),
    ]
    found = run(rows, PRIMARY)
    assert [one.primary for one in found] == [True, False, False, False, False]
    assert (found[0].family, found[0].adjustment, found[0].p_adjusted) == ("primary", None, 0.04)
    assert found[1].p_adjusted == 0.03  # the only one left in its family
    assert [one.p_adjusted for one in found[2:4]] == [0.04, 0.04]  # a companion is no primary test


ONE_SEED: dict[str, Any] = {"low": None, "high": None, "undefined_because": "one seed"}
OVER_PATIENTS: dict[str, Any] = {"test": "delong-clustered", "scope": "patients"}


def test_where_the_primary_analysis_does_not_exist_the_test_that_answers_is_not_adjusted(run):
    rows = [row(None, **ONE_SEED), row(0.036, **OVER_PATIENTS), row(0.03, arm_a="other", **OVER_PATIENTS)]
    found = run(rows, PRIMARY)
    assert [one.p_adjusted for one in found] == [None, 0.036, 0.03]
    assert [one.primary for one in found] == [True, False, False]


def test_several_primary_contrasts_count_in_the_test_that_answers(run):
    pair = [Primary(arm_a="at", arm_b="tl"), Primary(arm_a="other", arm_b="tl")]
    rows = [row(None, **ONE_SEED), row(0.01, arm_a="other"), row(0.02, **OVER_PATIENTS)]
    assert run(rows, Analysis(primary=pair))[2].p_adjusted == pytest.approx(0.04)  # Holm by hand: 2 x 0.02


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "table"},
        {"group": "sex=F"},
        {"metric": "f1"},
        {"label": "weighted"},
        {"test": "delong-clustered"},
        {"arm_a": "tl", "arm_b": "at"},
    ],
)
def test_what_only_resembles_the_primary_contrast_is_not_it(run, fields):
    assert [one.primary for one in run([row(0.04), row(0.04, **fields)], PRIMARY)] == [True, False]
    with pytest.raises(InputError, match="is 0 of the comparisons made; expected exactly one"):
        run([row(0.04, **fields)], PRIMARY)


def test_a_primary_contrast_that_stands_twice_is_refused(run):
    with pytest.raises(InputError, match="is 2 of the comparisons made; expected exactly one"):
        run([row(0.04), row(0.05, dataset="mimic")], PRIMARY)


def test_bonferroni_limits(run):
    rows = [
        row(0.01),
        row(0.2, arm_a="b", difference=0.97),
        row(None, arm_a="c", se=None, df=None),
        row(0.4, test="t-welch", scope="seeds"),
    ]
    found = run(rows, bonferroni=True)
    reach = stats.t.ppf(1 - 0.05 / 2 / 3, 7) * 0.04  # of three members one has no p-value
    assert (found[0].low_bonferroni, found[0].high_bonferroni) == pytest.approx((0.1 - reach, 0.1 + reach), rel=1e-12)
    assert (found[1].low_bonferroni, found[1].high_bonferroni) == pytest.approx((0.97 - reach, 1.0), rel=1e-12)
    assert [one.low_bonferroni for one in found[2:]] == [None, None]
    assert [one.low_bonferroni for one in run(rows)] == [None] * 4


def test_a_bonferroni_interval_excludes_0_where_the_bonferroni_p_is_small(run):
    for difference in np.linspace(0.05, 0.2, 40):
        p = float(2 * stats.t.sf(difference / 0.04, 7))
        one = run([row(p, difference=difference), row(0.9, arm_a="b"), row(0.9, arm_a="c")], bonferroni=True)[0]
        assert (one.low_bonferroni > 0) == (3 * p < 0.05)


def drawn(differences: np.ndarray, n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(0)
    return differences[:, None] + 0.05 * (rng.normal(size=n) + rng.normal(size=(len(differences), n)))


def max_t_rows(differences: np.ndarray, replicates: np.ndarray) -> list[Compared]:
    fields = {"test": "max-t", "scope": "patients", "adjustment": "max-t"}
    return [
        Compared(row(None, arm_a=f"a{k}", difference=float(d), **fields), r)
        for k, (d, r) in enumerate(zip(differences, replicates, strict=True))
    ]


def test_max_t_has_raw_and_adjusted_p_of_the_joint_replicates(run):
    differences = np.array([0.2, 0.05, 0.13])
    replicates = drawn(differences)
    found = run([*max_t_rows(differences, replicates), row(0.3)])
    assert [one.p_adjusted for one in found[:3]] == list(max_t(differences, replicates))
    for one, difference, of_one in zip(found, differences, replicates, strict=False):
        # R: (1 + sum(abs(r - d)/sd(r) >= abs(d)/sd(r))) / (1 + B)
        raw = (1 + np.sum(np.abs(of_one - difference) >= abs(difference))) / (1 + len(of_one))
        assert one.p_value == pytest.approx(raw, rel=1e-12)
        assert one.p_adjusted >= one.p_value
    assert found[3].p_adjusted == 0.3


def test_a_member_without_replicates_leaves_the_others_theirs(run):
    differences = np.array([0.2, 0.05])
    replicates = drawn(differences)
    members = max_t_rows(differences, replicates)
    nothing = Compared(row(None, arm_a="x", test="max-t", scope="patients", adjustment="max-t"))
    found = run([members[0], nothing, members[1]])
    assert (found[1].p_value, found[1].p_adjusted) == (None, None)
    assert [found[0].p_adjusted, found[2].p_adjusted] == list(max_t(differences, replicates))
    left_out = "adjusted without 1 of 3 comparisons of its family: max-T has no statistic of theirs"
    assert [one.note for one in found] == [left_out, None, left_out]


def test_a_member_whose_replicates_do_not_vary_is_null_and_not_nan(run):
    differences = np.array([0.2, 0.0])
    replicates = drawn(differences)
    replicates[1] = 0
    found = run(max_t_rows(differences, replicates))
    assert found[0].p_adjusted == max_t(differences[:1], replicates[:1])[0]
    assert (found[1].p_value, found[1].p_adjusted) == (None, None)


def test_holm_is_statsmodels_over_the_whole_family(run):
    p = list(np.random.default_rng(0).random(12))
    found = run([row(one, arm_a=f"a{k}") for k, one in enumerate(p)])
    assert [one.p_adjusted for one in found] == pytest.approx(adjust(p, "holm"), rel=1e-12)
