"""The patient bootstrap, against scikit-learn on the drawn images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from medkt_eval.errors import InputError
from medkt_eval.metrics.ranking import Ranking, rank
from medkt_eval.metrics.sums import Cells
from medkt_eval.resampling import bootstrap as resampling
from medkt_eval.resampling.bootstrap import resample_ranked, resample_sums
from medkt_eval.resampling.draws import BLOCK, LANES, multiplicities

METRICS = ("auc", "average_precision", "sensitivity_at_specificity")
ASKED = {"average_precision": True, "specificity": 0.8}


def drawn(n_patients: int, replicates: int, *, seed: int = 3, dataset: str = "nih") -> np.ndarray:
    blocks = range(-(-replicates // BLOCK))
    every = [multiplicities(n_patients, dataset=dataset, seed=seed, block=block) for block in blocks]
    return np.concatenate(every, axis=1)[:, :replicates].astype(np.int64)


def expected(positive: np.ndarray, scores: np.ndarray, times: np.ndarray, specificity: float) -> list[float]:
    """scikit-learn's metrics on the images repeated as drawn, in the order of METRICS."""
    truth, values = np.repeat(positive, times), np.repeat(scores, times)
    if truth.all() or not truth.any():
        return [np.nan] * 3
    fpr, tpr, _ = roc_curve(truth, values, drop_intermediate=False)
    return [roc_auc_score(truth, values), average_precision_score(truth, values), tpr[1 - fpr >= specificity].max()]


def assert_as_scikit_learn(positive, scores, patient, n_patients, *, replicates=20, specificity=0.8) -> None:
    found = resample_ranked(
        [rank(positive, scores, patient, n_patients)],
        replicates=replicates,
        seed=3,
        dataset="nih",
        average_precision=True,
        specificity=specificity,
    )
    times = drawn(n_patients, replicates)[patient]
    oracle = np.array([expected(positive, scores, column, specificity) for column in times.T]).reshape(-1, 3)
    for name, values in zip(METRICS, oracle.T, strict=True):
        np.testing.assert_allclose(getattr(found, name)[0], values, rtol=0, atol=1e-12, err_msg=name)


def images(n_images: int, n_patients: int, prevalence: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    positive = rng.random(n_images) < prevalence
    return positive, positive + rng.normal(size=n_images), rng.integers(0, n_patients, n_images)


@pytest.mark.parametrize("prevalence", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("decimals", [17, 1, 0], ids=["untied", "tied", "heavily tied"])
def test_as_scikit_learn_on_repeated_images(prevalence, decimals):
    positive, scores, patient = images(300, 120, prevalence)
    assert_as_scikit_learn(positive, scores.round(decimals), patient, 120)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8])
def test_scores_of_every_dtype(dtype):
    positive, scores, patient = images(200, 80, 0.3)
    assert_as_scikit_learn(positive.astype(np.uint8), (40 * (scores + 4)).astype(dtype), patient, 80)


def test_constant_scores():
    positive, _, patient = images(60, 20, 0.3)
    assert_as_scikit_learn(positive, np.full(60, 0.25), patient, 20, replicates=LANES + 6)


def test_images_without_a_label_are_left_out_and_their_patients_are_drawn_all_the_same():
    positive, scores, patient = images(300, 120, 0.3)
    kept = np.random.default_rng(1).random(300) < 0.2
    assert_as_scikit_learn(positive[kept], scores[kept], patient[kept], 120)


@pytest.mark.parametrize("specificity", [0.0, 0.5, 0.9, 0.95, 1.0])
def test_specificities(specificity):
    positive, scores, patient = images(100, 100, 0.4)
    assert_as_scikit_learn(positive, scores.round(1), patient, 100, specificity=specificity)


def test_one_positive_is_missing_from_some_replicates():
    positive = np.arange(40) == 7
    _, scores, patient = images(40, 40, 0.5)
    assert_as_scikit_learn(positive, scores, patient, 40)
    auc = resample_ranked([rank(positive, scores, np.arange(40), 40)], replicates=200, seed=3, dataset="nih").auc
    assert (np.isnan(auc[0]) == (drawn(40, 200)[7] == 0)).all()
    assert 0.2 < np.isnan(auc).mean() < 0.5


