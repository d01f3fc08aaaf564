"""The evaluation from run folders to results.json: values, contrasts and families."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.inference.multiplicity import adjust
from medkt_eval.metrics.thresholds import max_f1
from medkt_eval.study.cautions import CAUTION

LABELS = ("Edema", "Effusion", "Pneumonia")
EXACT = {"rel": 0, "abs": 1e-12}
AT = {"method": "attention_transfer"}


OR = "obuchowski-rockette"


def rows(results, **fields):
    return [row for row in results if all(getattr(row, name) == value for name, value in fields.items())]


def one(results, **fields):
    found = rows(results, **fields)
    assert len(found) == 1, (fields, len(found))
    return found[0]


def dumped(result, *, without=("created",)):
    return result.model_dump(exclude=set(without))


def edit(folder, **fields):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def by_hand(folder):
    """Macro and weighted AUC and F1, without medkt_eval's reader."""
    test, validation = (pd.read_parquet(folder / f"predictions-{split}.parquet") for split in ("test", "validation"))
    auc, f1, positive = [], [], []
    for label in LABELS:
        truth, score = test[f"target_{label}"], test[f"score_{label}"]
        kept = truth.notna().to_numpy()
        truth = truth[kept].astype(int)
        seen = validation[f"target_{label}"].notna().to_numpy()
        threshold = max_f1(
            validation[f"target_{label}"][seen].astype(int).to_numpy(),
            validation[f"score_{label}"][seen].to_numpy(dtype=float),
        )
        auc.append(roc_auc_score(truth, score[kept]))
        f1.append(f1_score(truth, score[kept] >= threshold))
        positive.append(truth.sum())
    return {
        (name, average): np.average(values, weights=weights)
        for name, values in (("auc", auc), ("f1", f1))
        for average, weights in (("macro", None), ("weighted", positive))
    }


def test_values_are_those_computed_by_hand(two_arms):
    result = evaluate(two_arms, level=0.9)
    hand = {arm: [by_hand(two_arms / f"{arm}-s{seed}") for seed in range(3)] for arm in ("tl", "at")}
    for key in (("auc", "macro"), ("auc", "weighted"), ("f1", "macro"), ("f1", "weighted")):
        fields = dict(zip(("metric", "label"), key, strict=True))
        values = {arm: np.array([run[key] for run in seeds]) for arm, seeds in hand.items()}
        for arm, expected in values.items():
            for seed in range(3):
                row = one(result.runs, run_id=f"{arm}-s{seed}", **fields)
                assert (row.arm, row.seed, row.dataset, row.n_images) == (arm, seed, "phantom-chest", 40)
                assert row.value == pytest.approx(expected[seed], **EXACT)
            estimate = one(result.estimates, arm=arm, interval="seeds:t", **fields)
            low, high = stats.t.interval(0.9, 2, expected.mean(), stats.sem(expected))
            assert (estimate.value, estimate.low, estimate.high) == pytest.approx((expected.mean(), low, high), **EXACT)
            assert (estimate.level, estimate.df, estimate.n_seeds, estimate.n_patients) == (0.9, 2, 3, 20)
            normal = one(result.estimates, arm=arm, interval="seeds:normal", **fields)
            assert normal.value == estimate.value
            assert normal.high - normal.low == pytest.approx(2 * stats.norm.ppf(0.95) * stats.sem(expected), **EXACT)
        row = one(result.comparisons, kind="declared", test="t-welch", **fields)
        welch = stats.ttest_ind(values["at"], values["tl"], equal_var=False)
        assert (row.arm_a, row.arm_b, row.test, row.scope) == ("at", "tl", "t-welch", "seeds")
        assert row.difference == pytest.approx(values["at"].mean() - values["tl"].mean(), **EXACT)
        assert (row.statistic, row.p_value, row.df) == pytest.approx((welch.statistic, welch.pvalue, welch.df), **EXACT)
        interval = welch.confidence_interval(0.9)
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high), **EXACT)
        assert (row.n_seeds_a, row.n_seeds_b, row.n_patients, row.n_images) == (3, 3, 20, 40)
        assert row.p_adjusted == row.p_value  # the only one in its family
        primary = one(result.comparisons, kind="declared", test=OR, **fields)
        assert (primary.difference, primary.scope) == (row.difference, "seeds+patients")
        assert primary.low < primary.difference < primary.high
        default = one(result.estimates, arm="at", interval="seeds+patients:or", **fields)
        assert default.low < default.value < default.high


