"""The attention losses on maps worked out by hand, their traps, and attention transfer on real networks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from medkt import transfer
from medkt.models import freezing
from medkt.models.densenet import Architecture, build
from medkt.transfer.attention import FORMS, AttentionTransfer, Form, eq1, frobenius, match_grids, zagoruyko
from medkt_eval.errors import InputError

ALL_FORMS: tuple[Form, ...] = ("eq1", "frobenius", "zagoruyko")


@dataclass(frozen=True)
class Settings:
    attention_loss: str = "eq1"
    beta: float | None = 2.0


def random_map(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def networks(
    student: Architecture = "densenet40", teacher: Architecture = "densenet40", n_outputs: int = 3
) -> tuple[nn.Module, nn.Module]:
    return build(student, n_outputs, seed=7), build(teacher, n_outputs, seed=8)


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def count_hooks(*models: nn.Module) -> int:
    return sum(len(module._forward_hooks) for model in models for module in model.modules())


# Two planes of 1 x 2 pixels. First: (3, 4) is (0.6, 0.8), against (1, 0): sqrt(0.16 + 0.64) = sqrt(0.8).
# Second: (0, 2) is (0, 1), against (0, -5), which is (0, -1): 2.
STUDENT = torch.tensor([[[[3.0, 4.0]], [[0.0, 2.0]]]])
TEACHER = torch.tensor([[[[7.0, 0.0]], [[0.0, -5.0]]]])


def test_known_values():
    assert eq1(STUDENT, TEACHER).item() == pytest.approx((math.sqrt(0.8) + 2) / 2, rel=1e-6)
    assert frobenius(STUDENT, TEACHER).item() == pytest.approx(math.sqrt(0.8 + 4), rel=1e-6)
    # Sums of squares: (9, 16 + 4) and (49, 25), each divided by its length.
    s, t = math.hypot(9, 20), math.hypot(49, 25)
    assert zagoruyko(STUDENT, TEACHER).item() == pytest.approx(math.hypot(9 / s - 49 / t, 20 / s - 25 / t), rel=1e-6)


def test_eq1_and_zagoruyko_are_means_over_the_batch_and_frobenius_is_not():
    student, teacher = STUDENT.repeat(9, 1, 1, 1), TEACHER.repeat(9, 1, 1, 1)
    assert eq1(student, teacher).item() == pytest.approx(eq1(STUDENT, TEACHER).item(), rel=1e-6)
    assert zagoruyko(student, teacher).item() == pytest.approx(zagoruyko(STUDENT, TEACHER).item(), rel=1e-6)
    assert frobenius(student, teacher).item() == pytest.approx(3 * frobenius(STUDENT, TEACHER).item(), rel=1e-6)


def test_frobenius_is_sqrt_of_batch_times_planes_larger_where_planes_are_equally_far():
    # Every student plane is one pixel, every teacher plane its neighbour: all distances are sqrt(2).
    student, teacher = torch.zeros(32, 32, 8, 8), torch.zeros(32, 32, 8, 8)
    student[:, :, 0, 0], teacher[:, :, 0, 1] = 1.0, 3.0
    assert eq1(student, teacher).item() == pytest.approx(math.sqrt(2), rel=1e-6)
    assert frobenius(student, teacher).item() == pytest.approx(32 * math.sqrt(2), rel=1e-6)


def test_losses_against_a_plain_loop_over_planes():
    student, teacher = random_map(3, 4, 5, 5, seed=1), random_map(3, 4, 5, 5, seed=2)
    distances = [
        (student[b, c] / student[b, c].norm() - teacher[b, c] / teacher[b, c].norm()).norm().item()
        for b in range(3)
        for c in range(4)
    ]
    assert eq1(student, teacher).item() == pytest.approx(sum(distances) / 12, rel=1e-5)
    assert frobenius(student, teacher).item() == pytest.approx(math.hypot(*distances), rel=1e-5)


@pytest.mark.parametrize("form", ALL_FORMS)
def test_positive_factors_change_nothing(form: Form):
    student, teacher = random_map(2, 4, 8, 8, seed=1), random_map(2, 4, 8, 8, seed=2)
    expected = FORMS[form](student, teacher).item()
    assert expected > 0.1
    for factor in (1e-4, 7.0, 1e4):
        assert FORMS[form](student * factor, teacher).item() == pytest.approx(expected, rel=1e-4)
        assert FORMS[form](student, teacher * factor).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("form", ALL_FORMS)
def test_equal_maps_give_exactly_zero_and_a_finite_gradient(form: Form):
    student = random_map(2, 4, 8, 8).requires_grad_()
    loss = FORMS[form](student, student.detach().clone())
    (gradient,) = torch.autograd.grad(loss, student)
    assert loss.item() == 0.0
    assert torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("form", ALL_FORMS)
@pytest.mark.parametrize("dead", ["student", "teacher", "both", "all of the student"])
def test_dead_planes_give_finite_losses_and_moderate_gradients(form: Form, dead: str):
    student, teacher = random_map(2, 4, 8, 8, seed=1), random_map(2, 4, 8, 8, seed=2)
    if dead in {"student", "both"}:
        student[:, 1] = 0.0
    if dead in {"teacher", "both"}:
        teacher[:, 1] = 0.0
    if dead == "all of the student":
        student.zero_()
    student.requires_grad_()
    loss = FORMS[form](student, teacher)
    (gradient,) = torch.autograd.grad(loss, student)
    assert loss.isfinite()
    assert loss > 0
    # A dead plane divided by a small constant instead of its norm would give gradients of 1e8 and more.
    assert gradient.abs().max() < 1.0
    assert gradient.any() == (dead != "all of the student")


def test_a_dead_plane_is_at_distance_one_from_a_live_one_and_zero_from_a_dead_one():
    dead, live = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    assert eq1(dead, live).item() == 1.0
    assert eq1(dead, dead).item() == 0.0


@pytest.mark.parametrize("form", ALL_FORMS)
def test_gradients_against_finite_differences(form: Form):
    student = random_map(2, 3, 4, 4, seed=1, dtype=torch.float64).requires_grad_()
    teacher = random_map(2, 3, 4, 4, seed=2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda student: FORMS[form](student, teacher), (student,))


def test_the_larger_grid_is_averaged_to_the_smaller():
    large = torch.arange(16.0).reshape(1, 1, 4, 4)
    small = torch.zeros(1, 5, 2, 2)
    # The means of the four quarters of 0..15 in rows of four.
    quarters = torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]])
    assert torch.equal(match_grids(large, small)[0], quarters)
    assert torch.equal(match_grids(small, large)[1], quarters)
    assert match_grids(large, small)[1] is small
    assert [tuple(maps.shape) for maps in match_grids(torch.zeros(1, 2, 8, 2), torch.zeros(1, 3, 4, 4))] == [
        (1, 2, 4, 2),
        (1, 3, 4, 2),
    ]


def test_maps_that_do_not_fit_are_refused():
    for form in (eq1, frobenius):
        with pytest.raises(InputError, match=r"4 planes, the teacher's 6.*zagoruyko"):
            form(random_map(2, 4, 8, 8), random_map(2, 6, 8, 8))
    assert zagoruyko(random_map(2, 4, 8, 8), random_map(2, 6, 4, 4)).isfinite()
    for form in FORMS.values():
        with pytest.raises(InputError, match="2 and 3 images"):
            form(random_map(2, 4, 8, 8), random_map(3, 4, 8, 8))


@pytest.mark.parametrize("form", ALL_FORMS)
def test_training_moves_the_student_and_leaves_the_teacher_bit_identical(form: Form):
    student, teacher = networks(teacher="densenet121")
    teacher.train()  # as a careless caller may hand it over
    method = AttentionTransfer(student, teacher, form=form, beta=0.5)
    assert method.weight == 2.0
    freezing.apply(student, "all", "update")
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
    images, teacher_before, student_before = random_map(4, 3, 64, 64), state(teacher), state(student)
    hooks, losses = count_hooks(student, teacher), []
    for _ in range(6):
        teacher.train()
        logits = student(images)
        loss = method.loss(images, logits)
        optimizer.zero_grad()
        (logits.square().mean() * 0 + method.weight * loss).backward()
        optimizer.step()
        losses.append(loss.item())
    assert hooks == 2
    assert count_hooks(student, teacher) == hooks
    assert all(torch.equal(value, teacher_before[name]) for name, value in teacher.state_dict().items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in teacher.parameters())
    moved = {name for name, value in student.state_dict().items() if not torch.equal(value, student_before[name])}
    assert {"features.conv0.weight", "features.reduce.weight", "features.norm0.running_mean"} <= moved
    assert losses[-1] < losses[0]
    method.close()
    assert count_hooks(student, teacher) == 0


@pytest.mark.parametrize("architecture", ["densenet121", "densenet40"])
def test_a_copy_of_the_teacher_has_loss_zero_if_both_are_in_the_same_mode(architecture: Architecture):
    student, teacher = networks(architecture, architecture)
    student.load_state_dict(teacher.state_dict())
    method = AttentionTransfer(student, teacher, form="eq1", beta=1.0)
    images = random_map(2, 3, 64, 64)
    logits = student.eval()(images)
    loss = method.loss(images, logits)
    loss.backward()
    assert loss.item() == 0.0
    assert all(parameter.grad.isfinite().all() for parameter in student.parameters() if parameter.grad is not None)
    logits = student.train()(images)
    assert method.loss(images, logits).item() > 0.01


@pytest.mark.parametrize(("student", "teacher"), [("densenet121", "densenet40"), ("densenet40", "densenet121")])
def test_images_below_64_px_are_refused_for_a_densenet121_tap(student: Architecture, teacher: Architecture):
    pair = networks(student, teacher)
    method = AttentionTransfer(*pair, form="eq1", beta=1.0)
    images = random_map(2, 3, 48, 48)
    with pytest.raises(InputError, match=r"= 48: densenet121 needs at least 64 px.*1 x 1.*densenet40"):
        method.loss(images, pair[0](images))


def test_two_densenet40_transfer_attention_at_32_px():
    student, teacher = networks()
    method = AttentionTransfer(student, teacher, form="eq1", beta=1.0)
    images = random_map(2, 3, 32, 32)
    assert 0.01 < method.loss(images, student(images)).item() < 2.0


def test_a_batch_is_not_read_twice():
    student, teacher = networks()
    method = AttentionTransfer(student, teacher, form="eq1", beta=1.0)
    images = random_map(2, 3, 64, 64)
    logits = student(images)
    method.loss(images, logits)
    with pytest.raises(RuntimeError, match="run the network on the batch"):
        method.loss(images, logits)


def test_attention_needs_an_unfrozen_layer_below_the_tap():
    student, teacher = networks()
    freezing.apply(student, "head", "update")
    method = AttentionTransfer(student, teacher, form="eq1", beta=1.0)
    images = random_map(2, 3, 64, 64)
    with pytest.raises(InputError, match="trains no layer here"):
        method.loss(images, student(images))
    with torch.no_grad():  # a validation may still ask
        assert method.loss(images, student(images)).isfinite()


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_beta_must_be_a_positive_number(beta: float):
    with pytest.raises(InputError, match="expected a number above 0"):
        AttentionTransfer(*networks(), form="eq1", beta=beta)


def test_student_and_teacher_must_be_two_networks():
    student, _ = networks()
    with pytest.raises(InputError, match="one network"):
        AttentionTransfer(student, student, form="eq1", beta=1.0)


def test_methods_are_built_by_name():
    student, teacher = networks()
    assert transfer.build("supervised", student, None, Settings()) is None
    assert transfer.build("transfer_learning", student, None, Settings()) is None
    method = transfer.build("attention_transfer", student, teacher, Settings("zagoruyko", beta=4.0))
    assert isinstance(method, AttentionTransfer)
    assert (method.weight, list(method.parameters())) == (0.25, [])
    images = random_map(2, 3, 64, 64)
    logits = student.eval()(images)
    by_name = method.loss(images, logits).item()
    method.close()
    again = AttentionTransfer(student, teacher, form="zagoruyko", beta=1.0)
    assert again.loss(images, student(images)).item() == by_name


def test_methods_that_cannot_be_built_are_refused():
    student, teacher = networks()
    with pytest.raises(InputError, match='"distillation": expected one of supervised, transfer_learning'):
        transfer.build("distillation", student, teacher, Settings())
    with pytest.raises(InputError, match="needs a teacher"):
        transfer.build("attention_transfer", student, None, Settings())
    with pytest.raises(InputError, match="needs beta"):
        transfer.build("attention_transfer", student, teacher, Settings(beta=None))
    with pytest.raises(InputError, match='attention_loss = "eq2": expected one of eq1'):
        transfer.build("attention_transfer", student, teacher, Settings("eq2"))
