"""Networks against the paper's counts and shapes, and taps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
import torch
from torch import nn

from medkt.models import freezing
from medkt.models.densenet import Architecture, DenseNet40, build, check_size, smallest_size_px, tap
from medkt_eval.errors import InputError

ARCHITECTURES: tuple[Architecture, ...] = ("densenet121", "densenet40")


SEEDS = count()


def made(architecture: Architecture, n_outputs: int, seeds: Iterator[int] = SEEDS) -> nn.Module:
    """Build a network that differs from all others in this file."""
    return build(architecture, n_outputs, seed=next(seeds))


def batch(size_px: int, n_images: int = 2) -> torch.Tensor:
    return torch.randn(n_images, 3, size_px, size_px, generator=torch.Generator().manual_seed(size_px))


@pytest.mark.parametrize(
    ("architecture", "n_outputs", "expected"),
    [
        ("densenet121", 5, 6_958_981),
        ("densenet121", 14, 6_968_206),  # Tables IV and V: 7.0m
        ("densenet121", 15, 6_969_231),
        ("densenet40", 5, 1_354_917),
        ("densenet40", 14, 1_364_142),  # Table IV: 1.4m
        ("densenet40", 15, 1_365_167),
    ],
)
def test_parameter_counts_are_the_papers(architecture: Architecture, n_outputs: int, expected: int):
    assert freezing.parameter_counts(made(architecture, n_outputs)) == (expected, expected)


def test_densenet40_has_forty_convolutions_named_as_in_densenet121():
    small, large = made("densenet40", 14), made("densenet121", 14)
    assert sum(isinstance(module, nn.Conv2d) for module in small.modules()) == 40
    large_shapes = {name: value.shape for name, value in large.state_dict().items()}
    own = {name: value.shape for name, value in small.state_dict().items() if name not in large_shapes}
    assert sorted(own) == [f"features.{layer}.{what}" for layer in ("expand", "reduce") for what in ("bias", "weight")]
    assert all(large_shapes[name] == value.shape for name, value in small.state_dict().items() if name not in own)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_build_draws_from_its_seed_alone_and_leaves_torchs_random_state(architecture: Architecture):
    def weights(seed: int) -> torch.Tensor:
        return nn.utils.parameters_to_vector(build(architecture, 3, seed=seed).parameters()).detach()

    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    first = weights(1)
    assert torch.equal(torch.rand(4), expected)
    assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))


@pytest.mark.parametrize(
    ("architecture", "size_px", "side"),
    [
        ("densenet121", 256, 8),
        ("densenet121", 128, 4),
        ("densenet121", 64, 2),
        ("densenet40", 256, 8),
        ("densenet40", 128, 8),
        ("densenet40", 64, 8),
        ("densenet40", 32, 8),
    ],
)
def test_tap_gives_32_planes(architecture: Architecture, size_px: int, side: int):
    model = made(architecture, 14).eval()
    network_tap = tap(model)
    with torch.no_grad():
        logits = model(batch(size_px))
    assert network_tap.take().shape == (2, 32, side, side)
    assert logits.shape == (2, 14)


def test_tap_of_densenet40_is_the_raw_first_1x1_convolution():
    model = made("densenet40", 2).eval()
    assert isinstance(model, DenseNet40)
    network_tap = tap(model)
    with torch.no_grad():
        model(batch(64))
        pooled = batch(64)
        for name, layer in model.features.named_children():
            pooled = layer(pooled)
            if name == "reduce":
                break
    assert network_tap.value is not None
    assert torch.equal(network_tap.value, pooled)
    assert (pooled < 0).any()


def test_tap_is_one_hook_that_close_removes_and_a_value_that_is_taken_once():
    model = made("densenet40", 2).eval()
    layer = model.get_submodule("features.reduce")
    network_tap = tap(model)
    with torch.no_grad():
        for _ in range(5):
            model(batch(64))
    assert len(layer._forward_hooks) == 1
    network_tap.take()
    with pytest.raises(RuntimeError, match="run the network"):
        network_tap.take()
    network_tap.close()
    assert len(layer._forward_hooks) == 0


def test_tap_needs_a_layer_it_knows():
    with pytest.raises(InputError, match="Sequential has no layer to read attention from"):
        tap(nn.Sequential(nn.Conv2d(3, 3, 1)))


@pytest.mark.parametrize(
    ("architecture", "tapped", "smallest"),
    [("densenet121", True, 64), ("densenet121", False, 32), ("densenet40", True, 32), ("densenet40", False, 32)],
)
def test_images_below_the_smallest_size_are_refused(architecture: Architecture, tapped: bool, smallest: int):
    assert smallest_size_px(architecture, tapped=tapped) == smallest
    check_size(architecture, smallest, tapped=tapped)
    with pytest.raises(InputError, match=f"= {smallest - 1}: {architecture}.*Set image_size_px = {smallest} or more"):
        check_size(architecture, smallest - 1, tapped=tapped)


def test_unknown_architectures_and_no_outputs_are_refused():
    with pytest.raises(InputError, match='"resnet50": expected one of densenet121, densenet40'):
        made("resnet50", 2)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="n_outputs = 0"):
        made("densenet40", 0)