def test_data_set_arms_and_provenance(two_arms):
    result = evaluate(two_arms, command="medkt evaluate")
    data = one(result.datasets, dataset="phantom-chest")
    assert (data.splits["test"].n_images, data.splits["test"].n_patients) == (40, 20)
    assert data.splits["train 100"].n_images == 100
    assert data.training_sample == "fixed"
    assert [(arm.arm, arm.name, arm.seeds) for arm in result.arms] == [("at", "AT", [0, 1, 2]), ("tl", "TL", [0, 1, 2])]
    assert result.settings.baseline == {"phantom-chest/100/densenet121": "tl"}
    # 20 validation patients; scores of these tables are logits; these runs record no data-hashes.parquet
    known = ("may have failed", CAUTION, "6 of 6 runs did not record it")
    notes = [note for note in result.settings.notes if not any(words in note for words in known)]
    assert (result.settings.command, notes) == ("medkt evaluate", [])
    recorded = json.loads((two_arms / "at-s0" / "run.json").read_text())["predictions"]["sha256"]
    assert one(result.inputs, run_id="at-s0").sha256 == recorded


def test_seeds_trained_on_other_images_are_told(two_arms):
    edit(two_arms / "tl-s1", data={"sha256": {"train": "other"}})
    result = evaluate(two_arms)
    assert result.datasets[0].training_sample == "mixed"
    assert len(set(one(result.arms, arm="tl").training_sha256)) == 2
    for arm in ("tl", "at"):
        for seed in range(3):
            edit(two_arms / f"{arm}-s{seed}", data={"sha256": {"train": f"draw {seed}"}})
    assert evaluate(two_arms).datasets[0].training_sample == "redrawn with each seed"
    edit(two_arms / "tl-s1", data={})
    assert evaluate(two_arms).datasets[0].training_sample == "unknown"


def test_multiclass(write_run, runs):
    for seed in range(2):
        write_run("tl", seed, task="multiclass", validation=False)
        write_run("at", seed, task="multiclass", skill=2, **AT)
    result = evaluate(runs)
    frame = pd.read_parquet(runs / "tl-s0" / "predictions-test.parquet")
    scores = frame[[f"score_{label}" for label in LABELS]].to_numpy()
    called = np.array(LABELS)[scores.argmax(axis=1)]
    expected = roc_auc_score(frame["target"], scores, multi_class="ovr", average="weighted", labels=LABELS)
    assert one(result.runs, run_id="tl-s0", metric="auc", label="weighted").value == pytest.approx(expected, **EXACT)
    expected = f1_score(frame["target"], called, average="macro")
    assert one(result.runs, run_id="tl-s0", metric="f1", label="macro").value == pytest.approx(expected, **EXACT)
    assert result.thresholds == []  # arg max needs none


def test_label_rows_and_families(write_run, two_arms):
    for seed in range(3):
        write_run("last34", seed, unfrozen="last34", skill=1)
    result = evaluate(two_arms)
    families = {row.family for row in result.comparisons}
    assert "phantom-chest/100/auc macro/declared" in families
    for name in families:
        members = rows(result.comparisons, family=name, test=OR)
        method = members[0].adjustment
        assert {member.adjustment for member in members} == {method}
        assert method == ("holm" if members[0].label in ("macro", "weighted") else "benjamini-hochberg")
        found, expected = [m.p_adjusted for m in members], adjust([m.p_value for m in members], method)
        assert [p is None for p in found] == [p is None for p in expected]
        assert [p for p in found if p] == pytest.approx([p for p in expected if p], **EXACT)
    assert len(rows(result.comparisons, family="phantom-chest/100/auc macro/declared", test=OR)) == 2
    assert len(rows(result.comparisons, family="phantom-chest/100/auc macro/table", test=OR)) == 3
    assert len(rows(result.comparisons, family="phantom-chest/100/auc by label/at - tl", test=OR)) == len(LABELS)
    assert {row.label for row in rows(result.comparisons, kind="table")} == {"macro", "weighted"}
    everything = evaluate(two_arms, comparisons="all")
    assert len(rows(everything.comparisons, kind="all", metric="auc", label="macro", test=OR)) == 3


