"""Pairs of layers: found by name, read once per batch, brought to one grid and to the same planes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from medkt.models import freezing
from medkt.models.densenet import Architecture, build, smallest_size_px
from medkt.teachers.teacher import Teacher
from medkt.transfer.settings import TapSettings
from medkt.transfer.taps import Projection, Taps, match_grids, projections
from medkt_eval.errors import InputError


def random_map(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def networks(student: Architecture = "densenet40", teacher: Architecture = "densenet40") -> tuple[nn.Module, Teacher]:
    layer = "features.reduce" if teacher == "densenet40" else "features.denseblock4.denselayer16.conv2"
    network = build(teacher, 3, seed=8)
    return build(student, 3, seed=7), Teacher(
        network, attention_layer=layer, smallest_size_px=smallest_size_px(teacher, tapped=True)
    )


def pair(student: str = "features.reduce", teacher: str = "features.reduce") -> list[TapSettings]:
    return [TapSettings(student=student, teacher=teacher)]


def count_hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_by_default_the_attention_layers_are_read():
    taps = Taps(*networks("densenet40", "densenet121"), None, 128)
    assert [(tap.student, tap.teacher, tap.weight) for tap in taps.pairs] == [
        ("features.reduce", "features.denseblock4.denselayer16.conv2", 1.0)
    ]
    assert taps.shapes == [((1, 32, 8, 8), (1, 32, 4, 4))]


def test_making_taps_moves_nothing():
    student, teacher = networks()
    freezing.apply(student, ["features.expand", "classifier"], "fixed")
    modes = [module.training for module in student.modules()]
    assert len(set(modes)) == 2
    before = {
        name: value.clone()
        for network in (student, teacher.network)
        for name, value in network.state_dict(prefix=str(id(network))).items()
    }
    random_state = torch.get_rng_state()
    projections(Taps(student, teacher, None, 64), seed=0)
    assert [module.training for module in student.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random_state)
    for network in (student, teacher.network):
        for name, value in network.state_dict(prefix=str(id(network))).items():
            assert torch.equal(value, before[name])


def test_maps_are_read_raw_in_float32_and_once():
    student, teacher = networks()
    taps = Taps(student, teacher, [*pair(), *pair("features.conv0", "features.transition1")], 64)
    images = random_map(2, 3, 64, 64)
    with pytest.raises(RuntimeError, match="run the network on the batch"):  # the black image is forgotten
        taps.read(images, torch.zeros(2, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = student(images)
        maps = taps.read(images, logits)
    assert logits.dtype == torch.bfloat16
    assert {m.dtype for both in maps for m in both} == {torch.float32}
    assert [tuple(tuple(m.shape) for m in both) for both in maps] == [
        ((2, 32, 8, 8), (2, 32, 8, 8)),
        ((2, 64, 32, 32), (2, 128, 8, 8)),
    ]
    features = student.get_submodule("features")
    assert torch.allclose(maps[1][0], features.get_submodule("conv0")(images), atol=0.05, rtol=0.02)
    with pytest.raises(RuntimeError, match="run the network on the batch"):
        taps.read(images, logits)


def test_hooks_are_as_many_after_any_number_of_batches_and_close_leaves_none_on_the_student():
    student, teacher = networks()
    taps = Taps(student, teacher, pair(), 32)
    hooks = count_hooks(student), count_hooks(teacher.network)
    for seed in range(3):
        images = random_map(2, 3, 32, 32, seed=seed)
        taps.read(images, student(images))
    assert (count_hooks(student), count_hooks(teacher.network)) == hooks
    assert hooks[0] == 1
    taps.close()
    assert (count_hooks(student), count_hooks(teacher.network)) == (0, hooks[1])


def test_layers_that_are_not_there_are_named_with_near_ones():
    student, teacher = networks()
    with pytest.raises(InputError, match=r"taps: student: DenseNet40 has no layer 'features.redduce'.*features.reduce"):
        Taps(student, teacher, pair("features.redduce"), 64)
    with pytest.raises(InputError, match=r"no layer 'xyz'.*features, classifier"):
        Taps(student, teacher, pair("xyz"), 64)
    with pytest.raises(InputError, match=r"features\.redduce"):
        Taps(student, teacher, pair(teacher="features.redduce"), 64)


def test_layers_without_maps_are_refused():
    student, teacher = networks()
    with pytest.raises(InputError, match=r"student: classifier gives \(1, 3\); expected a layer that gives maps"):
        Taps(student, teacher, pair("classifier"), 64)
    with pytest.raises(InputError, match=r"teacher: classifier gives \(1, 3\)"):
        Taps(student, teacher, pair(teacher="classifier"), 64)
    student.add_module("idle", nn.ReLU())
    with pytest.raises(InputError, match="student: idle gives no tensor, or is never run"):
        Taps(student, teacher, pair("idle"), 64)


@pytest.mark.parametrize(
    ("student", "teacher", "match"),
    [
        ("densenet121", "densenet40", "= 48: densenet121 needs at least 64 px.*1 x 1.*densenet40"),
        ("densenet40", "densenet121", "= 48: the teacher needs at least 64 px.*1 x 1.*taps on earlier layers"),
    ],
)
def test_images_below_64_px_are_refused_for_a_densenet121_attention_layer(
    student: Architecture, teacher: Architecture, match: str
):
    pair_of_networks = networks(student, teacher)
    with pytest.raises(InputError, match=match):
        Taps(*pair_of_networks, None, 48)
    earlier = {"densenet40": "features.reduce", "densenet121": "features.denseblock2"}
    Taps(*pair_of_networks, pair(earlier[student], earlier[teacher]), 48)


def test_every_tap_needs_an_unfrozen_layer_below_it():
    student, teacher = networks()
    freezing.apply(student, ["features.reduce", "features.expand", "classifier"], "update")
    taps = Taps(student, teacher, [*pair(), *pair("features.transition1", "features.transition1")], 64)
    images = random_map(2, 3, 64, 64)
    with pytest.raises(InputError, match=r"no layer through features.transition1: all below that tap are frozen"):
        taps.read(images, student(images))
    with torch.no_grad():  # a validation may still ask
        assert len(taps.read(images, student(images))) == 2


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


@settings(max_examples=30)
@given(planes=st.tuples(st.integers(1, 6), st.integers(1, 6)), side=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_a_projection_is_a_matrix_at_every_pixel(planes: tuple[int, int], side: int, seed: int):
    projection = Projection(*planes, generator=torch.Generator().manual_seed(seed))
    torch.nn.init.constant_(projection.bias, 0.5)
    maps = random_map(2, planes[0], side, side, seed=seed)
    expected = torch.einsum("oi,bihw->bohw", projection.weight[:, :, 0, 0], maps) + 0.5
    assert torch.allclose(projection(maps), expected, atol=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(projection(maps), projection(maps).float())
        assert torch.allclose(projection(maps), expected, atol=1e-5)


def test_projections_depend_on_the_seed_alone_and_keep_the_size_of_what_goes_through():
    student, teacher = networks()
    pairs = [*pair(), *pair("features.denseblock2", "features.denseblock1"), *pair()]

    def weights(seed: int) -> list[Tensor]:
        return [
            projection.get_parameter("weight") for projection in projections(Taps(student, teacher, pairs, 64), seed)
        ]

    first, again, other = weights(1), weights(1), weights(2)
    assert [tuple(weight.shape) for weight in first] == [(32, 32, 1, 1), (256, 512, 1, 1), (32, 32, 1, 1)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert not torch.equal(first[0], first[2])
    assert first[1].var().item() == pytest.approx(1 / 512, rel=0.02)  # 131,072 draws: 5 standard errors
