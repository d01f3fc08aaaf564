"""Optimisers and learning-rate schedules."""

import json
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from medkt.settings import TrainingSettings
from medkt.training import optimisation

LOSSES = [0.9, 0.8, 0.79996, *[0.85] * 12, 0.7, *[0.7] * 11, 0.6]  # 0.79996 is no fall of a ten-thousandth


def settings(**changes: object) -> TrainingSettings:
    return TrainingSettings.model_validate(
        {"epochs": len(LOSSES), "learning_rate": 1e-3, "halve_every_epochs": 3, **changes}
    )


def adam(run: TrainingSettings) -> torch.optim.Adam:
    return optimisation.optimiser([nn.Parameter(torch.zeros(2))], run)


@pytest.mark.parametrize(
    ("schedule", "peer"),
    [
        ("halving", lambda adam: lr_scheduler.StepLR(adam, 3, gamma=0.5)),
        ("constant", lambda adam: lr_scheduler.ConstantLR(adam, factor=1.0)),
        ("cosine", lambda adam: lr_scheduler.CosineAnnealingLR(adam, len(LOSSES))),
        ("plateau", lambda adam: lr_scheduler.ReduceLROnPlateau(adam, factor=0.5)),
    ],
)
def test_schedules_are_torchs(schedule: str, peer: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]):
    run = settings(schedule=schedule)
    ours, theirs = adam(run), adam(run)
    made, expected = optimisation.Schedule(ours, run), peer(theirs)
    rates = []
    for loss in LOSSES:
        rates.append(ours.param_groups[0]["lr"])
        tolerance = 1e-9 if schedule == "cosine" else 0.0  # torch's cosine is a recursion
        assert rates[-1] == made.learning_rate == pytest.approx(theirs.param_groups[0]["lr"], rel=tolerance, abs=1e-18)
        theirs.step()
        expected.step(loss) if isinstance(expected, lr_scheduler.ReduceLROnPlateau) else expected.step()
        made.epoch_done(loss)
    assert (len(set(rates)) == 1) == (schedule == "constant")


@pytest.mark.parametrize("schedule", ["halving", "constant", "cosine", "plateau"])
def test_a_schedule_goes_on_from_json_to_the_bit(schedule: str):
    run = settings(schedule=schedule)
    whole, stopped = optimisation.Schedule(adam(run), run), optimisation.Schedule(adam(run), run)
    for epoch, loss in enumerate(LOSSES):
        whole.epoch_done(loss)
        stopped.epoch_done(loss)
        if epoch % 4 == 3:
            optimiser = adam(run)
            again = optimisation.Schedule(optimiser, run)
            again.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
            stopped = again
            assert optimiser.param_groups[0]["lr"] == whole.learning_rate
        assert stopped.learning_rate == whole.learning_rate


def test_a_plateau_without_end_stops_where_torchs_does():
    run = settings(schedule="plateau", learning_rate=5e-5)
    ours, theirs = adam(run), adam(run)
    made, expected = optimisation.Schedule(ours, run), lr_scheduler.ReduceLROnPlateau(theirs, factor=0.5)
    for _ in range(11 * 16):
        made.epoch_done(0.7)
        expected.step(0.7)
        assert made.learning_rate == theirs.param_groups[0]["lr"]
    assert made.learning_rate == 5e-5 / 2**12


def test_gradients_are_clipped_by_norm_by_value_or_not_at_all():
    def clipped(**changes: float) -> list[float]:
        parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
        parameters[0].grad, parameters[1].grad = torch.tensor([3.0, 0.1]), torch.tensor([-4.0])
        optimisation.clip(parameters, settings(**changes))
        return [value for parameter in parameters if parameter.grad is not None for value in parameter.grad.tolist()]

    assert clipped() == pytest.approx([3.0, 0.1, -4.0])
    assert clipped(clip_gradient_value=0.5) == pytest.approx([0.5, 0.1, -0.5])
    norm = (9 + 0.01 + 16) ** 0.5
    assert clipped(clip_gradient_norm=1.0) == pytest.approx([3 / norm, 0.1 / norm, -4 / norm], rel=1e-5)
    assert clipped(clip_gradient_norm=50.0) == pytest.approx([3.0, 0.1, -4.0])