def test_primary_is_turned_as_named_and_stands_outside_its_family(write_run, two_arms, study):
    for seed in range(3):
        write_run("last34", seed, unfrozen="last34", skill=1)
    write_run("at", 3, name="AT", skill=1.5, **AT)
    without = evaluate(two_arms)
    result = evaluate(two_arms, study=study('primary = {arm_a = "TL", arm_b = "at", metric = "auc", label = "macro"}'))
    primary = one(result.comparisons, primary=True)
    before = one(without.comparisons, arm_a="at", arm_b="tl", kind="declared", metric="auc", label="macro", test=OR)
    assert (primary.arm_a, primary.arm_b, primary.metric, primary.label) == ("tl", "at", "auc", "macro")
    assert (primary.family, primary.adjustment) == ("primary", None)
    assert primary.p_adjusted == primary.p_value == before.p_value
    assert before.p_adjusted > before.p_value
    assert (primary.difference, primary.low, primary.high) == (-before.difference, -before.high, -before.low)
    assert (primary.statistic, primary.se) == (-before.statistic, before.se)
    assert (primary.n_seeds_a, primary.n_seeds_b) == (3, 4)
    companion = one(result.comparisons, metric="auc", label="macro", kind="declared", test="t-welch", arm_b="at")
    assert (companion.arm_a, companion.primary) == ("tl", False)
    left = one(result.comparisons, family=before.family, test=OR)
    assert (left.arm_a, left.p_adjusted) == ("last34", left.p_value)
    marks = one(result.comparisons, arm_b="at", kind="table", metric="auc", label="macro", test=OR)
    assert (marks.arm_a, marks.difference) == ("tl", primary.difference)  # one direction in every table
    assert not rows(without.comparisons, primary=True)
    assert result.settings.primary == {"arm_a": "tl", "arm_b": "at", "metric": "auc", "label": "macro"}
    assert (result.settings.study, len(result.settings.study_sha256)) == ("a study", 64)


@pytest.mark.parametrize(("metric", "label"), [("sensitivity", "macro"), ("auc", "micro"), ("f1", "Edema")])
def test_a_primary_contrast_is_computed_without_being_requested_again(two_arms, study, metric, label):
    declared = study(f'primary = {{arm_a = "AT", arm_b = "TL", metric = "{metric}", label = "{label}"}}')
    primary = one(evaluate(two_arms, study=declared, replicates=0).comparisons, primary=True)
    assert (primary.metric, primary.label) == (metric, label)


@pytest.mark.parametrize(
    ("primary", "told"),
    [
        (
            '{arm_a = "AT", arm_b = "TL", label = "Efusion"}',
            "'Efusion' is not a label of these runs; .*did you mean 'Effusion'",
        ),
        ('{arm_a = "AT", arm_b = "AT"}', "primary: AT - AT names one arm twice, at"),
        ('{arm_a = "AT", arm_b = "nobody"}', "primary.arm_b is 'nobody', which is not an arm"),
        ('{arm_a = "AT"}', r"\[analysis\]: primary.arm_b is missing"),
        ('{arm_a = "AT", arm_b = "TL", test = "t"}', "unknown key 'primary.test'"),
    ],
)
def test_primary_that_is_not_compared(two_arms, study, primary, told):
    with pytest.raises(InputError, match=told):
        evaluate(two_arms, study=study(f"primary = {primary}"))


def test_primary_that_is_two_comparisons(write_run, runs, study):
    for seed in range(2):
        for size in (100, 500):
            write_run(f"tl-{size}", seed, name="TL", train_size=size)
            write_run(f"at-{size}", seed, name="AT", train_size=size, **AT)
    with pytest.raises(InputError, match="is 2 of the comparisons made; expected exactly one: name arms by their full"):
        evaluate(runs, study=study('primary = {arm_a = "AT", arm_b = "TL"}'))
    result = evaluate(runs, study=study('primary = {arm_a = "at-500", arm_b = "tl-500"}'))
    assert one(result.comparisons, primary=True).arm_a == "at-500"


