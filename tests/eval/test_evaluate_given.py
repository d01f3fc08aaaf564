"""Evaluation of tables: the same numbers as from run folders, in any order of rows and columns."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.study.cautions import CAUTION

SEEDS = range(3)
NAMES = {"TL": "tl", "AT": "at"}
FAST = {"replicates": 100}


@pytest.fixture
def tables(two_arms):
    """A function that returns the predictions of the run folders for a split, one table per seed."""

    def of(split="test"):
        return {
            name: [pd.read_parquet(two_arms / f"{arm}-s{seed}" / f"predictions-{split}.parquet") for seed in SEEDS]
            for name, arm in NAMES.items()
        }

    return of


def numbers(found, *, without=("dataset", "family")):
    """Rows without the names of the data set."""
    return [row.model_dump(exclude=set(without)) for row in found]


def sorted_rows(found):
    return sorted(json.dumps(row, sort_keys=True) for row in found)


def test_the_same_tables_as_run_folders_and_as_arms(two_arms, tables, tmp_path, save):
    validation, add = tables("validation"), ["permutation", "mcnemar", "mann-whitney", "sensitivity"]
    folders = evaluate(two_arms, margin=0.1, add=add, **FAST)
    frames = evaluate(tables(), validation=validation, margin=0.1, add=add, **FAST)
    paths = {
        split: {
            name: [save(frame, tmp_path / f"{split}-{name}-{seed}.parquet") for seed, frame in enumerate(of_arm)]
            for name, of_arm in tables(split).items()
        }
        for split in ("test", "validation")
    }
    files = evaluate(paths["test"], validation=paths["validation"], margin=0.1, add=add, **FAST)
    # The draws of the bootstrap and of permutations are streams of the data set, whose name differs.
    drawn = {"patients:bootstrap-percentile", "bootstrap-percentile", "permutation"}
    for given in (frames, files):
        assert sorted_rows(numbers(given.runs)) == sorted_rows(numbers(folders.runs))
        for part, kind in (("estimates", "interval"), ("comparisons", "test")):
            mine, theirs = (
                [row for row in getattr(result, part) if getattr(row, kind) not in drawn] for result in (given, folders)
            )
            same = {"without": ("dataset", "family", "probability_a_above_b")}
            assert len(mine) > 20
            assert sorted_rows(numbers(mine, **same)) == sorted_rows(numbers(theirs, **same))
        assert sorted_rows(numbers(given.thresholds)) == sorted_rows(numbers(folders.thresholds))
        assert given.settings.baseline == {"predictions/None/": "tl"}
        assert not [note for note in given.settings.notes if "may have failed" not in note and CAUTION not in note]
        assert {row.dataset for row in given.estimates} == {"predictions"}
    assert sorted_rows(numbers(files.comparisons)) == sorted_rows(numbers(frames.comparisons))


@pytest.mark.parametrize("suffix", [None, ".csv", ".parquet"])
def test_the_order_of_rows_and_columns_and_the_format_change_nothing(tables, tmp_path, save, suffix):
    shuffled = {}
    for name, frames in tables().items():
        shuffled[name] = []
        for seed, frame in enumerate(frames):
            other = frame.sample(frac=1, random_state=seed).sample(frac=1, axis=1, random_state=seed + 9)
            shuffled[name].append(other if suffix is None else save(other, tmp_path / f"{name}_{seed}{suffix}"))
    options = {"add": ["permutation", "patients:bootstrap-bca"], **FAST}
    first, second = evaluate(tables(), **options), evaluate(shuffled, **options)
    assert second.model_dump(exclude={"created", "inputs"}) == first.model_dump(exclude={"created", "inputs"})


def test_swapping_the_arms_swaps_the_baseline_and_the_signs(tables):
    add = ["permutation", "mann-whitney", "patients:jackknife", "patients:bootstrap-basic"]
    given = tables()
    first, second = (evaluate(dict(order), add=add, **FAST) for order in (given.items(), list(given.items())[::-1]))
    assert (first.settings.baseline, second.settings.baseline) == (
        {"predictions/None/": "tl"},
        {"predictions/None/": "at"},
    )
    turned = {(row.kind, row.metric, row.label, row.test): row for row in second.comparisons}
    declared = [row for row in first.comparisons if row.kind == "declared"]
    assert declared
    for row in declared:
        other = turned[row.kind, row.metric, row.label, row.test]
        assert (row.arm_a, row.arm_b, other.arm_a, other.arm_b) == ("at", "tl", "tl", "at")
        assert other.undefined_because == row.undefined_because or row.undefined_because.startswith("at-s0")
        if row.difference is not None:
            assert other.difference == pytest.approx(-row.difference, rel=0, abs=1e-12)
            assert other.p_value == pytest.approx(row.p_value, abs=1e-9)
            if row.low is not None:
                assert (other.low, other.high) == pytest.approx((-row.high, -row.low), rel=0, abs=1e-9)
    assert sorted_rows(numbers(first.estimates)) == sorted_rows(numbers(second.estimates))


def test_without_patients_independence_must_be_declared(tables, study):
    given = {name: [frame.drop(columns="patient_id") for frame in frames] for name, frames in tables().items()}
    with pytest.raises(InputError, match=r"arm 'TL', test table 0: no column 'patient_id'; .*--independent-images"):
        evaluate(given, **FAST)
    add = ["permutation", "mcnemar", "max-t", "patients:jackknife"]
    result = evaluate(given, independent_images=True, add=add, **FAST)
    assert {row.n_patients for row in (*result.estimates, *result.comparisons)} == {None}
    assert {row.scope for row in result.comparisons} == {"seeds", "seeds+patients", "images"}
    by_test = {row.test: row.scope for row in result.comparisons}
    for test in ("delong-clustered", "bootstrap-percentile", "jackknife", "permutation", "mcnemar", "max-t"):
        assert by_test[test] == "images"
    intervals = {row.interval for row in result.estimates}
    assert "images:delong" in intervals
    assert "patients:delong" not in intervals
    assert (
        evaluate(given, study=study("independent_images = true"), **FAST).comparisons
        == evaluate(given, independent_images=True, **FAST).comparisons
    )
    named = evaluate(tables(), independent_images=True, **FAST)  # patients that are named are used
    assert {row.n_patients for row in named.estimates} == {20}


def test_one_image_a_patient_is_the_same_with_and_without_its_name(tables):
    given = {name: [f.assign(patient_id=f["image_id"]) for f in frames] for name, frames in tables().items()}
    named = evaluate(given, **FAST)
    nameless = {name: [f.drop(columns="patient_id") for f in frames] for name, frames in given.items()}
    independent = evaluate(nameless, independent_images=True, **FAST)
    same = {"without": ("n_patients", "scope", "interval")}
    assert numbers(named.comparisons, **same) == numbers(independent.comparisons, **same)
    assert numbers(named.estimates, **same) == numbers(independent.estimates, **same)


def test_an_image_that_one_table_lacks(tables):
    given = tables()
    lost = given["AT"][1].iloc[5]["image_id"]
    given["AT"][1] = given["AT"][1].drop(index=5)
    with pytest.raises(InputError, match=rf"runs tl-s0 and at-s1 have different test images: .*{re.escape(lost)}"):
        evaluate(given, **FAST)


def test_tables_that_disagree(tables):
    def changed(**columns):
        given = tables()
        given["AT"][2] = given["AT"][2].assign(**columns)
        return given

    target = tables()["AT"][2]["target_Edema"].copy()
    target.iloc[3] = 1 - target.iloc[3]
    with pytest.raises(InputError, match=r"tl-s0 and at-s2 disagree on the target of Edema of image 'test-001/v1'"):
        evaluate(changed(target_Edema=target), **FAST)
    patient = tables()["AT"][2]["patient_id"].where(np.arange(40) != 6, "else")
    with pytest.raises(InputError, match=r"tl-s0 and at-s2 give image 'test-003/v0' different patients"):
        evaluate(changed(patient_id=patient), **FAST)


def test_validation_goes_with_arms_and_not_with_folders(two_arms, tables):
    with pytest.raises(InputError, match="--validation goes with --arm"):
        evaluate(two_arms, validation=tables("validation"))
    assert evaluate(tables(), **FAST).thresholds[0].undefined_because.startswith("no validation predictions")


def test_a_study_may_name_another_baseline(tables, study):
    given = tables() | {"KD": [frame.assign(score_Edema=0.1 * k) for k, frame in enumerate(tables()["TL"])]}
    result = evaluate(given, study=study('baseline = "KD"'), **FAST)
    assert {row.arm_b for row in result.comparisons if row.kind == "declared"} == {"kd"}
    with pytest.raises(
        InputError, match=r"baseline is 'XY', which is not an arm of these runs; expected one of AT, KD, TL"
    ):
        evaluate(given, study=study('baseline = "XY"'), **FAST)
