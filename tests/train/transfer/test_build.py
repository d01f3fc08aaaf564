"""Methods by name, what is theirs to train, and several of them on one teacher."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from medkt import transfer
from medkt.config import TapSettings, TrainingSettings
from medkt.models import freezing
from medkt.models.densenet import build
from medkt.teachers.teacher import Teacher
from medkt.transfer import AttentionTransfer, HintTransfer, KnowledgeDistillation
from medkt_eval.errors import InputError

LABELS = ("Edema", "Fracture", "Mass")
WITH_TEACHER = ("attention_transfer", "knowledge_distillation", "hint_transfer")


@dataclass(frozen=True)
class Settings:
    beta: float | None = 2.0
    attention_loss: str | None = "eq1"
    temperature: float | None = 4.0
    taps: list[TapSettings] | None = None
    projection: bool = False
    seed: int = 5
    training: TrainingSettings = field(default_factory=lambda: TrainingSettings(image_size_px=32))


def teacher() -> Teacher:
    network = build("densenet40", 3, seed=8)
    return Teacher(network, attention_layer="features.reduce", smallest_size_px=32, labels=LABELS)


def batch(seed: int) -> Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def made(method: str, student: nn.Module, teacher: Teacher | None, settings: Settings) -> transfer.Transfer:
    built = transfer.build(method, student, teacher, settings, task="multilabel", labels=LABELS)
    assert built is not None
    return built


def test_methods_are_built_by_name():
    student, taught_by = build("densenet40", 3, seed=7), teacher()
    for method in ("supervised", "transfer_learning"):
        assert transfer.build(method, student, None, Settings(), task="multilabel", labels=LABELS) is None
    built = [made(method, student, taught_by, Settings(beta=4.0)) for method in WITH_TEACHER]
    assert [type(method) for method in built] == [AttentionTransfer, KnowledgeDistillation, HintTransfer]
    assert [method.weight for method in built] == [0.25] * 3


def test_a_methods_state_is_what_it_trains_itself():
    student, taught_by = build("densenet40", 3, seed=7), teacher()
    two = [
        TapSettings(student="features.reduce", teacher="features.reduce"),
        TapSettings(student="features.denseblock2", teacher="features.transition1"),
    ]
    keys = ["adapters.0.weight", "adapters.0.bias", "adapters.1.weight", "adapters.1.bias"]
    for method, settings, expected in (
        ("attention_transfer", Settings(), []),
        ("attention_transfer", Settings(projection=True), keys[:2]),
        ("attention_transfer", Settings(projection=True, taps=two), keys),
        ("knowledge_distillation", Settings(), []),
        ("hint_transfer", Settings(), keys[:2]),
        ("hint_transfer", Settings(taps=two), keys),
    ):
        built = made(method, student, taught_by, settings)
        assert list(built.state_dict()) == expected
        assert [name for name, _ in built.named_parameters()] == expected
        n_parameters = {0: 0, 2: 32 * 32 + 32, 4: 32 * 32 + 32 + 512 * 128 + 128}[len(expected)]
        assert freezing.parameter_counts(built) == (n_parameters, n_parameters)
        built.close()
    assert not any(module._forward_hooks for module in student.modules())


def test_methods_that_cannot_be_built_are_refused():
    student, taught_by = build("densenet40", 3, seed=7), teacher()
    with pytest.raises(InputError, match='"distillation": expected one of supervised, transfer_learning'):
        made("distillation", student, taught_by, Settings())
    for method in WITH_TEACHER:
        with pytest.raises(InputError, match=f'"{method}" needs a teacher'):
            made(method, student, None, Settings())
        with pytest.raises(InputError, match=f'"{method}" needs beta'):
            made(method, student, taught_by, Settings(beta=None))
        with pytest.raises(InputError, match="one network"):
            made(method, taught_by.network, taught_by, Settings())
        with pytest.raises(InputError, match=r"beta = 0.*expected a number above 0"):
            made(method, student, taught_by, Settings(beta=0.0))
    with pytest.raises(InputError, match='attention_loss = "eq2": expected one of eq1'):
        made("attention_transfer", student, taught_by, Settings(attention_loss="eq2"))
    with pytest.raises(InputError, match="needs attention_loss"):
        made("attention_transfer", student, taught_by, Settings(attention_loss=None))
    with pytest.raises(InputError, match="needs temperature"):
        made("knowledge_distillation", student, taught_by, Settings(temperature=None))


def taught(ways: list[tuple[str, Settings]]) -> tuple[list[dict[str, Tensor]], int]:
    """Train one student each way, in lockstep on one teacher: their states, and the teacher's passes."""
    taught_by, runs = teacher(), []
    for method, settings in ways:
        student = build("densenet40", 3, seed=settings.seed)
        built = made(method, student, taught_by, settings)
        optimizer = torch.optim.Adam([*student.parameters(), *built.parameters()], lr=1e-3)
        runs.append((student.train(), built, optimizer))
    passes: list[None] = []
    taught_by.network.register_forward_hook(lambda *_: passes.append(None))
    for seed in range(2):
        images = batch(seed)
        for student, built, optimizer in runs:
            logits = student(images)
            loss = logits.square().mean() + built.weight * built.loss(images, logits)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return [{**student.state_dict(), **built.state_dict()} for student, built, _ in runs], len(passes)


def test_students_in_lockstep_share_the_teachers_pass_and_get_the_bits_that_they_get_alone():
    ways = [
        ("attention_transfer", Settings(beta=0.5)),
        ("attention_transfer", Settings(beta=20.0, projection=True)),
        ("knowledge_distillation", Settings()),
        ("hint_transfer", Settings(beta=100.0)),
    ]
    together, passes = taught(ways)
    assert passes == 2  # one a batch
    for way, state in zip(ways, together, strict=True):
        (alone,), passes = taught([way])
        assert passes == 2
        assert state.keys() == alone.keys()
        assert all(torch.equal(state[name], alone[name]) for name in alone)
    assert not torch.equal(together[0]["features.conv0.weight"], together[1]["features.conv0.weight"])
