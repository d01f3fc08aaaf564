"""Knowledge distillation, against torch's divergences, closed forms and limits; labels match by name."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, kl_divergence
from torch.nn import functional

from medkt.teachers.teacher import Teacher
from medkt.transfer.distillation import LOSSES, knowledge_distillation, sigmoid_distillation, softmax_distillation
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task

TASKS: tuple[Task, ...] = ("multilabel", "multiclass")
SHAPES = st.tuples(st.integers(1, 5), st.integers(2, 6))
SEEDS = st.integers(0, 2**32 - 1)
TEMPERATURES = st.floats(0.5, 20)


def logits(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class Mean(nn.Module):
    """A network with a simple output: each output is the image's mean times its own factor."""

    def __init__(self, *factors: float) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.tensor(factors))

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))[:, None] * self.factors


def teacher(*factors: float, labels: tuple[str, ...] | None) -> Teacher:
    return Teacher(Mean(*factors), attention_layer="", smallest_size_px=1, labels=labels)


def distillation(teacher: Teacher, labels: str, task: Task = "multilabel", temperature: float = 2.0):
    return knowledge_distillation(teacher, labels.split(), task, temperature=temperature, beta=4.0, image_size_px=4)


@settings(max_examples=40)
@given(shape=SHAPES, seed=SEEDS, temperature=TEMPERATURES)
def test_against_torchs_distributions(shape: tuple[int, int], seed: int, temperature: float):
    z, v = logits(*shape, seed=seed), logits(*shape, seed=seed + 1)
    classes = kl_divergence(Categorical(logits=v / temperature), Categorical(logits=z / temperature)).mean()
    findings = kl_divergence(Bernoulli(logits=v / temperature), Bernoulli(logits=z / temperature)).mean()
    assert softmax_distillation(z, v, temperature).item() == pytest.approx(temperature**2 * classes.item(), rel=1e-9)
    assert sigmoid_distillation(z, v, temperature).item() == pytest.approx(temperature**2 * findings.item(), rel=1e-9)


@settings(max_examples=40)
@given(shape=SHAPES, seed=SEEDS, temperature=TEMPERATURES)
def test_they_are_cross_entropies_with_soft_targets_less_the_teachers_entropy(
    shape: tuple[int, int], seed: int, temperature: float
):
    z, v = logits(*shape, seed=seed) / temperature, logits(*shape, seed=seed + 1) / temperature
    soft = v.softmax(1)
    classes = functional.cross_entropy(z, soft) - Categorical(soft).entropy().mean()
    soft = v.sigmoid()
    findings = functional.binary_cross_entropy_with_logits(z, soft) - Bernoulli(soft).entropy().mean()
    assert softmax_distillation(z, v, 1.0).item() == pytest.approx(classes.item(), abs=1e-12)
    assert sigmoid_distillation(z, v, 1.0).item() == pytest.approx(findings.item(), abs=1e-12)


def test_one_label_in_closed_form():
    # The teacher says 3 to 1, the student 1 to 1: at T = 2 from logits twice as large.
    v, z = torch.tensor([[2 * math.log(3)]]), torch.zeros(1, 1)
    expected = 4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert sigmoid_distillation(z, v, 2.0).item() == pytest.approx(expected, rel=1e-6)


@settings(max_examples=40)
@given(shape=SHAPES, seed=SEEDS, temperature=TEMPERATURES)
def test_the_sigmoid_form_is_the_softmax_of_each_labels_two_classes(
    shape: tuple[int, int], seed: int, temperature: float
):
    z, v = logits(*shape, seed=seed), logits(*shape, seed=seed + 1)
    two = [torch.stack([x.flatten(), torch.zeros(x.numel(), dtype=x.dtype)], dim=1) for x in (z, v)]
    expected = softmax_distillation(two[0], two[1], temperature).item()
    assert sigmoid_distillation(z, v, temperature).item() == pytest.approx(expected, rel=1e-9)


def test_at_high_temperatures_logits_are_matched():
    # Hinton et al., section 2.1: for classes, logits are matched up to their means.
    z, v = logits(5, 4, seed=1), logits(5, 4, seed=2)
    centred = (z - z.mean(1, keepdim=True)) - (v - v.mean(1, keepdim=True))
    classes = centred.square().sum(1).mean().item() / (2 * 4)
    findings = (z - v).square().mean().item() / 8
    assert softmax_distillation(z, v, 1e4).item() == pytest.approx(classes, rel=1e-3)
    assert sigmoid_distillation(z, v, 1e4).item() == pytest.approx(findings, rel=1e-3)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_gradients_against_finite_differences(task: Task, temperature: float):
    z, v = logits(3, 4, seed=1).requires_grad_(), logits(3, 4, seed=2)
    assert torch.autograd.gradcheck(lambda z: LOSSES[task](z, v, temperature), (z,))