@pytest.mark.parametrize("positive", [np.zeros(5), np.ones(5), np.zeros(0)], ids=["negatives", "positives", "none"])
def test_one_class_is_undefined(positive):
    ranking = rank(positive, np.arange(len(positive)), np.arange(len(positive)), 5)
    found = resample_ranked([ranking], replicates=10, seed=3, dataset="nih", **ASKED)
    assert all(np.isnan(getattr(found, name)).all() for name in METRICS)


@settings(max_examples=60)
@given(
    st.integers(1, 8).flatmap(
        lambda n_patients: st.tuples(
            st.just(n_patients),
            st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, n_patients - 1)), max_size=25),
        )
    ),
    st.sampled_from([0.0, 0.5, 0.75, 1.0]),
)
def test_any_small_data_set_as_scikit_learn(data, specificity):
    n_patients, rows = data
    positive, scores, patient = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    assert_as_scikit_learn(positive == 1, scores, patient, n_patients, replicates=5, specificity=specificity)


def test_what_was_not_asked_for_is_none():
    found = resample_ranked([rank(*images(30, 30, 0.3), 30)], replicates=3, seed=3, dataset="nih")
    assert found.average_precision is None
    assert found.sensitivity_at_specificity is None


def test_pairs_beyond_32_bits():
    n = 400_000
    positive = np.arange(n) % 2 == 0
    scores = np.random.default_rng(0).integers(0, 1000, n) + 20 * positive
    patient = np.arange(n) // 100
    found = resample_ranked([rank(positive, scores, patient, n // 100)], replicates=2, seed=3, dataset="nih", **ASKED)
    for lane, column in enumerate(drawn(n // 100, 2)[patient].T):
        assert 2.0 * column[positive].sum() * column[~positive].sum() > 2**36
        values = [getattr(found, name)[0, lane] for name in METRICS]
        np.testing.assert_allclose(values, expected(positive, scores, column, 0.8), rtol=0, atol=1e-12)


def test_more_images_than_are_counted_are_refused(monkeypatch):
    monkeypatch.setattr(resampling, "MOST_IMAGES", 100)
    with pytest.raises(InputError, match="more than the 100 that are counted"):
        resample_ranked([rank(*images(60, 30, 0.3), 30)], replicates=3, seed=3, dataset="nih")


def random_cells(n_cells: int, n_bins: int, n_patients: int, seed: int) -> Cells:
    rng = np.random.default_rng(seed)
    return Cells(
        patient=rng.integers(0, n_patients, n_cells).astype(np.int32),
        bin=rng.integers(0, n_bins, n_cells).astype(np.int32),
        value=rng.normal(size=n_cells),
        n_bins=n_bins,
        n_patients=n_patients,
    )


def test_sums_as_a_matrix_product():
    cells = [random_cells(n, bins, 50, n) for n, bins in [(300, 16), (40, 1), (0, 3)]]
    times = drawn(50, 100)
    for one, found in zip(cells, resample_sums(cells, replicates=100, seed=3, dataset="nih"), strict=True):
        dense = np.zeros((one.n_bins, 50))
        np.add.at(dense, (one.bin, one.patient), one.value)
        np.testing.assert_allclose(found, dense @ times, rtol=0, atol=1e-12)


def test_sums_and_rankings_share_their_replicates():
    positive, _, patient = images(200, 80, 0.3)
    rows = np.flatnonzero(positive)
    counts = Cells(patient[rows], np.zeros(len(rows), dtype=int), np.ones(len(rows)), n_bins=1, n_patients=80)
    found = resample_sums([counts], replicates=90, seed=3, dataset="nih")[0][0]
    assert found.tolist() == drawn(80, 90)[patient[rows]].sum(axis=0).tolist()


@pytest.mark.parametrize("threads", [1, 2, 3, None])
def test_threads_change_no_bit(threads):
    rankings = [rank(*images(200, 80, 0.3, seed), 80) for seed in range(3)]
    cells = [random_cells(200, 4, 80, seed) for seed in range(3)]
    alone = resample_ranked(rankings, replicates=300, seed=3, dataset="nih", threads=1, **ASKED)
    found = resample_ranked(rankings, replicates=300, seed=3, dataset="nih", threads=threads, **ASKED)
    for name in METRICS:
        np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))
    sums = [resample_sums(cells, replicates=300, seed=3, dataset="nih", threads=n) for n in (1, threads)]
    np.testing.assert_array_equal(sums[0], sums[1])


def test_order_and_company_of_columns_change_no_bit():
    rankings = [rank(*images(150 + 10 * seed, 80, 0.3, seed), 80) for seed in range(4)]
    cells = [random_cells(200, 4, 80, seed) for seed in range(4)]

    def ranked(columns: list[Ranking]) -> np.ndarray:
        found = resample_ranked(columns, replicates=100, seed=3, dataset="nih", **ASKED)
        return np.array([getattr(found, name) for name in METRICS])

    together = ranked(rankings)
    np.testing.assert_array_equal(ranked(rankings[::-1])[:, ::-1], together)
    np.testing.assert_array_equal(np.concatenate([ranked(rankings[:1]), ranked(rankings[1:])], axis=1), together)
    summed = resample_sums(cells, replicates=100, seed=3, dataset="nih")
    np.testing.assert_array_equal(resample_sums(cells[::-1], replicates=100, seed=3, dataset="nih")[::-1], summed)
    np.testing.assert_array_equal(resample_sums(cells[2:], replicates=100, seed=3, dataset="nih"), summed[2:])


def test_order_of_images_changes_no_bit():
    positive, scores, patient = images(200, 80, 0.3)
    shuffled = np.random.default_rng(0).permutation(200)
    both = [rank(positive[order], scores.round(1)[order], patient[order], 80) for order in (np.arange(200), shuffled)]
    found = resample_ranked(both, replicates=100, seed=3, dataset="nih", **ASKED)
    for name in METRICS:
        np.testing.assert_array_equal(*getattr(found, name))


@pytest.mark.parametrize("replicates", [0, 1, LANES - 1, LANES, LANES + 1])
def test_a_replicate_does_not_depend_on_how_many_are_asked_for(replicates):
    rankings, cells = [rank(*images(200, 80, 0.3), 80)], [random_cells(200, 4, 80, 0)]
    many = resample_ranked(rankings, replicates=3 * LANES, seed=3, dataset="nih").auc
    found = resample_ranked(rankings, replicates=replicates, seed=3, dataset="nih").auc
    np.testing.assert_array_equal(found, many[:, :replicates])
    many = resample_sums(cells, replicates=3 * LANES, seed=3, dataset="nih")[0]
    np.testing.assert_array_equal(
        resample_sums(cells, replicates=replicates, seed=3, dataset="nih")[0], many[:, :replicates]
    )


def test_streams_differ_by_seed_data_set_and_block():
    found = [
        multiplicities(100, dataset=dataset, seed=seed, block=block).tobytes()
        for dataset in ("nih", "mimic-cxr")
        for seed in (0, 1)
        for block in (0, 1)
    ]
    assert len(set(found)) == 8


def test_no_columns():
    assert resample_ranked([], replicates=5, seed=3, dataset="nih").auc.shape == (0, 5)
    assert resample_sums([], replicates=5, seed=3, dataset="nih") == []


def test_columns_of_two_data_sets_are_refused():
    with pytest.raises(InputError, match="columns over 30 and 40 patients"):
        resample_ranked([rank(*images(60, 30, 0.3), n) for n in (30, 40)], replicates=3, seed=3, dataset="nih")


@pytest.mark.parametrize("n_patients", [1, 2, 3, 255, 256, 1001])
def test_as_many_patients_are_drawn_as_there_are(n_patients):
    assert (drawn(n_patients, 2 * LANES).sum(axis=0) == n_patients).all()


@pytest.mark.parametrize("n_patients", [2, 5, 500])
def test_draws_have_the_moments_of_drawing_with_replacement(n_patients):
    n_draws = 64 * (64_000 // n_patients // 64 + 1)
    times = drawn(n_patients, n_draws)
    variance = 1 - 1 / n_patients
    per_patient = (times.mean(axis=1) - 1) / np.sqrt(variance / n_draws)
    assert np.abs(per_patient).max() < 4.5  # P(|z| > 4.5) x 500 patients = 0.003
    assert times.var() == pytest.approx(variance, abs=0.03)
    neighbours = np.corrcoef(times[0], times[1])[0, 1]
    assert neighbours == pytest.approx(-1 / (n_patients - 1), abs=4.5 / np.sqrt(n_draws))
    if n_patients > 2:
        assert np.corrcoef(times[:, 0], times[:, 1])[0, 1] == pytest.approx(0, abs=4.5 / np.sqrt(n_patients))


def test_multiplicities_cannot_be_changed_by_those_who_share_them():
    with pytest.raises(ValueError, match="read-only"):
        multiplicities(10, dataset="nih", seed=0, block=0)[0, 0] = 9
