"""Methods by name, the parameters that they train, and several methods with one teacher."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medkt import transfer
from medkt.models import freezing
from medkt.models.densenet import build
from medkt.teachers.teacher import Teacher
from medkt.transfer import METHODS
from medkt.transfer.logits import LogitTransfer
from medkt.transfer.method import Transfer
from medkt.transfer.settings import TapSettings, TaughtSettings
from medkt.transfer.taps import TappedTransfer
from medkt_eval.errors import InputError

LABELS = ("Edema", "Fracture", "Mass")
WITH_TEACHER = ("attention_transfer", "knowledge_distillation", "hint_transfer")


def teacher() -> Teacher:
    network = build("densenet40", 3, seed=8)
    return Teacher(network, attention_layer="features.reduce", smallest_size_px=32, labels=LABELS)


def batch(seed: int) -> Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def built(method: str, student: nn.Module, teacher: Teacher | None, seed: int = 5, **keys: Any) -> Transfer | None:
    settings = METHODS[method].model_validate({"method": method, **keys})
    return transfer.build(settings, student, teacher, task="multilabel", labels=LABELS, image_size_px=32, seed=seed)


def made(method: str, student: nn.Module, teacher: Teacher | None, **keys: Any) -> Transfer:
    found = built(method, student, teacher, **{"beta": 2.0, **keys})
    assert found is not None
    return found


def test_methods_are_built_by_name():
    student, taught_by = build("densenet40", 3, seed=7), teacher()
    for method in ("supervised", "transfer_learning"):
        assert built(method, student, None) is None
    of_each = [made(method, student, taught_by, beta=4.0) for method in WITH_TEACHER]
    assert [type(method) for method in of_each] == [TappedTransfer, LogitTransfer, TappedTransfer]
    assert [method.weight for method in of_each] == [0.25] * 3


def test_the_table_names_each_method_as_the_method_names_itself():
    for name, settings in METHODS.items():
        keys = {"beta": 1.0} if issubclass(settings, TaughtSettings) else {}
        assert settings.model_validate({"method": name, **keys}).method == name
    assert {name for name, settings in METHODS.items() if issubclass(settings, TaughtSettings)} == set(WITH_TEACHER)


def test_the_schema_of_a_study_file_needs_no_torch():
    code = "import sys, medkt.study.schema; assert 'torch' not in sys.modules, 'torch was imported'"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_methods_state_is_what_it_trains_itself():
    student, taught_by = build("densenet40", 3, seed=7), teacher()
    two = [
        TapSettings(student="features.reduce", teacher="features.reduce"),
        TapSettings(student="features.denseblock2", teacher="features.transition1"),
    ]
    names = ["adapters.0.weight", "adapters.0.bias", "adapters.1.weight", "adapters.1.bias"]
    cases: list[tuple[str, dict[str, Any], list[str]]] = [
        ("attention_transfer", {}, []),
        ("attention_transfer", {"projection": True}, names[:2]),
        ("attention_transfer", {"projection": True, "taps": two}, names),
        ("knowledge_distillation", {}, []),
        ("hint_transfer", {}, names[:2]),
        ("hint_transfer", {"taps": two}, names),
    ]
    for method, keys, expected in cases:
        found = made(method, student, taught_by, **keys)
        assert list(found.state_dict()) == expected
        assert [name for name, _ in found.named_parameters()] == expected
        n_parameters = {0: 0, 2: 32 * 32 + 32, 4: 32 * 32 + 32 + 512 * 128 + 128}[len(expected)]
        assert freezing.parameter_counts(found) == (n_parameters, n_parameters)
        found.close()
    assert not any(module._forward_hooks for module in student.modules())


def test_methods_that_cannot_be_built_are_refused():
    student, taught_by = build("densenet40", 3, seed=7), teacher()
    for method in WITH_TEACHER:
        with pytest.raises(InputError, match=f'"{method}" needs a teacher'):
            made(method, student, None)
        with pytest.raises(ValueError, match="beta\n  Field required"):
            built(method, student, taught_by)
        with pytest.raises(InputError, match="one network"):
            made(method, taught_by.network, taught_by)
        with pytest.raises(ValueError, match="expected a number from 1e-12"):
            made(method, student, taught_by, beta=0.0)
    with pytest.raises(ValueError, match="Input should be 'eq1', 'frobenius' or 'zagoruyko'"):
        made("attention_transfer", student, taught_by, attention_loss="eq2")
    with pytest.raises(ValueError, match=r"temperature\n  Input should be greater than or equal to 0.001"):
        made("knowledge_distillation", student, taught_by, temperature=0)


def taught(ways: list[tuple[str, dict[str, Any]]]) -> tuple[list[dict[str, Tensor]], int]:
    """Train one student per method in lockstep with one teacher; returns their states and the teacher's passes."""
    taught_by, runs = teacher(), []
    for method, keys in ways:
        student = build("densenet40", 3, seed=5)
        of_run = made(method, student, taught_by, **keys)
        optimizer = torch.optim.Adam([*student.parameters(), *of_run.parameters()], lr=1e-3)
        runs.append((student.train(), of_run, optimizer))
    passes: list[None] = []
    taught_by.network.register_forward_hook(lambda *_: passes.append(None))
    for seed in range(2):
        images = batch(seed)
        for student, of_run, optimizer in runs:
            logits = student(images)
            loss = logits.square().mean() + of_run.weight * of_run.loss(images, logits)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return [{**student.state_dict(), **of_run.state_dict()} for student, of_run, _ in runs], len(passes)


def test_students_in_lockstep_share_the_teachers_pass_and_get_the_bits_that_they_get_alone():
    ways: list[tuple[str, dict[str, Any]]] = [
        ("attention_transfer", {"beta": 0.5}),
        ("attention_transfer", {"beta": 20.0, "projection": True}),
        ("knowledge_distillation", {}),
        ("hint_transfer", {"beta": 100.0}),
    ]
    together, passes = taught(ways)
    assert passes == 2  # one a batch
    for way, state in zip(ways, together, strict=True):
        (alone,), passes = taught([way])
        assert passes == 2
        assert state.keys() == alone.keys()
        assert all(torch.equal(state[name], alone[name]) for name in alone)
    assert not torch.equal(together[0]["features.conv0.weight"], together[1]["features.conv0.weight"])
