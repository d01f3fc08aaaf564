"""Sampling and weights against class imbalance."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from medkt.settings import Imbalance, TrainingSettings
from medkt.training import imbalance
from medkt.training.losses import task_loss

NAN = float("nan")
FINDINGS = np.array(
    [[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, NAN, 0], [0, 0, 0], [1, 0, NAN]], dtype=np.float32
)  # 4 of 6; 1 of 5; none of 5
CLASSES = np.array([0, 0, 0, 0, 1, 2, 2, 0])


def settings(name: Imbalance) -> TrainingSettings:
    return TrainingSettings(imbalance=name)


def test_by_default_each_image_comes_once_in_the_order_it_always_had():
    expected = np.random.default_rng([7, 3, 0]).permutation(6)
    for name in ("none", "pos_weight"):
        assert imbalance.order(FINDINGS, "multilabel", settings(name), seed=7, epoch=3).tolist() == expected.tolist()
        if name == "none":
            assert imbalance.loss_weights(FINDINGS, "multilabel", settings(name), FINDINGS.shape[1]) is None


def test_the_sampler_draws_rare_images_as_often_as_common_ones():
    drawn = np.concatenate([imbalance.order(CLASSES, "multiclass", settings("sampler"), 0, k) for k in range(2000)])
    share = np.bincount(CLASSES[drawn]) / len(drawn)
    assert share == pytest.approx([1 / 3] * 3, abs=0.015)  # 16,000 draws: a standard error of 0.004
    again = imbalance.order(CLASSES, "multiclass", settings("sampler"), 0, 5)
    assert again.tolist() == drawn[40:48].tolist()


def test_of_several_findings_the_rarest_counts_and_images_without_any_are_a_class_of_their_own():
    assert imbalance.sampling_weights(FINDINGS, "multilabel").tolist() == [1 / 4, 1, 1 / 2, 1 / 4, 1 / 2, 1 / 4]


def test_weights_of_the_loss():
    found = imbalance.loss_weights(FINDINGS, "multilabel", settings("pos_weight"), FINDINGS.shape[1])
    assert found is not None
    assert found.tolist() == [0.5, 4.0, 1.0]
    classes = imbalance.loss_weights(CLASSES, "multiclass", settings("pos_weight"), 3)
    assert classes is not None
    expected = compute_class_weight("balanced", classes=np.arange(3), y=CLASSES)
    assert classes.numpy() == pytest.approx(expected)


def test_a_class_that_the_training_images_lack_has_a_weight_all_the_same():
    weights = imbalance.loss_weights(CLASSES, "multiclass", settings("pos_weight"), n_labels=4)
    assert weights is not None
    assert weights.numpy() == pytest.approx([8 / (4 * 5), 8 / 4, 8 / (4 * 2), 1.0])
    assert torch.isfinite(task_loss("multiclass", torch.zeros(2, 4), torch.tensor([0, 3]), weights))


def test_the_gradient_of_a_weighted_loss_is_the_one_worked_out_by_hand():
    logits = torch.tensor([[0.3, -1.2], [2.0, 0.0]], requires_grad=True)
    targets, weights = torch.tensor([[1.0, 0.0], [NAN, 1.0]]), torch.tensor([3.0, 0.5])
    task_loss("multilabel", logits, targets, weights).backward()
    p = torch.sigmoid(logits.detach())
    expected = torch.stack([torch.stack([3 * (p[0, 0] - 1), p[0, 1]]), torch.stack([0 * p[1, 0], (p[1, 1] - 1) / 2])])
    torch.testing.assert_close(logits.grad, expected / 3)  # three entries are labelled
    logits.grad = None
    task_loss("multiclass", logits, torch.tensor([0, 1]), weights).backward()
    p = torch.softmax(logits.detach(), 1)
    expected = weights.view(2, 1) * (p - torch.eye(2)) / weights.sum()
    torch.testing.assert_close(logits.grad, expected)


def test_a_weighted_loss_is_scikit_learns():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(6, 3)).astype(np.float32))
    weights = torch.tensor([0.5, 4.0, 1.0])
    found = task_loss("multilabel", logits, torch.from_numpy(FINDINGS), weights).item()
    seen = ~np.isnan(FINDINGS)
    sample_weight = np.where(FINDINGS == 1, weights.numpy(), 1.0)[seen]
    scores = torch.sigmoid(logits.double()).numpy()[seen]
    by_sklearn = log_loss(FINDINGS[seen], scores, sample_weight=sample_weight) * sample_weight.sum() / seen.sum()
    assert found == pytest.approx(by_sklearn, rel=1e-6)
    classes = torch.tensor([0, 1, 2, 0, 0, 2])
    scores = torch.softmax(logits.double(), 1).numpy()
    expected = log_loss(classes.numpy(), scores, sample_weight=weights.numpy()[classes], labels=[0, 1, 2])
    assert task_loss("multiclass", logits, classes, weights).item() == pytest.approx(expected, rel=1e-6)


def test_the_loss_is_float32_whatever_the_network_computes_in():
    logits = torch.zeros(2, 3, dtype=torch.bfloat16)
    assert task_loss("multilabel", logits, torch.ones(2, 3)).dtype == torch.float32
    assert task_loss("multiclass", logits, torch.tensor([0, 1])).dtype == torch.float32
