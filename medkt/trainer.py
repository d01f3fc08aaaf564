"""MAIN PATH of training: one run, from pixels to predictions, in one loop.

    trained = train(run, data, start="runs/...-s0/model.safetensors", teacher=None)

The student starts from given weights, follows the paper's protocol (Adam, learning rate halved every 16 epochs, random
rotation and flip, best epoch by a validation metric), and predicts the validation and test images with the weights of
that epoch. What is drawn depends on the run's seed alone, so the same settings give the same bits on the same machine
with the same number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from medkt import transfer
from medkt.config import RunSettings
from medkt.data import augment
from medkt.data.collection import Task
from medkt.data.pixels import Pixels
from medkt.errors import TrainingError
from medkt.models import densenet, freezing
from medkt.models.initialisation import InitialWeights, load_weights
from medkt_eval.errors import InputError
from medkt_eval.metrics import MetricValue, multiclass_metrics, multilabel_metrics

SELECTION = {"multilabel": ("auc", "macro"), "multiclass": ("f1", "weighted")}  # the paper's, section V.A


@dataclass(frozen=True)
class Part:
    """The images of one split."""

    pixels: np.ndarray | Pixels  # uint8, (n, 1 or 3, S, S)
    targets: np.ndarray  # float32, (n, n_labels), NaN = not labelled; or int64, (n,)
    image_ids: np.ndarray  # str, (n,)


@dataclass(frozen=True)
class RunData:
    """What one run is trained, selected and tested on."""

    task: Task
    labels: tuple[str, ...]
    train: Part
    validation: Part
    test: Part


@dataclass(frozen=True)
class Trained:
    """The outcome of a run."""

    weights: dict[str, Tensor]
    history: pd.DataFrame
    validation_scores: np.ndarray  # float32, (n, n_labels)
    test_scores: np.ndarray
    selection: dict[str, str | int | float]
    start: InitialWeights
    trainable_parameters: int
    total_parameters: int
    device: str


def train(
    run: RunSettings,
    data: RunData,
    *,
    start: str | Path,
    teacher: nn.Module | None,
    on_batch: Callable[[], None] = lambda: None,
    on_epoch: Callable[[dict[str, float]], None] = lambda _record: None,
) -> Trained:
    """Train one run.

    Parameters
    ----------
    run : RunSettings
        Every setting.
    data : RunData
        Its images.
    start : str or Path
        "random", "imagenet" or the file of weights that the student starts from.
    teacher : nn.Module or None
        The frozen network that an attention transfer attends to.
    on_batch : callable
        Called before each batch; what it raises ends the run.
    on_epoch : callable
        Called with each row of the history.

    Raises
    ------
    TrainingError
        If the loss is not finite; names the epoch and the images of the batch.
    InputError
        If the weights or the image size do not fit the network, or the validation images lack a class.
    """
    settings = run.training
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")  # CUDA: written plainly, untested on hardware
    densenet.check_size(run.student, settings.image_size_px, tapped=teacher is not None)
    student = densenet.build(run.student, len(data.labels), seed=run.seed)  # what stays of it: all that start lacks
    initial = load_weights(student, start)
    freezing.apply(student, run.unfrozen, settings.frozen_batchnorm)
    student = student.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if teacher is not None:
        teacher = teacher.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    method = transfer.build(run.method, student, teacher, run)
    trained_parameters = [p for p in student.parameters() if p.requires_grad]
    trained_parameters += list(method.parameters()) if method else []
    optimiser = torch.optim.Adam(trained_parameters, lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, settings.halve_every_epochs, gamma=0.5)

    metric, label = SELECTION[data.task]
    _metric(data, np.zeros((len(data.validation.pixels), len(data.labels))), metric, label)  # better now than later
    history, step = [], 0
    best: dict[str, str | int | float] = {}
    best_weights: dict[str, Tensor] = {}
    best_scores = np.empty(0)
    for epoch in range(1, settings.epochs + 1):
        began = time.perf_counter()
        freezing.set_training_mode(student, settings.frozen_batchnorm)
        sums = np.zeros(2)  # task and transfer loss, summed over images
        for images, targets, rows in batches(run, data.train, epoch, device):
            on_batch()
            logits = student(images)  # (B, n_labels)
            loss_task = task_loss(data.task, logits, targets)
            loss_transfer = method.loss(images, logits) if method else torch.zeros((), device=device)
            loss = loss_task + method.weight * loss_transfer if method else loss_task
            _check_finite(loss, run, epoch, data.train.image_ids[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            sums += np.array([loss_task.item(), loss_transfer.item()]) * len(images)
            step += 1

        scores, loss_validation = predict(student, data.task, data.validation, settings.batch_size, device)
        value = _metric(data, scores, metric, label)
        mean_task, mean_transfer = (sums / len(data.train.pixels)).tolist()
        record = {
            "epoch": epoch, "step": step, "learning_rate": schedule.get_last_lr()[0],
            "loss": mean_task + (method.weight * mean_transfer if method else 0.0),
            "loss_task": mean_task, "loss_transfer": mean_transfer, "loss_validation": loss_validation,
            metric: value, "seconds": time.perf_counter() - began,
        }  # fmt: skip
        schedule.step()
        history.append(record)
        on_epoch(record)
        if not best or value > float(best["value"]):
            best = {"metric": metric, "label": label, "epoch": epoch, "value": value}
            best_scores = scores
            best_weights = {name: tensor.detach().cpu().clone() for name, tensor in student.state_dict().items()}

    if method:
        method.close()
    student.load_state_dict(best_weights)
    trainable, total = freezing.parameter_counts(student)
    return Trained(
        weights=best_weights,
        history=pd.DataFrame(history),
        validation_scores=best_scores,
        test_scores=predict(student, data.task, data.test, settings.batch_size, device)[0],
        selection=best,
        start=initial,
        trainable_parameters=trainable,
        total_parameters=total,
        device=str(device),
    )


def task_loss(task: Task, logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over the labelled entries, or cross-entropy over classes.

    Parameters
    ----------
    task : {"multilabel", "multiclass"}
        Which of the two.
    logits : float32, (B, n_labels)
        Before sigmoid or softmax.
    targets : float32, (B, n_labels), NaN = not labelled; or int64, (B,)
        Multi-label or multi-class.
    """
    if task == "multiclass":
        return functional.cross_entropy(logits, targets)
    labelled = ~torch.isnan(targets)
    if not labelled.any():
        return logits.sum() * 0.0  # nothing to learn from this batch; a mean over nothing would be NaN
    return functional.binary_cross_entropy_with_logits(logits[labelled], targets[labelled])


