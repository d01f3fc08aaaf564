"""Metrics of subgroups, against data sets cut to the group; gaps, against a jackknife by brute force."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.inference.multiplicity import adjust
from medkt_eval.inference.obuchowski_rockette import analyse
from medkt_eval.measurement import test_sets
from medkt_eval.predictions.values.group_order import groups_in_order

OR = "obuchowski-rockette"
EXACT = {"rel": 0, "abs": 1e-12}


def tables(task="multilabel", *, n=60, **groups):
    """Two arms with three seeds on `n` images, two per patient: the table of every seed, with these group columns."""
    rng = np.random.default_rng(5)
    ids = {"image_id": [f"i{k:02d}" for k in range(n)], "patient_id": [f"p{k // 2:02d}" for k in range(n)]}
    truth = rng.integers(0, 2 if task == "multilabel" else 3, (n, 2))
    made = {}
    for arm, skill in (("TL", 0.5), ("AT", 1.5)):
        made[arm] = []
        for _ in range(3):
            if task == "multilabel":
                scores = 1 / (1 + np.exp(-skill * (truth - 0.5) - rng.normal(size=(n, 2))))
                columns = {f"target_{label}": truth[:, k] for k, label in enumerate("AB")}
                columns |= {f"score_{label}": scores[:, k] for k, label in enumerate("AB")}
            else:
                logits = skill * np.eye(3)[truth[:, 0]] + rng.normal(size=(n, 3))
                shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
                columns = {"target": np.array(["u", "v", "w"])[truth[:, 0]]}
                columns |= {f"score_{label}": shares[:, k] for k, label in enumerate("uvw")}
            made[arm].append(pd.DataFrame(ids | groups | columns))
    return made


SEX = {"group_sex": np.where(np.arange(60) // 2 % 3, "F", "M")}
VIEW = {"group_view": np.where(np.arange(60) % 2, "PA", "AP")}  # every patient has both


def evaluated(given, **options):
    return evaluate(given, **({"add": ["subgroups"], "replicates": 0} | options))


def rows(found, **fields):
    return [row for row in found if all(getattr(row, name) == value for name, value in fields.items())]


def one(found, **fields):
    (row,) = rows(found, **fields)
    return row


def cut(given, kept):
    return {arm: [frame[kept(frame)].drop(columns=["group_sex"]) for frame in frames] for arm, frames in given.items()}


def lowered(frame):
    """Scores a little lower: validation predictions are not those of the test images."""
    return {name: frame[name] * (1 - 2**-20) for name in frame if name.startswith("score_")}


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_a_group_is_a_data_set_cut_to_it(task, tmp_path):
    given = tables(task, **SEX)
    validation = None
    if task == "multilabel":
        validation = {
            arm: [
                f.assign(image_id="v" + f["image_id"], patient_id="v" + f["patient_id"], **lowered(f)) for f in frames
            ]
            for arm, frames in given.items()
        }
    add = ["subgroups", "sensitivity", "accuracy", "micro"]
    whole = evaluated(given, validation=validation, add=add)
    for sex in ("F", "M"):
        alone = evaluated(cut(given, lambda f, sex=sex: f["group_sex"] == sex), validation=validation, add=add[1:])
        for row in alone.runs:
            same = {"run_id": row.run_id, "metric": row.metric, "label": row.label}
            of_group = one(whole.runs, group=f"sex={sex}", **same)
            assert of_group.value == pytest.approx(row.value, **EXACT)
            assert (of_group.n_images, of_group.n_positive) == (row.n_images, row.n_positive)
        for row in alone.estimates:
            same = {"arm": row.arm, "metric": row.metric, "label": row.label, "interval": row.interval}
            of_group = one(whole.estimates, group=f"sex={sex}", **same)
            assert of_group.value == pytest.approx(row.value, **EXACT)
            assert of_group.undefined_because == row.undefined_because
            if row.interval == "seeds+patients:or" and row.low is not None:
                numbers = [(r.value, r.se or 0, r.low, r.high, r.df) for r in (of_group, row)]  # a root has no se
                assert numbers[0] == pytest.approx(numbers[1], rel=1e-6)
        for row in rows(alone.comparisons, kind="declared"):
            same = {"test": row.test, "metric": row.metric, "label": row.label, "scope": row.scope}
            of_group = one(whole.comparisons, group=f"sex={sex}", **same)
            assert of_group.difference == pytest.approx(row.difference, **EXACT)
            if row.test == OR and row.p_value is not None:
                assert (of_group.p_value, of_group.df) == pytest.approx((row.p_value, row.df), rel=1e-6)
    assert {row.group for row in whole.runs} == {None, "sex=F", "sex=M"}
    assert whole.runs[0].group is None  # all images first


def values_of(frames, kept, label="A"):
    return np.array([roc_auc_score(f[f"target_{label}"][kept], f[f"score_{label}"][kept]) for f in frames])


def brute_force(given, group):
    """AUC gaps of all runs (AT first) on label A, and their covariance by leaving each patient out."""
    frames = [*given["AT"], *given["TL"]]
    patient = frames[0]["patient_id"].to_numpy()

    def gap(kept):
        return values_of(frames, kept & group) - values_of(frames, kept & ~group)

    everyone = np.ones(len(patient), dtype=bool)
    without = np.array([gap(patient != one) for one in np.unique(patient)]).T
    n = without.shape[1]
    return gap(everyone), (n - 1) / n * np.cov(without, ddof=0) * n


@pytest.mark.parametrize("seeds", ["nested", "crossed"])
@pytest.mark.parametrize(("column", "group"), [(SEX, "sex=F"), (VIEW, "view=AP")])
def test_gaps_against_brute_force(tmp_path, column, group, seeds):
    study = tmp_path / "study.toml"
    study.write_text(f'[analysis]\nseeds = "{seeds}"')
    given = tables(**column)
    result = evaluated(given, study=study, level=0.9)
    ((_, of_images),) = column.items()
    inside = of_images == group.partition("=")[2]
    values, covariance = brute_force(given, inside)
    truth, patient = given["AT"][0]["target_A"].to_numpy(), given["AT"][0]["patient_id"].to_numpy()
    df_patients = min(
        np.unique(patient[part & (truth == kind)]).size - 1 for part in (inside, ~inside) for kind in (0, 1)
    )
    fields = {"group": group, "metric": "auc", "label": "A"}
    for arms, arm_b in ((["at", "tl"], "tl"), (["at"], None)):
        k = 3 * len(arms)
        found = analyse(
            np.split(values[:k], len(arms)),
            covariance[:k, :k],
            [1.0, -1.0][: len(arms)],
            seeds=seeds,
            df_patients=df_patients,
        )
        row = one(result.gaps, arm_a="at", arm_b=arm_b, **fields)
        assert row.difference == pytest.approx(found.value, abs=1e-12)
        assert (row.se, row.df) == pytest.approx((found.variance**0.5, found.df), rel=1e-9)
        reach = stats.t.ppf(0.95, found.df) * row.se
        assert (row.low, row.high) == pytest.approx((row.difference - reach, row.difference + reach), rel=1e-9)
        assert row.p_value == pytest.approx(2 * stats.t.sf(abs(row.difference) / row.se, found.df), rel=1e-9)
        assert (row.test, row.scope, row.level) == (OR, "seeds+patients", 0.9)
    assert one(result.gaps, arm_a="tl", arm_b=None, **fields).difference == pytest.approx(values[3:].mean(), abs=1e-12)


def test_a_gap_is_the_group_less_the_rest(tmp_path):
    given = tables(group_age=np.array(["young", "old", "", "old", "mid"])[np.arange(60) // 2 % 5])
    result = evaluated(given, add=["subgroups", "sensitivity_at_specificity"])
    assert {row.group for row in result.gaps} == {"age=young", "age=old", "age=mid"}
    age = given["TL"][0]["group_age"].to_numpy()
    for arm in ("AT", "TL"):
        others = np.isin(age, ["young", "mid"])  # not those whose age is not known
        expected = np.mean(values_of(given[arm], age == "old") - values_of(given[arm], others))
        row = one(result.gaps, group="age=old", arm_a=arm.lower(), arm_b=None, metric="auc", label="A")
        assert row.difference == pytest.approx(expected, **EXACT)
        assert row.n_images == (age == "old").sum()


def test_families_of_gaps():
    result = evaluated(tables(**SEX, **VIEW))
    for average in ("macro", "weighted"):
        for kind, size in (("gaps", 2 * 2), ("differences of gaps", 2)):  # columns of two groups, arms
            members = rows(result.gaps, family=f"predictions/auc {average}/{kind}")
            assert len(members) == size
            assert {row.adjustment for row in members} == {"holm"}
            assert {row.arm_b is None for row in members} == {kind == "gaps"}
            expected = adjust([row.p_value for row in members], "holm")
            assert [row.p_adjusted for row in members] == pytest.approx(expected, **EXACT)
    members = rows(result.gaps, family="predictions/auc by label/gaps")
    assert (len(members), {row.adjustment for row in members}) == (2 * 4, {"benjamini-hochberg"})
    expected = adjust([row.p_value for row in members], "benjamini-hochberg")
    assert [row.p_adjusted for row in members] == pytest.approx(expected, **EXACT)
    for column in ("sex", "view"):  # and of differences within each group
        members = rows(result.comparisons, family=f"predictions/all/by {column}/auc macro/declared", test=OR)
        assert len(members) == 2
        assert [m.p_adjusted for m in members] == pytest.approx(adjust([m.p_value for m in members], "holm"), **EXACT)
    without = evaluated(tables(**SEX, **VIEW), add=[])
    assert without.gaps == []
    assert [row for row in result.comparisons if row.group is None] == without.comparisons
    assert [row for row in result.estimates if row.group is None] == without.estimates


def test_a_column_with_one_value_has_no_rest():
    result = evaluated(tables(group_sex="F", group_site=[""] * 60))
    assert {row.group for row in result.gaps} == {"sex=F"}
    row = one(result.gaps, group="sex=F", metric="auc", label="A", arm_a="at", arm_b=None)
    assert row.difference is row.p_value is row.low is None
    assert row.undefined_because == "at-s0: outside sex=F: no positive image among 0"
    whole = one(result.estimates, group=None, arm="at", metric="auc", label="A", interval="seeds+patients:or")
    group = one(result.estimates, group="sex=F", arm="at", metric="auc", label="A", interval="seeds+patients:or")
    assert whole == group.model_copy(update={"group": None})


def test_a_group_that_lacks_a_class():
    given = tables(**SEX)
    for frame in (*given["TL"], *given["AT"]):
        frame.loc[frame["group_sex"] == "F", "target_A"] = 0
    result = evaluated(given)
    n = (given["TL"][0]["group_sex"] == "F").sum()
    because = f"at-s0: no positive image among {n}"
    fields = {"group": "sex=F", "metric": "auc", "label": "A"}
    assert one(result.comparisons, test=OR, **fields).undefined_because == because
    assert {row.undefined_because for row in rows(result.estimates, arm="at", **fields)} == {because}
    assert one(result.gaps, arm_a="at", arm_b="tl", **fields).undefined_because == because
    assert "no auc for A" in one(result.gaps, arm_a="at", arm_b=None, **(fields | {"label": "macro"})).undefined_because
    assert one(result.gaps, arm_a="at", arm_b=None, **(fields | {"label": "B"})).p_value is not None
    assert {row.group for row in result.gaps} == {"sex=F"}  # that of the others only differs in its sign


def test_one_seed_leaves_a_gap_without_a_test():
    given = {arm: frames[:1] for arm, frames in tables(**SEX).items()}
    row = one(evaluated(given).gaps, group="sex=F", metric="auc", label="A", arm_a="at", arm_b=None)
    sex = given["AT"][0]["group_sex"] == "F"
    assert row.difference == pytest.approx(values_of(given["AT"], sex)[0] - values_of(given["AT"], ~sex)[0], **EXACT)
    assert row.p_value is row.se is None
    assert row.undefined_because.startswith("one seed")


@pytest.mark.parametrize(
    ("values", "declared", "order"),
    [
        (["100+", "10-14", "20-99", "5-9"], (), ["5-9", "10-14", "20-99", "100+"]),
        ([f"site {k}" for k in range(1, 13)], (), [f"site {k}" for k in range(1, 13)]),
        (["10.0", "2.0", "0.5", "0.25", "-1"], (), ["-1", "0.25", "0.5", "2.0", "10.0"]),
        (["M", "F", "b", "B2", "B10"], (), ["B2", "B10", "F", "M", "b"]),
        (["low", "high", "mid", "other"], ("low", "mid", "high"), ["low", "mid", "high", "other"]),
    ],
)
def test_order_of_groups(values, declared, order):
    assert groups_in_order(np.array(values * 2, dtype=object), declared) == order


@pytest.mark.parametrize("door", ["frame", "parquet", "by column"])
def test_an_ordered_categorical_keeps_its_order(tmp_path, monkeypatch, door):
    ages = ["young", "middle", "old"]
    age = pd.Categorical([ages[k // 2 % 3] for k in range(60)], ages, ordered=True)
    frame = tables(group_age=age)["TL"][0]
    monkeypatch.setattr(test_sets, "HELD_BYTES", 0 if door == "by column" else 2**30)
    if door != "frame":
        frame.to_parquet(tmp_path / "tl_s0.parquet")
        frame = tmp_path / "tl_s0.parquet"
    found = dict.fromkeys(row.group for row in evaluated({"TL": [frame]}).runs if row.group)
    assert list(found) == ["age=young", "age=middle", "age=old"]


def test_equal_gaps_are_not_tested():
    given = tables(**SEX)
    given["AT"] = [frame.copy() for frame in given["TL"]]
    row = one(
        evaluated(given, identical_runs=True).gaps, group="sex=F", metric="brier", label="macro", arm_a="at", arm_b="tl"
    )
    assert row.difference == 0
    assert row.p_value is not None  # seeds vary, so the gap of a difference has a spread
    given = {arm: [frames[0].copy() for frames in (given["TL"],) * 3] for arm in given}
    row = one(
        evaluated(given, identical_runs=True).gaps, group="sex=F", metric="brier", label="macro", arm_a="at", arm_b="tl"
    )
    assert row.p_value is None
    assert row.undefined_because == "no variation over seeds or patients to measure"


def test_groups_must_agree_between_runs(two_arms):
    changed = two_arms / "tl-s1" / "predictions-test.parquet"
    for path in two_arms.glob("*/predictions-test.parquet"):
        frame = pd.read_parquet(path).assign(group_sex="F")
        if path == changed:
            frame.loc[7, "group_sex"] = "M"
            frame["group_site"] = "here"  # the others lack it
        frame.to_parquet(path, index=False)
        manifest = json.loads((path.parent / "run.json").read_text())
        del manifest["predictions"]["sha256"]
        (path.parent / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(
        InputError, match=r"runs \S+ and tl-s1 disagree on group_sex of image 'test-003/v1': 'F' and 'M'"
    ):
        evaluated(two_arms)
    frame = pd.read_parquet(changed).assign(group_sex="F")
    frame.to_parquet(changed, index=False)
    assert {row.group for row in evaluated(two_arms).runs} == {None, "sex=F", "site=here"}


def test_a_column_of_more_than_50_groups_is_refused(tmp_path):
    given = tables(group_date=np.array([f"2020-{k:02d}" for k in range(51)] + [""] * 9))
    with pytest.raises(
        InputError, match=r"--add 'subgroups': .* group_date has 51 groups; expected at most 50\. Put its"
    ):
        evaluate(given, replicates=0, add=["subgroups"])
    (tmp_path / "study.toml").write_text('[analysis]\nadd = ["subgroups"]')
    with pytest.raises(InputError, match=r"\[analysis\] add 'subgroups': .* group_date has 51 groups"):
        evaluate(given, replicates=0, study=tmp_path / "study.toml")
