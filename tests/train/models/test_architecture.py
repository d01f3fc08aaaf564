"""Networks as rows of Table VI."""

import pytest
import torch
from torch import nn
from torchvision.models import densenet121
from torchvision.models.densenet import _DenseBlock

from medkt.models.architecture import stages
from medkt.models.densenet import Architecture, build
from medkt_eval.errors import InputError

# The paper's Table VI: name, operations, repeats, output side at 256 px.
TABLE_VI = [
    ("Convolution", ["7 × 7 convolution, stride 2"], 1, 128),
    ("Pooling", ["3 × 3 max pooling, stride 2"], 1, 64),
    ("Dense Block (1)", ["1 × 1 convolution", "3 × 3 convolution"], 6, 64),
    ("Transition Layer (1)", ["1 × 1 convolution", "2 × 2 average pooling, stride 2"], 1, 32),
    ("Dense Block (2)", ["1 × 1 convolution", "3 × 3 convolution"], 12, 32),
    ("Pooling", ["8 × 8 adaptive average pooling"], 1, 8),
    ("Convolution", ["1 × 1 convolution"], 1, 8),
    ("Convolution", ["1 × 1 convolution"], 1, 8),
    ("Classification", ["global average pooling", "fully connected, 14 outputs"], 1, None),
]


def test_densenet40_is_table_vi():
    found = stages(build("densenet40", 14, seed=0), 256)
    assert [(stage.name, stage.operations, stage.repeats, stage.height) for stage in found] == TABLE_VI
    assert all(stage.width == stage.height for stage in found)
    # 64 at the start, 32 more with each layer of a block, halved by a transition; the paper's waist of 32
    assert [stage.channels for stage in found] == [64, 64, 256, 128, 512, 512, 32, 1024, 14]
    assert [stage.tap for stage in found].index(True) == 6
    assert sum(stage.tap for stage in found) == 1
    assert sum(stage.parameters for stage in found) == 1_364_142
    by_hand = [
        7 * 7 * 3 * 64 + 2 * 64,
        0,
        None,
        2 * 256 + 256 * 128,
        None,
        0,
        512 * 32 + 32,
        32 * 1024 + 1024 + 2 * 1024,
        1024 * 14 + 14,
    ]
    assert all(b is None or stage.parameters == b for stage, b in zip(found, by_hand, strict=True))


def test_densenet121_is_torchvisions():
    model = densenet121(weights=None, num_classes=5)
    found = stages(model, 224)
    # Table 1 of Huang et al. 2017, at 224 px
    sides = [112, 56, 56, 28, 28, 14, 14, 7, 7, None]
    assert [stage.height for stage in found] == sides
    assert [stage.repeats for stage in found if stage.name.startswith("Dense")] == [6, 12, 24, 16]
    assert [stage.channels for stage in found] == [64, 64, 256, 128, 512, 256, 1024, 512, 1024, 5]
    assert [stage.name for stage in found if stage.tap] == ["Dense Block (4)"]
    assert sum(stage.parameters for stage in found) == 6_958_981  # the paper's network with 5 outputs
    block = sum(p.numel() for name, p in model.named_parameters() if name.startswith("features.denseblock3."))
    assert found[6].parameters == block
    assert found[-1].parameters == 2 * 1024 + 1024 * 5 + 5  # the norm before it is its own


@pytest.mark.parametrize(("architecture", "size_px", "side"), [("densenet40", 32, 4), ("densenet121", 64, 8)])
def test_sizes_are_those_of_a_real_forward_pass(architecture: Architecture, size_px: int, side: int):
    model = build(architecture, 3, seed=0).eval()
    features = model.get_submodule("features")
    assert isinstance(features, nn.Sequential)
    maps, sizes = torch.zeros(1, 3, size_px, size_px), []
    for layer in features:
        maps = layer(maps)
        if not isinstance(layer, nn.BatchNorm2d | nn.ReLU):
            sizes.append(tuple(maps.shape[1:]))
    found = stages(model, size_px)
    assert [(stage.channels, stage.height, stage.width) for stage in found[:-1]] == sizes
    assert found[4].height == side  # the second dense block: an eighth of the image


def test_the_network_stays_as_it_is():
    model = build("densenet40", 2, seed=0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    stages(model, 64)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(module.training and not module._forward_hooks for module in model.modules())


def test_what_cannot_be_described_is_named():
    model = build("densenet40", 2, seed=0)
    model.get_submodule("features").add_module("pool", nn.AdaptiveMaxPool2d(8))
    with pytest.raises(InputError, match=r"features\.pool: a AdaptiveMaxPool2d has no description"):
        stages(model, 64)
    model = build("densenet40", 2, seed=0)
    block = model.get_submodule("features.denseblock1")
    assert isinstance(block, _DenseBlock)
    block["denselayer2"].conv2 = nn.Conv2d(128, 32, kernel_size=5, padding=2)
    with pytest.raises(InputError, match=r"features\.denseblock1: its 6 layers differ"):
        stages(model, 64)
    with pytest.raises(InputError, match="no layer to read attention from"):
        stages(nn.Sequential(nn.Conv2d(3, 3, 1)), 64)