def predict(
    model: nn.Module, task: Task, part: Part, batch_size: int, device: torch.device
) -> tuple[np.ndarray, float]:
    """Probabilities of the images of one split, and the mean task loss.

    Returns
    -------
    scores : float32, (n, n_labels)
        Sigmoid or softmax.
    loss : float
        Mean over batches, weighted by images.
    """
    model.eval()
    scores, total = [], 0.0
    with torch.inference_mode():
        for begin in range(0, len(part.pixels), batch_size):
            rows = slice(begin, begin + batch_size)
            pixels = torch.from_numpy(part.pixels[rows]).to(device)
            logits = model(augment.normalised(pixels).contiguous(memory_format=torch.channels_last))
            total += task_loss(task, logits, torch.from_numpy(part.targets[rows]).to(device)).item() * len(pixels)
            scores.append((logits.sigmoid() if task == "multilabel" else logits.softmax(1)).cpu().numpy())
    return np.concatenate(scores), total / len(part.pixels)


def _check_finite(loss: Tensor, run: RunSettings, epoch: int, image_ids: np.ndarray) -> None:
    if not torch.isfinite(loss):
        ids = ", ".join(str(name) for name in image_ids[:5])
        raise TrainingError(
            f"{run.run_id}: the loss is {loss.item()} in epoch {epoch} (batch of images {ids}, ...); "
            "lower the learning rate or, for attention transfer, raise beta"
        )


def batches(
    run: RunSettings, part: Part, epoch: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor, np.ndarray]]:
    """Augmented batches of one epoch.

    Their order and what is done to an image depend on the run's seed, the epoch and the image's place in `part` alone.

    Parameters
    ----------
    run : RunSettings
        Seed, batch size, rotation and flip.
    part : Part
        The training images.
    epoch : int
        From 1.
    device : torch.device
        Where images are augmented.

    Yields
    ------
    images : float32, (B, 3, S, S)
        Normalised, channels last.
    targets : float32, (B, n_labels) or int64, (B,)
    rows : int64, (B,)
        Of `part`.
    """
    settings = run.training
    n = len(part.pixels)
    order = np.random.default_rng([run.seed, epoch, 0]).permutation(n)
    angles, flips = augment.draw(run.seed, epoch, n, settings.rotation_degrees, settings.horizontal_flip)
    ends = [*range(settings.batch_size, n, settings.batch_size), n]
    if len(ends) > 1 and n - ends[-2] == 1:
        del ends[-2]  # a last batch of one image has no BatchNorm statistics where its map is 1 x 1
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        rows = order[begin:end]
        pixels = torch.from_numpy(part.pixels[rows]).to(device)
        turned = augment.rotated_and_flipped(
            pixels, torch.from_numpy(angles[rows]).to(device), torch.from_numpy(flips[rows]).to(device)
        )
        images = augment.normalised(turned).contiguous(memory_format=torch.channels_last)
        yield images, torch.from_numpy(part.targets[rows]).to(device), rows


def _metric(data: RunData, scores: np.ndarray, metric: str, label: str) -> float:
    """The validation metric an epoch is selected by."""
    targets, none = data.validation.targets, [None] * len(data.labels)
    found: list[MetricValue]
    if data.task == "multilabel":
        found = multilabel_metrics(data.labels, targets.astype(np.float64), scores, none, none, metrics=[metric])
    else:
        found = multiclass_metrics(data.labels, targets, scores)
    value = next(row for row in found if (row.metric, row.label) == (metric, label))
    if value.value is None:
        raise InputError(f"{metric} {label} on the validation images does not exist ({value.undefined_because}), "
                         "and an epoch is selected by it: enlarge validation_size or leave the label out")  # fmt: skip
    return value.value
