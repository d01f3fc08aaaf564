"""Sentences about gaps, tests of all arms and the course of training."""

from __future__ import annotations

import pytest

from medkt_eval.results.recorded import Dynamics
from medkt_eval.results.schema import Gap, Omnibus
from medkt_reports.lookup import Lookup
from medkt_reports.prose import exploratory

AT, TL = "chest-at", "chest-tl"
NAME = "AT <script>alert(1)</script>"


def gap(arm_b, difference, **changes):
    fields = {
        "dataset": "phantom-chest",
        "group": "sex=F",
        "arm_a": AT,
        "arm_b": arm_b,
        "metric": "auc",
        "label": "macro",
        "difference": difference,
        "se": 0.01,
        "low": -0.013,
        "high": 0.033,
        "level": 0.95,
        "test": "obuchowski-rockette",
        "scope": "seeds+patients",
        "statistic": 1.0,
        "df": 20.0,
        "p_value": 0.3,
        "p_adjusted": 0.6,
        "adjustment": "holm",
        "family": "f",
        "n_patients": 300,
        "n_images": 250,
    }
    return Gap(**{**fields, **changes})


def dynamics(measure, value, low, high, **changes):
    fields = {
        "dataset": "phantom-chest",
        "train_size": 200,
        "arm_a": AT,
        "arm_b": TL,
        "measure": measure,
        "metric": "auc",
        "label": "macro",
        "value": value,
        "values_a": [20.0, 24.0, 22.0],
        "values_b": [18.0, 19.0, 19.4],
        "se": 1.0,
        "low": low,
        "high": high,
        "level": 0.95,
        "test": "t-welch",
        "df": 3.0,
        "p_value": 0.1,
        "last_epoch": 24.0,
    }
    return Dynamics(**{**fields, **changes})


def made(result, **rows):
    return Lookup(result.model_copy(update=rows))


def test_a_gap_is_compared_between_arms_and_each_arms_own_is_given(result):
    own = [gap(None, 0.021), gap(None, 0.011, arm_a=TL)]
    lookup = made(result, gaps=[*own, gap(TL, 0.010)])
    assert exploratory.gap_sentences(lookup) == [
        f"On Phantom chest, 200 training images, macro AUC in the subgroup sex: F less that in all others is +2.1 "
        f"points with {NAME} and +1.1 with TL; the gaps are not shown to differ (+1.0 points; 95 % CI −1.3 to +3.3; "
        "seeds and patients random; Holm-adjusted p = 0.600; exploratory)."
    ]
    shown = made(result, gaps=[gap(TL, 0.020, low=0.001, high=0.039, p_adjusted=0.04)])
    assert "the gaps are shown to differ (+2.0 points; 95 % CI +0.1 to +3.9" in exploratory.gap_sentences(shown)[0]
    lost = made(result, gaps=[gap(TL, 0.020, low=0.001, high=0.039, p_adjusted=0.08)])
    assert "not shown to differ" in exploratory.gap_sentences(lost)[0]


def test_gaps_of_the_primary_contrast_alone_where_one_was_named(result):
    gaps = [gap(TL, 0.010), gap(TL, 0.010, arm_a="chest-scratch"), gap(TL, 0.010, label="Edema")]
    assert len(exploratory.gap_sentences(made(result, gaps=gaps))) == 2
    rows = [c.model_copy(update={"primary": (c.arm_a, c.arm_b) == (AT, TL)}) for c in result.comparisons]
    (sentence,) = exploratory.gap_sentences(made(result, gaps=gaps, comparisons=rows))
    assert NAME in sentence


def test_a_gap_that_does_not_exist_says_why(result):
    nothing = dict.fromkeys(("se", "low", "high", "p_value", "p_adjusted"))
    (sentence,) = exploratory.gap_sentences(made(result, gaps=[gap(TL, None, **nothing, undefined_because="too few")]))
    assert sentence.endswith(f"could not be compared between {NAME} and TL: too few.")


