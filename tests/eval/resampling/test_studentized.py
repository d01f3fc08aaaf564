"""The studentised bootstrap's values and standard errors, on the data and in replicates."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medkt_eval.inference.over_patients.delong import influence, influence_covariance
from medkt_eval.measurement.label_metric import Images, MeasurementOptions
from medkt_eval.measurement.one_label import positives_variants
from medkt_eval.metrics.placements import placements
from medkt_eval.metrics.ranking import Ranking, rank
from medkt_eval.resampling.bootstrap import resample_ranked
from medkt_eval.resampling.draws import LANES, multiplicities
from medkt_eval.resampling.studentized import studentized_auc

N, N_PATIENTS, N_RUNS = 90, 30, 4
WEIGHTS = np.array([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5], [0.5, 0.5, -0.5, -0.5], [1, 0, 0, 0]])
EXACT = {"rtol": 0, "atol": 1e-12}
PREVALENCES = (0.4, 0.2, 0.04)


def made() -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Truth of three labels, tied scores (label, run, image), patients with several images."""
    rng = np.random.default_rng(0)
    patient = np.sort(rng.integers(0, N_PATIENTS, N))
    truth = [rng.random(N) < prevalence for prevalence in PREVALENCES]
    scores = np.array([(2 * (t + rng.normal(size=(N_RUNS, N)))).round() for t in truth])
    return truth, scores, patient


def ranked() -> list[list[Ranking]]:
    truth, scores, patient = made()
    return [[rank(t, run, patient, N_PATIENTS) for run in s] for t, s in zip(truth, scores, strict=True)]


def found(replicates: int = 0, weights: np.ndarray = WEIGHTS, rankings: list[list[Ranking]] | None = None):
    return studentized_auc(rankings or ranked(), weights, replicates=replicates, seed=1, dataset="nih")


def influences(rankings: list[Ranking]) -> tuple[np.ndarray, np.ndarray]:
    placed = [placements(one) for one in rankings]
    parts = [influence(one, p) for one, p in zip(rankings, placed, strict=True)]
    return np.array([p.auc for p in placed]), np.array([i.of_positives + i.of_negatives for i in parts])


def test_on_the_data_the_standard_error_is_that_of_the_influences():
    of_labels = [influences(runs) for runs in ranked()]
    truth, _, patient = made()
    positives = np.array([np.bincount(patient[t], minlength=N_PATIENTS) for t in truth])  # (n_labels, n_patients)
    aucs, parts = np.array([auc for auc, _ in of_labels]), np.array([part for _, part in of_labels])
    m = positives.sum(axis=1)
    mean = m @ aucs / m.sum()
    weighted = np.einsum("l,lrp->rp", m, parts) + np.einsum("lp,lr->rp", positives, aucs - mean)
    values = [*aucs, aucs.mean(axis=0), mean]
    for one, value, part in zip(found(), values, [*parts, parts.mean(axis=0), weighted / m.sum()], strict=True):
        np.testing.assert_allclose(one.values[:, 0], WEIGHTS @ value, **EXACT)
        covariance = influence_covariance(part)
        np.testing.assert_allclose(one.ses[:, 0] ** 2, np.einsum("sr,rt,st->s", WEIGHTS, covariance, WEIGHTS), **EXACT)


def test_replicates_are_those_of_the_joint_bootstrap():
    truth, _, patient = made()
    replicates = LANES + 9
    made_ = found(replicates)
    drawn = [resample_ranked(runs, replicates=replicates, seed=1, dataset="nih").auc for runs in ranked()]
    asked = MeasurementOptions(("auc",), replicates, 1, "nih")
    m = np.array([positives_variants(Images(t, patient, N_PATIENTS), asked)[1 + N_PATIENTS :] for t in truth])
    averages = [np.mean(drawn, axis=0), (m[:, None] * drawn).sum(axis=0) / m.sum(axis=0)]
    assert np.isnan(drawn[2]).any()  # the rarest label is lost from some
    for one, expected in zip(made_, [*drawn, *averages], strict=True):
        np.testing.assert_allclose(one.values[:, 1:], WEIGHTS @ expected, **EXACT)
        assert (np.isnan(one.ses) == np.isnan(one.values)).all()


def test_standard_errors_of_a_replicate_are_those_of_its_images_each_copy_a_patient():
    truth, scores, patient = made()
    made_ = found(5)
    drawn = multiplicities(N_PATIENTS, dataset="nih", seed=1, block=0)[:, :5].astype(int)
    for replicate, times in enumerate(drawn.T):
        copies = np.repeat(np.arange(N_PATIENTS), times)
        rows = np.concatenate([np.flatnonzero(patient == i) for i in copies])
        whose = np.repeat(np.arange(len(copies)), np.bincount(patient, minlength=N_PATIENTS)[copies])
        again = [
            [rank(t[rows], run[rows], whose, len(copies)) for run in s] for t, s in zip(truth, scores, strict=True)
        ]
        kept = [k for k, t in enumerate(truth) if 0 < t[rows].sum() < len(rows)]
        alone = found(0, rankings=[again[k] for k in kept])
        for k, one in zip(kept, alone[: len(kept)], strict=True):
            np.testing.assert_allclose(made_[k].ses[:, 1 + replicate], one.ses[:, 0], **EXACT)
        if len(kept) == len(truth):
            for k in (-1, -2):
                np.testing.assert_allclose(made_[k].ses[:, 1 + replicate], alone[k].ses[:, 0], **EXACT)


def test_values_are_scikit_learns():
    truth, scores, _ = made()
    of_run = [roc_auc_score(np.transpose(truth), scores[:, 0].T, average=average) for average in ("macro", "weighted")]
    assert [one.values[3, 0] for one in found()[-2:]] == pytest.approx(of_run, rel=0, abs=1e-12)


def test_other_runs_change_no_bit():
    many = [[*runs, *runs, *runs] for runs in ranked()]
    weights = np.concatenate([WEIGHTS, np.zeros((4, 8))], axis=1)
    for one, other in zip(found(40, weights, many), found(40), strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.ses, other.ses)


def test_the_first_replicates_are_the_same_however_many_are_asked_for():
    for one, other in zip(found(80), found(20), strict=True):
        np.testing.assert_array_equal(one.values[:, :21], other.values)
        np.testing.assert_array_equal(one.ses[:, :21], other.ses)