@pytest.mark.parametrize("task", TASKS)
def test_equal_logits_give_exactly_zero_and_no_gradient(task: Task):
    z = logits(3, 4, dtype=torch.float32).requires_grad_()
    loss = LOSSES[task](z, z.detach().clone(), 4.0)
    (gradient,) = torch.autograd.grad(loss, z)
    assert loss.item() == 0.0
    assert gradient.abs().max() < 1e-6


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("size", [1e2, 1e4, 1e6])
def test_certain_answers_have_finite_losses_and_moderate_gradients(task: Task, size: float):
    z = torch.tensor([[size, -size, 0.0], [-size, size, size]], requires_grad=True)
    loss = LOSSES[task](z, -z.detach(), 1.0)
    (gradient,) = torch.autograd.grad(loss, z)
    assert loss.isfinite()
    assert loss > 1
    assert 0 < gradient.abs().max() <= 1


def test_labels_are_matched_by_name_whatever_their_order_and_number():
    known = teacher(1.0, 2.0, -3.0, 5.0, labels=("Edema", "", "Fracture", "Mass"))
    method = distillation(known, "Fracture Nodule Edema")
    assert method.weight == 0.25
    images = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    answers = logits(4, 3, seed=1, dtype=torch.float32)
    means = images.mean(dim=(1, 2, 3))
    expected = sigmoid_distillation(answers[:, [0, 2]], torch.stack([-3 * means, means], dim=1), 2.0)
    assert method.loss(images, answers).item() == pytest.approx(expected.item(), rel=1e-6)


def test_classes_not_shared_are_left_out_of_the_softmax():
    known = teacher(1.0, 2.0, -3.0, labels=("mild", "none", "severe"))
    method = distillation(known, "none mild proliferative", "multiclass")
    images = torch.ones(1, 3, 4, 4)
    answers = torch.tensor([[0.5, -1.0, 9.0]])
    expected = softmax_distillation(answers[:, :2], torch.tensor([[2.0, 1.0]]), 2.0)
    assert method.loss(images, answers).item() == pytest.approx(expected.item(), rel=1e-6)
    with pytest.raises(InputError, match=r"share 'none' alone.*at least two"):
        distillation(known, "none proliferative", "multiclass")


def test_a_teacher_of_unknown_labels_needs_as_many_outputs():
    unknown = teacher(1.0, 2.0, labels=None)
    answers = torch.tensor([[0.0, 0.0]])
    expected = sigmoid_distillation(answers, torch.tensor([[1.0, 2.0]]), 2.0)
    assert distillation(unknown, "a b").loss(torch.ones(1, 3, 4, 4), answers).item() == pytest.approx(expected.item())
    with pytest.raises(InputError, match=r"2 outputs mean, and the student has 3 labels \(a, b, c\)"):
        distillation(unknown, "a b c")


def test_labels_that_cannot_be_matched_are_refused():
    with pytest.raises(InputError, match=r"share no label. The student's: a, b; the teacher's: c, d"):
        distillation(teacher(1.0, 2.0, labels=("c", "d")), "a b")
    with pytest.raises(InputError, match=r"3 outputs but names 2 labels"):
        distillation(teacher(1.0, 2.0, 3.0, labels=("a", "b")), "a b")


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_the_temperature_must_be_a_positive_number(temperature: float):
    with pytest.raises(InputError, match=r"temperature.*expected a number above 0"):
        distillation(teacher(1.0, labels=None), "a", temperature=temperature)


def test_the_loss_is_float32_under_mixed_precision_and_the_teacher_gets_no_gradient():
    unknown = teacher(1.0, 2.0, labels=None)
    method = distillation(unknown, "a b")
    answers = torch.tensor([[0.5, -0.25]], dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = method.loss(torch.ones(1, 3, 4, 4), answers)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(
        sigmoid_distillation(answers.detach().float(), torch.tensor([[1.0, 2.0]]), 2.0).item(), rel=1e-6
    )
    loss.backward()
    assert answers.grad is not None
    assert unknown.network.factors.grad is None
    assert list(method.parameters()) == []