@pytest.mark.parametrize(("p", "shown"), [(0.03, "are shown to differ"), (0.2, "are not shown to differ")])
def test_all_arms_at_once(result, p, shown):
    row = Omnibus(
        test="box-f",
        scope="seeds+patients",
        datasets=["phantom-chest"],
        train_size=200,
        arms=["a", AT, TL],
        metric="auc",
        label="macro",
        statistic=3.71,
        df1=1.8,
        df2=5.83,
        p_value=p,
    )
    found = exploratory.omnibus_sentences(made(result, omnibus=[row, row.model_copy(update={"metric": "brier"})]))
    assert found == [
        f"On Phantom chest, 200 training images, the 3 arms taken together {shown} in macro AUC (F = 3.7 on 1.8 and "
        f"5.8 degrees of freedom, p = {p:.3f}; seeds and patients random; exploratory). Pairwise tests do not "
        "depend on it."
    ]
    absent = row.model_copy(update={"statistic": None, "undefined_because": "no arm varies"})
    assert exploratory.omnibus_sentences(made(result, omnibus=[absent]))[0].endswith("on macro AUC: no arm varies.")


def test_ranks_over_data_sets_are_a_description_where_they_are_few(result):
    row = Omnibus(
        test="friedman",
        scope="data sets",
        datasets=["chexpert", "eyepacs", "covid", "mimic-cxr", "x"],
        arms=["AT", "TL", "Scratch"],
        metric="auc",
        label="macro",
        statistic=4.0,
        df1=2.0,
        df2=None,
        p_value=0.04,
        mean_ranks=[1.4, 1.6, 3.0],
        critical_difference=1.48,
        descriptive=True,
    )
    (few,) = exploratory.omnibus_sentences(made(result, omnibus=[row]))
    assert "1 being best: AT 1.4, TL 1.6, Scratch 3.0; too few data sets to test" in few
    assert "p =" not in few
    (many,) = exploratory.omnibus_sentences(made(result, omnibus=[row.model_copy(update={"descriptive": False})]))
    assert many.endswith("Scratch 3.0; Friedman p = 0.040.")


def test_the_course_of_training_answers_delays_overfitting(result):
    rows = [
        dynamics("peak_epoch", 3.2, 1.1, 5.3),
        dynamics("loss_after_peak", -0.011, -0.024, 0.002),
        dynamics("roughness", 0.0012, -0.0021, 0.0045),
        dynamics("peak_epoch", 22.0, 20.0, 24.0, arm_b=None),
    ]
    (sentence,) = exploratory.dynamics_sentences(made(result, dynamics=rows))
    assert sentence == (
        f"On Phantom chest, 200 training images, by validation macro AUC, {NAME} reached its peak 3.2 epochs later "
        "than TL (95 % CI 1.1 to 5.3); fall after the peak −1.1 points (95 % CI −2.4 to +0.2); epoch-to-epoch "
        "roughness +0.12 points (95 % CI −0.21 to +0.45) (seeds random, validation images fixed; exploratory). "
        f"Still rising at the last epoch: 1 of 3 runs of {NAME}."
    )


def test_an_earlier_peak_and_one_that_is_not_told_apart(result):
    early = made(result, dynamics=[dynamics("peak_epoch", -3.2, -5.3, -1.1)])
    assert "3.2 epochs earlier than TL (95 % CI 1.1 to 5.3)" in exploratory.dynamics_sentences(early)[0]
    unclear = made(result, dynamics=[dynamics("peak_epoch", 1.0, -0.4, 2.4, last_epoch=30.0)])
    (text,) = exploratory.dynamics_sentences(unclear)
    assert "is not shown to reach its peak later or earlier than TL: +1.0 epochs (95 % CI −0.4 to +2.4)" in text
    assert "Still rising" not in text


def test_a_course_that_was_not_recorded_says_why(result):
    nothing = {
        "values_a": [],
        "values_b": [],
        "last_epoch": None,
        "undefined_because": "chest-at-s1 has no learning curve",
    }
    rows = [dynamics(m, None, None, None, **nothing) for m in ("peak_epoch", "loss_after_peak", "roughness")]
    (sentence,) = exploratory.dynamics_sentences(made(result, dynamics=rows))
    assert sentence.endswith(f"{NAME} and TL could not be compared: chest-at-s1 has no learning curve.")