def test_crossed_seeds_are_paired_and_must_be_the_same(write_run, two_arms, study):
    crossed = study('seeds = "crossed"')
    result = evaluate(two_arms, study=crossed)
    a, b = ([by_hand(two_arms / f"{arm}-s{seed}")["auc", "macro"] for seed in range(3)] for arm in ("at", "tl"))
    row = one(result.comparisons, kind="declared", metric="auc", label="macro", scope="seeds")
    paired = stats.ttest_rel(a, b)
    assert row.test == "t-paired"
    assert (row.p_value, row.statistic, row.df) == pytest.approx((paired.pvalue, paired.statistic, 2), **EXACT)
    write_run("at", 7, name="AT", **AT)
    with pytest.raises(InputError, match=r"at has seeds \[0, 1, 2, 7\] and tl has \[0, 1, 2\]; crossed seeds must be"):
        evaluate(two_arms, study=crossed)


def test_one_seed(write_run, runs):
    write_run("tl", 0)
    write_run("at", 0, **AT)
    result = evaluate(runs)
    row = one(result.comparisons, kind="declared", metric="auc", label="macro", test="t-welch")
    assert row.difference == pytest.approx(
        by_hand(runs / "at-s0")["auc", "macro"] - by_hand(runs / "tl-s0")["auc", "macro"], **EXACT
    )
    assert row.p_value is row.p_adjusted is row.low is None
    assert row.undefined_because.startswith("one seed in an arm")
    assert (
        "needs two in each arm"
        in one(result.comparisons, kind="declared", metric="auc", label="macro", test=OR).undefined_because
    )
    estimate = one(result.estimates, arm="tl", interval="seeds:t", metric="auc", label="macro")
    assert estimate.value is not None
    assert estimate.low is None
    assert estimate.undefined_because.startswith("one seed")


def test_label_without_positives_is_null_everywhere(write_run, runs):
    def empty(frame):
        return frame.assign(target_Edema=pd.array([0] * len(frame), dtype="Int8"))

    for seed in range(2):
        write_run("tl", seed, change=empty)
        write_run("at", seed, change=empty, **AT)
    result = evaluate(runs)
    row = one(result.comparisons, kind="declared", metric="auc", label="Edema", test=OR)
    assert row.difference is row.p_value is row.p_adjusted is None
    assert row.undefined_because == "at-s0: no positive image among 40"
    estimate = one(result.estimates, arm="tl", interval="seeds:t", metric="auc", label="macro")
    assert estimate.value is None
    assert estimate.undefined_because.startswith("tl-s0: no auc for Edema")
    assert one(result.comparisons, kind="declared", metric="auc", label="weighted", test=OR).p_value is not None
    family = rows(result.comparisons, family=row.family, test=OR)
    others = [member for member in family if member.label != "Edema"]
    expected = adjust([*(member.p_value for member in others), 1.0], "benjamini-hochberg")[:-1]  # Edema's counts as 1
    assert [member.p_adjusted for member in others] == pytest.approx(expected, **EXACT)


def test_another_arm_changes_no_other_estimate_and_no_raw_p(write_run, two_arms):
    before = evaluate(two_arms)
    for seed in range(2):
        write_run("last34", seed, unfrozen="last34")
        write_run("scratch", seed, method="supervised", teacher=None, unfrozen=None)
    after = evaluate(two_arms)
    old = ("at", "tl")
    assert [row for row in after.estimates if row.arm in old] == before.estimates
    assert [row for row in after.runs if row.arm in old] == before.runs

    def raw(result):
        return [
            row.model_copy(update={"p_adjusted": None})
            for row in result.comparisons
            if row.arm_a in old and row.arm_b in old
        ]

    assert raw(after) == raw(before)
    assert len(after.comparisons) > len(before.comparisons)


