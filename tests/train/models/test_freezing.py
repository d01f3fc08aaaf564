"""The layers that train, by keyword and by name, and the behaviour of frozen BatchNorm layers."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn
from torchvision.models import densenet121, densenet169

from medkt.models import freezing
from medkt.models.densenet import Architecture, build
from medkt.settings import Unfrozen
from medkt_eval.errors import InputError


def running_means(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.named_buffers() if name.endswith("running_mean")}


@pytest.mark.parametrize(
    ("architecture", "unfrozen", "trainable"),
    [
        ("densenet121", "all", 6_968_206),
        ("densenet121", "last34", 2_700_814),  # Table IV: 2.7m
        ("densenet121", "head", 14_350),
        # last34 by its layers' names
        ("densenet121", ["features.transition3", "features.denseblock4", "features.norm5", "classifier"], 2_700_814),
        # 128 -> 128 (1 x 1), 128 -> 32 (3 x 3), without biases: as growth rate 32 and bn_size 4 say
        ("densenet40", ["features.denseblock2.denselayer1.conv1"], 128 * 128),
        ("densenet40", ["features.denseblock2.denselayer1"], 2 * 128 + 128 * 128 + 2 * 128 + 128 * 32 * 9),
        ("densenet40", ["features.reduce", "features.expand"], (512 + 1) * 32 + (32 + 1) * 1024),
        ("densenet40", ["features", "features.reduce", "classifier"], 1_364_142),
        ("densenet40", "all", 1_364_142),
        ("densenet40", "head", 14_350),
    ],
)
def test_unfrozen_parameters(architecture: Architecture, unfrozen: Unfrozen, trainable: int):
    model = build(architecture, 14, seed=0)
    freezing.apply(model, "head", "update")  # what was frozen before must not matter
    freezing.apply(model, unfrozen, "update")
    assert freezing.parameter_counts(model)[0] == trainable


def test_last34_are_34_layers_of_densenet121_alone():
    model = build("densenet121", 14, seed=0)
    freezing.apply(model, "last34", "update")
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert sum(layer.weight.requires_grad for layer in layers) == 34
    for other in (build("densenet40", 14, seed=0), densenet169(num_classes=14)):
        with pytest.raises(InputError, match=r"last34.*DenseNet-121"):
            freezing.apply(other, "last34", "update")


@pytest.mark.parametrize("frozen_batchnorm", ["update", "fixed"])
def test_frozen_batchnorm_moves_only_when_told(frozen_batchnorm: Literal["update", "fixed"]):
    model = densenet121(num_classes=2)
    freezing.apply(model, "last34", frozen_batchnorm)
    model.eval()  # as a validation does
    freezing.set_training_mode(model, frozen_batchnorm)
    before = running_means(model)
    with torch.no_grad():
        model(torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(64)))
    moved = {name for name, value in running_means(model).items() if not torch.equal(value, before[name])}
    trained = {
        name for name in before if name.startswith(("features.transition3", "features.denseblock4", "features.norm5"))
    }
    assert moved == (trained if frozen_batchnorm == "fixed" else set(before))


def test_a_layers_name_is_no_mere_beginning():
    model = build("densenet121", 2, seed=0)
    freezing.apply(model, ["features.denseblock4.denselayer1"], "update")
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {
        f"features.denseblock4.denselayer1.{name}"
        for name in ("norm1.weight", "norm1.bias", "conv1.weight", "norm2.weight", "norm2.bias", "conv2.weight")
    }


def test_layers_that_are_not_there_or_have_nothing_to_train_are_refused():
    model = build("densenet40", 2, seed=0)
    freezing.apply(model, "head", "update")
    with pytest.raises(InputError, match=r"unfrozen: DenseNet40 has no layer 'features.denseblok2'.*denseblock2"):
        freezing.apply(model, ["classifier", "features.denseblok2"], "update")
    with pytest.raises(InputError, match=r"no layer 'classifier.weight'; expected a name such as classifier"):
        freezing.apply(model, ["classifier.weight"], "update")
    with pytest.raises(InputError, match=r"features.relu0 is a ReLU, which has no parameters"):
        freezing.apply(model, ["features.relu0"], "update")
    assert freezing.parameter_counts(model)[0] == 1024 * 2 + 2  # as before


def test_unknown_words_of_freezing_are_refused():
    model = build("densenet40", 2, seed=0)
    with pytest.raises(InputError, match='unfrozen = "last3"'):
        freezing.apply(model, "last3", "update")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match='frozen_batchnorm = "frozen"'):
        freezing.apply(model, "all", "frozen")  # pyright: ignore[reportArgumentType]
