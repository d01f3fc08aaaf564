"""The attention losses, against maps by hand; numerical pitfalls; attention transfer between networks."""

from __future__ import annotations

import math
from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from medkt.models import freezing
from medkt.models.densenet import Architecture, build, smallest_size_px
from medkt.teachers.teacher import Teacher
from medkt.transfer.attention import FORMS, Form, attention_transfer, eq1, frobenius, zagoruyko
from medkt.transfer.settings import TapSettings
from medkt.transfer.taps import Projection, Taps
from medkt_eval.errors import InputError

ALL_FORMS: tuple[Form, ...] = ("eq1", "frobenius", "zagoruyko")


def random_map(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def densenets(student: Architecture = "densenet40", teacher: Architecture = "densenet40") -> tuple[nn.Module, Teacher]:
    layer = "features.reduce" if teacher == "densenet40" else "features.denseblock4.denselayer16.conv2"
    network = build(teacher, 3, seed=8)
    return build(student, 3, seed=7), Teacher(
        network, attention_layer=layer, smallest_size_px=smallest_size_px(teacher, tapped=True)
    )


def small(planes: int, seed: int) -> nn.Module:
    """Two layers of maps: `first`, 8 x 8 for 16 px, and `second`, 4 x 4."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, second = nn.Conv2d(3, planes, 3, 2, 1), nn.Conv2d(planes, 2 * planes, 3, 2, 1)
        named = OrderedDict[str, nn.Module](
            first=first, second=second, pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), head=nn.Linear(2 * planes, 3)
        )
        return nn.Sequential(named)


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


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
    student, teacher = densenets(teacher="densenet121")
    method = attention_transfer(Taps(student, teacher, None, 64), form=form, beta=0.5)
    assert method.weight == 2.0
    freezing.apply(student, "all", "update")
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
    teacher_before, student_before = state(teacher.network), state(student)
    images, losses = random_map(4, 3, 64, 64), []
    for _ in range(5):
        teacher.network.train()  # as a careless caller may leave it
        teacher.forget()
        logits = student(images)
        loss = method.loss(images, logits)
        optimizer.zero_grad()
        (logits.square().mean() * 0 + method.weight * loss).backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(torch.equal(value, teacher_before[name]) for name, value in teacher.network.state_dict().items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in teacher.network.parameters())
    moved = {name for name, value in student.state_dict().items() if not torch.equal(value, student_before[name])}
    assert {"features.conv0.weight", "features.reduce.weight", "features.norm0.running_mean"} <= moved
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("form", ALL_FORMS)
def test_by_default_the_loss_is_the_distance_of_the_attention_layers_to_the_bit(form: Form):
    student, teacher = densenets()
    method = attention_transfer(Taps(student, teacher, None, 64), form=form, beta=1.0)
    images, maps = random_map(2, 3, 64, 64), []
    for network in (student, teacher.network):
        network.get_submodule("features.reduce").register_forward_hook(lambda _module, _images, out: maps.append(out))
    loss = method.loss(images, student(images))
    expected = FORMS[form](*maps)
    assert torch.equal(loss, expected)
    weight = student.get_parameter("features.reduce.weight")
    gradients = [torch.autograd.grad(value, weight, retain_graph=True)[0] for value in (loss, expected)]
    assert torch.equal(*gradients)


def test_a_copy_of_the_teacher_has_loss_zero_if_both_are_in_the_same_mode():
    student, teacher = densenets()
    student.load_state_dict(teacher.network.state_dict())
    method = attention_transfer(Taps(student, teacher, None, 64), form="eq1", beta=1.0)
    images = random_map(2, 3, 64, 64)
    loss = method.loss(images, student.eval()(images))
    loss.backward()
    assert loss.item() == 0.0
    assert all(parameter.grad.isfinite().all() for parameter in student.parameters() if parameter.grad is not None)
    assert method.loss(images, student.train()(images)).item() > 0.01


def test_two_densenet40_transfer_attention_at_32_px():
    student, teacher = densenets()
    method = attention_transfer(Taps(student, teacher, None, 32), form="eq1", beta=1.0)
    images = random_map(2, 3, 32, 32)
    assert 0.01 < method.loss(images, student(images)).item() < 2.0


def test_over_several_taps_the_loss_is_the_weighted_sum_of_distances():
    student, teacher = small(4, seed=1), Teacher(small(4, seed=2), attention_layer="first", smallest_size_px=4)
    pairs = [
        TapSettings(student="first", teacher="second", weight=0.25),
        TapSettings(student="second", teacher="first"),
    ]
    method = attention_transfer(Taps(student, teacher, pairs, 16), form="zagoruyko", beta=1.0)
    images = random_map(2, 3, 16, 16)
    firsts = [network.get_submodule("first")(images) for network in (student, teacher.network)]
    seconds = [network.get_submodule("second")(firsts[k]) for k, network in enumerate((student, teacher.network))]
    expected = 0.25 * zagoruyko(firsts[0], seconds[1]) + zagoruyko(seconds[0], firsts[1])
    assert method.loss(images, student(images)).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("form", ["eq1", "frobenius"])
def test_a_projection_pairs_unequal_planes_and_is_trained_with_the_student(form: Form):
    student, teacher = small(4, seed=1), Teacher(small(6, seed=2), attention_layer="first", smallest_size_px=4)
    pairs = [TapSettings(student="first", teacher="first")]
    with pytest.raises(InputError, match=r"4 planes, the teacher's 6.*projection = true.*zagoruyko"):
        attention_transfer(Taps(student, teacher, pairs, 16), form=form, beta=1.0)
    method = attention_transfer(Taps(student, teacher, pairs, 16), form=form, beta=1.0, projection=True, seed=3)
    assert freezing.parameter_counts(method) == (4 * 6 + 6, 4 * 6 + 6)
    images = random_map(2, 3, 16, 16)
    (projection,) = method.adapters
    assert isinstance(projection, Projection)
    projected = torch.einsum("oi,bihw->bohw", projection.weight[:, :, 0, 0], student.get_submodule("first")(images))
    expected = FORMS[form](projected, teacher.network.get_submodule("first")(images))
    optimizer = torch.optim.SGD([*student.parameters(), *method.parameters()], lr=0.05)
    losses = []
    for _ in range(5):
        loss = method.loss(images, student(images))
        optimizer.zero_grad()
        loss.backward()
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in method.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(expected.item(), rel=1e-5)
    assert losses[-1] < losses[0]


def test_a_sum_over_planes_takes_no_projection():
    with pytest.raises(InputError, match=r"projection = true.*zagoruyko.*needs none"):
        attention_transfer(Taps(*densenets(), None, 64), form="zagoruyko", beta=1.0, projection=True)


def test_one_pixel_holds_no_attention():
    student, teacher = small(4, seed=1), Teacher(small(4, seed=2), attention_layer="first", smallest_size_px=4)
    taps = Taps(student, teacher, [TapSettings(student="pool", teacher="second")], 16)
    with pytest.raises(InputError, match=r"pool and second share a grid of 1 x 1"):
        attention_transfer(taps, form="zagoruyko", beta=1.0)


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_beta_must_be_a_positive_number(beta: float):
    with pytest.raises(InputError, match="expected a number above 0"):
        attention_transfer(Taps(*densenets(), None, 64), form="eq1", beta=beta)
