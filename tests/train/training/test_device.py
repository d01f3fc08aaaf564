"""The device, memory layout and precision of a run."""

import shutil
import weakref

import pytest
import torch

from medkt.models import densenet
from medkt.settings import TrainingSettings
from medkt.training import device
from medkt.training.device import batch_size_that_fits, is_out_of_memory
from medkt_eval.errors import InputError


def test_bfloat16_is_taken_only_where_it_is_asked_for_and_the_device_has_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for has in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        assert not device.chosen(TrainingSettings()).bfloat16
        assert device.chosen(TrainingSettings(precision="auto")).bfloat16 == has


def test_autocast_computes_in_bfloat16_and_keeps_the_weights():
    cpu = device.Device(torch.device("cpu"), bfloat16=True)
    layer = torch.nn.Linear(2, 2)
    with cpu.autocast():
        assert layer(torch.zeros(1, 2)).dtype == torch.bfloat16
    assert layer.weight.dtype == torch.float32
    assert cpu.describe() == {"device": "cpu", "precision": "bfloat16"}
    assert device.Device(torch.device("cpu")).describe()["precision"] == "float32"


def test_a_placed_network_is_channels_last_and_the_same_to_the_bit():
    network = densenet.build("densenet40", 2, seed=0).eval()
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    placed = device.chosen(TrainingSettings()).placed(network)
    assert placed.state_dict()["features.denseblock1.denselayer1.conv2.weight"].is_contiguous(
        memory_format=torch.channels_last
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in placed.state_dict().items())
    assert placed(images).shape == (2, 2)


def test_compiling_is_opt_in_and_refused_where_hooks_read_layers():
    network = torch.nn.Linear(2, 2)
    assert device.compiled(network, TrainingSettings(), has_teacher=True) is network
    with pytest.raises(InputError, match="compile = true: expected a method without a teacher"):
        device.compiled(network, TrainingSettings(compile=True), has_teacher=True)
    assert device.compiled(network, TrainingSettings(compile=True), has_teacher=False) is not network


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_network_learns_the_same_and_keeps_its_names():
    layers = torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(144, 2)
    network = torch.nn.Sequential(*layers)
    names, images = list(network.state_dict()), torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    forward = device.compiled(network, TrainingSettings(compile=True), has_teacher=False)
    gradients = []
    for look in (network, forward):
        for n in (4, 3):  # the last batch of an epoch is smaller
            look(images[:n]).square().sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters()])
        network.zero_grad(set_to_none=True)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-4)
    assert list(network.state_dict()) == names


def test_memory_that_does_not_suffice_is_told_from_other_errors():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("std::bad_alloc"))
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_what_a_failed_step_holds_is_let_go_before_a_smaller_one_is_tried():
    held: list[weakref.ref[torch.Tensor]] = []

    def step() -> None:
        graph = torch.ones(3, requires_grad=True) * 2
        held.append(weakref.ref(graph))
        torch.empty(2**60)

    seen = fits = None
    try:
        step()
    except RuntimeError as error:
        seen = is_out_of_memory(error), held[0]() is None
        fits = batch_size_that_fits(lambda _n: None, 8), held[0]() is None
    assert seen == (True, False)
    assert fits == (4, True)


def test_the_batch_is_halved_until_it_fits():
    tried = []

    def step(n: int) -> None:
        tried.append(n)
        if n > 5:
            raise MemoryError

    assert batch_size_that_fits(step, 32) == 4
    assert tried == [16, 8, 4]
    assert batch_size_that_fits(lambda _n: (_ for _ in ()).throw(MemoryError()), 4) is None
    with pytest.raises(RuntimeError, match="another"):
        batch_size_that_fits(lambda _n: (_ for _ in ()).throw(RuntimeError("another")), 4)