def test_row_and_folder_order_change_nothing(write_run, two_arms, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    for arm, fields in (("at", {"name": "AT", "skill": 1.5, **AT}), ("tl", {"name": "TL", "skill": 0.5})):
        for seed in (2, 0, 1):

            def shuffle(frame, seed=seed):
                return frame.sample(frac=1, random_state=seed)

            write_run(arm, seed, into=elsewhere, change=shuffle, **fields)
    first, second = evaluate(two_arms), evaluate(elsewhere)
    assert first.inputs != second.inputs  # the files do differ
    assert dumped(first, without=("created", "inputs")) == dumped(second, without=("created", "inputs"))
    assert dumped(first) == dumped(evaluate(two_arms))


def test_study_faults_are_named(two_arms, study, tmp_path):
    with pytest.raises(InputError, match=r"study\.toml: \[analysis\]: unknown key 'baselin'; .*baseline"):
        evaluate(two_arms, study=study('baselin = "tl"'))
    with pytest.raises(InputError, match=r"study\.toml: \[analysis\]: seeds is 'paired'"):
        evaluate(two_arms, study=study('seeds = "paired"'))
    with pytest.raises(InputError, match=r"study\.toml: \[analysis\]: margin is 2"):
        evaluate(two_arms, study=study("margin = 2"))
    with pytest.raises(InputError, match=r"study\.toml: not TOML"):
        evaluate(two_arms, study=study("margin = "))
    with pytest.raises(InputError, match=r"absent\.toml: No such file"):
        evaluate(two_arms, study=tmp_path / "absent.toml")


def test_what_training_recorded_of_the_study_is_used(two_arms, study):
    recorded = {"name": "recorded", "sha256": "0" * 64, "analysis": {"baseline": "AT", "margin": 0.02}}
    (two_arms / "study.json").write_text(json.dumps(recorded))
    result = evaluate(two_arms)
    assert result.settings.baseline == {"phantom-chest/100/densenet121": "at"}
    assert (result.settings.study, result.settings.study_sha256) == ("recorded", "0" * 64)
    assert {row.margin for row in rows(result.comparisons, test="tost")} == {0.02}
    assert evaluate(two_arms, study=study("")).settings.study == "a study"  # --study goes before
    for text in ("{", "[]", "{}", '{"analysis": {}, "name": 3}'):
        (two_arms / "study.json").write_text(text)
        with pytest.raises(
            InputError, match=r"study\.json: not (a study\.json of medkt train|JSON .* what medkt train wrote)"
        ):
            evaluate(two_arms)
    (two_arms / "study.json").write_text('{"analysis": {"margins": 1}}')
    with pytest.raises(InputError, match=r"study\.json: analysis: unknown key 'margins'"):
        evaluate(two_arms)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, float("nan")])
def test_level(two_arms, level):
    with pytest.raises(InputError, match=r"--level is .* expected a number between 0 and 1"):
        evaluate(two_arms, level=level)


def test_teachers_runs_are_reported_and_not_compared(write_run, two_arms):
    for seed in range(2):
        write_run("teacher", seed, role="teacher", method="supervised", teacher=None)
    result = evaluate(two_arms)
    assert rows(result.estimates, arm="teacher", metric="auc", label="macro")
    assert not [row for row in result.comparisons if "teacher" in (row.arm_a, row.arm_b)]


def test_hillis_degrees_of_freedom_are_those_of_the_default_interval_and_test(write_run, two_arms, study):
    write_run("at", 3, skill=1.5, **AT)
    for arm in ("at-s0", "at-s1", "at-s2"):
        edit(two_arms / arm, arm=json.loads((two_arms / "at-s3" / "run.json").read_text())["arm"])
    ours = evaluate(two_arms, replicates=0)
    hillis = evaluate(two_arms, replicates=0, study=study('degrees_of_freedom = "hillis"\nmargin = 0.1'))
    assert (ours.settings.degrees_of_freedom, hillis.settings.degrees_of_freedom) == ("satterthwaite", "hillis")
    fields = {"metric": "auc", "label": "macro"}
    before, after = (one(r.comparisons, test=OR, kind="declared", **fields) for r in (ours, hillis))
    assert after.df == after.df_hillis == before.df_hillis != before.df
    assert after.difference == before.difference
    assert after.se != before.se  # four seeds and three: the mean squares are pooled
    low, high = stats.t.interval(0.95, after.df, after.difference, after.se)
    assert (after.low, after.high) == pytest.approx((low, high), **EXACT)
    assert one(hillis.comparisons, test="tost", **fields).df == after.df
    before, after = (one(r.estimates, arm="tl", interval="seeds+patients:or", **fields) for r in (ours, hillis))
    assert (after.value, after.se) == (before.value, before.se)  # a single arm has nothing to pool
    assert after.df != before.df
    unchanged = [[row for row in r.estimates if row.interval != "seeds+patients:or"] for r in (ours, hillis)]
    assert unchanged[0] == unchanged[1]


def test_other_degrees_of_freedom_are_refused(two_arms, study):
    with pytest.raises(InputError, match=r"\[analysis\]: degrees_of_freedom is 'welch': .*'satterthwaite' or 'hillis'"):
        evaluate(two_arms, study=study('degrees_of_freedom = "welch"'))
