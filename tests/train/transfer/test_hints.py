"""FitNets' hint loss, against maps by hand; training of its regressor."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from medkt.models import freezing
from medkt.teachers.teacher import Teacher
from medkt.transfer.hints import hint, hint_transfer
from medkt.transfer.settings import TapSettings
from medkt.transfer.taps import TappedTransfer, Taps
from medkt_eval.errors import InputError


def random_map(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def network(planes: int, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(3, planes, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(planes, 2))


def made(beta: float = 2.0, seed: int = 5) -> tuple[nn.Module, Teacher, TappedTransfer]:
    student, teacher = network(4, seed=1), Teacher(network(6, seed=2), attention_layer="0", smallest_size_px=4)
    taps = Taps(student, teacher, [TapSettings(student="0", teacher="0")], 8)
    return student, teacher, hint_transfer(taps, beta=beta, seed=seed)


def test_known_value():
    # Two images: squares 1 + 4 and 9 + 16, halved, averaged.
    student, teacher = torch.zeros(2, 1, 1, 2), torch.tensor([[[[1.0, -2.0]]], [[[3.0, 4.0]]]])
    assert hint(student, teacher).item() == ((1 + 4) / 2 + (9 + 16) / 2) / 2


@settings(max_examples=30)
@given(shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6)), seed=st.integers(0, 2**32 - 1))
def test_against_torchs_sum_of_squares(shape: tuple[int, int, int], seed: int):
    n, planes, side = shape
    student, teacher = random_map(n, planes, side, side, seed=seed), random_map(n, planes, side, side, seed=seed + 1)
    expected = nn.functional.mse_loss(student, teacher, reduction="sum").item() / (2 * n)
    assert hint(student, teacher).item() == pytest.approx(expected, rel=1e-5)
    assert hint(student.repeat(3, 1, 1, 1), teacher.repeat(3, 1, 1, 1)).item() == pytest.approx(expected, rel=1e-5)


def test_the_larger_grid_is_averaged_to_the_smaller():
    large = torch.arange(16.0).reshape(1, 1, 4, 4)
    small = torch.tensor([[[[2.5, 4.5], [10.5, 14.5]]]])  # the means of its quarters, except 2 in the last
    assert hint(large, small).item() == hint(small, large).item() == 2.0


def test_gradients_against_finite_differences_and_finite_where_maps_are_equal_or_dead():
    student = random_map(2, 3, 4, 4, seed=1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda maps: hint(maps, random_map(2, 3, 2, 2, seed=2, dtype=maps.dtype)), (student,)
    )
    for target in (student.detach().clone(), torch.zeros_like(student)):
        (gradient,) = torch.autograd.grad(hint(student, target), student)
        assert torch.equal(gradient, (student.detach() - target) / 2)  # over two images


def test_maps_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="2 and 3 images"):
        hint(random_map(2, 4, 8, 8), random_map(3, 4, 8, 8))


def test_the_loss_is_that_of_the_regressed_map():
    student, teacher, method = made()
    assert method.weight == 0.5
    assert freezing.parameter_counts(method) == (4 * 6 + 6, 4 * 6 + 6)
    images = random_map(3, 3, 8, 8)
    weight, bias = method.parameters()
    regressed = torch.einsum("oi,bihw->bohw", weight[:, :, 0, 0], student.get_submodule("0")(images))
    expected = (teacher.network.get_submodule("0")(images) - regressed - bias[:, None, None]).square().sum() / 6
    assert method.loss(images, student(images)).item() == pytest.approx(expected.item(), rel=1e-5)


def test_training_moves_student_and_regressor_and_not_the_teacher():
    student, teacher, method = made()
    before = {name: value.clone() for name, value in teacher.network.state_dict().items()}
    optimizer = torch.optim.Adam([*student.parameters(), *method.parameters()], lr=0.01)
    images, losses = random_map(4, 3, 8, 8), []
    for _ in range(60):
        loss = method.loss(images, student(images))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 5
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in method.parameters())
    assert all(torch.equal(value, before[name]) for name, value in teacher.network.state_dict().items())


def test_regressors_start_from_the_seed():
    first, again, other = (made(seed=seed)[2].state_dict()["adapters.0.weight"] for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
