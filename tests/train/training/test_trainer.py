"""The trainer: it learns, is reproducible, selects an epoch and stops early."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from medkt.data.layouts.phantom import PhantomChestData
from medkt.data.pixels import augment
from medkt.errors import TrainingError
from medkt.models import densenet
from medkt.run_settings import RunSettings
from medkt.settings import TrainingSettings
from medkt.teachers.teacher import Teacher
from medkt.training import device
from medkt.training.losses import task_loss
from medkt.training.prediction import predict
from medkt.training.run_data import Part, RunData
from medkt.training.student.outcome import TrainedRun
from medkt.training.student.student import Student
from medkt.training.trainer import train
from medkt_eval.errors import InputError


def settings(**changes: object) -> RunSettings:
    training = TrainingSettings(image_size_px=32, epochs=3, batch_size=8, learning_rate=1e-3, halve_every_epochs=2)
    data = PhantomChestData(collection="phantom-chest", patients=3, validation_size=1, test_size=1)
    run = RunSettings(
        run_id="made-s3",
        role="arm",
        name="made",
        dataset="made",
        data=data,
        train_size=24,
        method="supervised",
        student="densenet40",
        seed=3,
        initialisation="random",
        training=training,
    )
    return RunSettings.model_validate({**run.model_dump(), **changes})


def one(run: RunSettings, data: RunData, teacher: Teacher | None = None, **callbacks: object) -> TrainedRun:
    """Train one run from random weights; returns its outcome or raises its error."""
    (outcome,) = train([run], data, start="random", teacher=teacher, **callbacks)  # type: ignore[arg-type]
    if isinstance(outcome, TrainingError):
        raise outcome
    return outcome


def a_teacher() -> Teacher:
    network = densenet.build("densenet40", 5, seed=9)
    return Teacher(network, attention_layer=densenet.attention_layer(network), smallest_size_px=32)


def part(n: int, seed: int) -> Part:
    """Label 0: the left half is bright. Label 1: the top half is. Any network learns them in a few steps."""
    rng = np.random.default_rng(seed)
    targets = (np.arange(2 * n).reshape(n, 2) // 2 % 4 // np.array([1, 2]) % 2).astype(np.float32)
    pixels = rng.integers(0, 100, (n, 1, 32, 32), dtype=np.uint8)
    pixels[targets[:, 0] == 1, :, :, :16] += 120
    pixels[targets[:, 1] == 1, :, :16, :] += 30
    return Part(pixels, targets, np.array([f"i{k}" for k in range(n)], dtype=object))


@pytest.fixture(scope="module")
def data() -> RunData:
    torch.set_num_threads(1)
    return RunData("multilabel", ("left", "top"), part(24, 0), part(20, 1), part(16, 2))


def test_it_learns_and_predicts_with_the_epoch_selected_on_validation(data: RunData):
    seen = []
    run = settings(training=settings().training.model_copy(update={"epochs": 6, "horizontal_flip": False}))
    trained = one(run, data, on_epoch=lambda _run, record: seen.append(record))
    history = trained.history
    assert seen == history.to_dict("records")
    assert list(history["epoch"]) == [1, 2, 3, 4, 5, 6]
    assert list(history["step"]) == [3, 6, 9, 12, 15, 18]
    assert np.allclose(history["learning_rate"], [1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4, 2.5e-4])
    assert history["loss_task"].iloc[-1] < history["loss_task"].iloc[0]
    assert (history["loss"] == history["loss_task"]).all()
    best = history.loc[history["auc"].idxmax()]
    assert trained.selection == {"metric": "auc", "label": "macro", "epoch": best["epoch"], "value": best["auc"]}
    macro = roc_auc_score(data.validation.targets, trained.validation_scores, average="macro")
    assert macro == pytest.approx(best["auc"], abs=1e-12)
    assert roc_auc_score(data.test.targets[:, 0], trained.test_scores[:, 0]) > 0.8
    student = densenet.build("densenet40", 2, seed=0)
    student.load_state_dict(trained.weights)
    again, _ = predict(student, "multilabel", data.test, 8, device.chosen(run.training))
    assert np.allclose(again, trained.test_scores, atol=1e-5)
    # 1,364,142 at 14 outputs (the paper's Table IV), 1,025 an output
    assert trained.trainable_parameters == trained.total_parameters == 1_364_142 - 12 * 1_025


def test_the_same_settings_give_the_same_bits_and_another_seed_does_not(data: RunData):
    first, again = (one(settings(), data) for _ in range(2))
    assert first.test_scores.tobytes() == again.test_scores.tobytes()
    assert all(torch.equal(tensor, again.weights[name]) for name, tensor in first.weights.items())
    other = one(settings(seed=4), data)
    assert not np.array_equal(first.test_scores, other.test_scores)


def test_attention_transfer_adds_its_loss_divided_by_beta_and_leaves_the_teacher_alone(data: RunData):
    teacher = a_teacher()
    before = {name: tensor.clone() for name, tensor in teacher.network.state_dict().items()}
    run = settings(method="attention_transfer", teacher="t", attention_loss="eq1", beta=4.0)
    trained = one(run, data, teacher)
    history = trained.history
    assert (history["loss_transfer"] > 0).all()
    assert np.allclose(history["loss"], history["loss_task"] + history["loss_transfer"] / 4.0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.network.state_dict().items())
    assert not np.array_equal(trained.test_scores, one(settings(), data).test_scores)
    teacher.close()
    assert not any(module._forward_hooks for module in teacher.network.modules())


def test_multi_class(data: RunData):
    def classes(made: Part) -> Part:
        return replace(made, targets=made.targets[:, 0].astype(np.int64))

    multi = RunData("multiclass", ("right", "left"), classes(data.train), classes(data.validation), classes(data.test))
    trained = one(settings(), multi)
    assert np.allclose(trained.test_scores.sum(axis=1), 1, atol=1e-6)
    assert trained.selection["metric"] == "f1"


def test_entries_that_are_not_labelled_do_not_count():
    logits = torch.tensor([[0.3, -2.0], [1.5, 0.1]])
    targets = torch.tensor([[1.0, float("nan")], [0.0, 1.0]])
    expected = -(torch.tensor([0.3, -1.5, 0.1]).sigmoid().log().mean())
    assert task_loss("multilabel", logits, targets).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_images(data: RunData, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(augment, "normalised", lambda pixels: torch.full((len(pixels), 3, 32, 32), float("nan")))
    with pytest.raises(TrainingError, match=r"made-s3: the loss is nan in epoch 1 \(batch of images (i\d+, ){7}i\d+\)"):
        one(settings(), data)


def attending(beta: float, **changes: object) -> RunSettings:
    return settings(
        run_id=f"made-beta{beta:g}-s3",
        method="attention_transfer",
        teacher="t",
        attention_loss="eq1",
        beta=beta,
        grid="made",
        **changes,
    )


def test_runs_in_lockstep_get_the_bits_they_would_get_alone_and_share_the_teacher(data: RunData):
    teacher, looks = a_teacher(), []
    teacher.network.register_forward_hook(lambda *_: looks.append(1))
    betas = (0.1, 2.0, 500.0)
    together = train([attending(beta) for beta in betas], data, start="random", teacher=teacher)
    assert len(looks) == len(betas) + 3 * 3  # once a student before it begins; then 3 epochs of 3 batches, for all
    for beta, outcome in zip(betas, together, strict=True):
        alone = one(attending(beta), data, a_teacher())
        assert isinstance(outcome, TrainedRun)
        assert outcome.test_scores.tobytes() == alone.test_scores.tobytes()
        assert all(torch.equal(tensor, alone.weights[name]) for name, tensor in outcome.weights.items())
        assert outcome.history.drop(columns="seconds").equals(alone.history.drop(columns="seconds"))


def test_a_run_that_fails_in_lockstep_fails_alone(data: RunData):
    small = attending(3.0)  # a study file does not take so small a beta
    small = small.model_copy(
        update={"run_id": "made-beta1e-42-s3", "transfer": small.transfer.model_copy(update={"beta": 1e-42})}
    )
    bad, good = train([small, attending(2.0)], data, start="random", teacher=a_teacher())
    assert isinstance(bad, TrainingError)
    assert "made-beta1e-42-s3: the loss is inf" in str(bad)
    assert "raise beta" in str(bad)
    assert isinstance(good, TrainedRun)
    assert good.test_scores.tobytes() == one(attending(2.0), data, a_teacher()).test_scores.tobytes()


def test_out_of_memory_says_what_fits(data: RunData, monkeypatch: pytest.MonkeyPatch):
    forward = Student.logits

    def small_machine(self: Student, images: torch.Tensor) -> torch.Tensor:
        if len(images) > 3:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")
        return forward(self, images)

    monkeypatch.setattr(Student, "logits", small_machine)
    with pytest.raises(
        TrainingError, match="made-s3: out of memory with 8 images of 32 px a batch; batch_size = 2 fits"
    ):
        one(settings(), data)


def test_a_run_without_progress_stops_when_its_patience_is_over(data: RunData):
    run = settings(
        training=settings().training.model_copy(update={"epochs": 40, "patience": 2, "learning_rate": 1e-12})
    )
    history = one(run, data).history
    best = int(history["auc"].idxmax()) + 1
    assert len(history) == best + 2 < 40


def test_validation_images_that_cannot_select_an_epoch_are_refused_before_training(data: RunData):
    lacking = replace(data, validation=replace(data.validation, targets=np.zeros_like(data.validation.targets)))
    with pytest.raises(InputError, match=r"auc macro is undefined on the validation images \(no auc for left, top"):
        one(settings(), lacking, on_epoch=lambda *_: pytest.fail("it trained"))


def test_a_batch_without_labels_teaches_nothing():
    logits = torch.zeros(2, 3, requires_grad=True)
    loss = task_loss("multilabel", logits, torch.full((2, 3), float("nan")))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_a_last_image_alone_joins_the_batch_before(data: RunData):
    odd = replace(data, train=Part(data.train.pixels[:17], data.train.targets[:17], data.train.image_ids[:17]))
    assert list(one(settings(), odd).history["step"]) == [2, 4, 6]


def diverging(batch_size: int) -> RunSettings:
    run = settings()
    return run.model_copy(
        update={"training": run.training.model_copy(update={"learning_rate": 1e30, "batch_size": batch_size})}
    )


def test_a_run_that_diverges_in_its_last_step_of_an_epoch_is_told_at_validation(data: RunData):
    (outcome,) = train([diverging(batch_size=24)], data, start="random", teacher=None)
    assert isinstance(outcome, TrainingError)
    assert "made-s3: scores of validation images are no numbers after epoch 1: the training diverged" in str(outcome)
    assert "learning rate, now 1e+30" in str(outcome)


def test_weights_that_a_step_made_infinite_are_blamed_instead_of_the_images(data: RunData):
    (outcome,) = train([diverging(batch_size=8)], data, start="random", teacher=None)
    assert isinstance(outcome, TrainingError)
    assert re.search(
        r"the loss is (nan|inf) in epoch 1, because earlier steps made weights .*: lower the learning rate, now 1e\+30",
        str(outcome),
    )


def test_a_teacher_whose_outputs_are_no_numbers_is_named(data: RunData):
    teacher = a_teacher()
    teacher.network.get_parameter("features.conv0.weight").data.fill_(float("nan"))
    (outcome,) = train([attending(2.0)], data, start="random", teacher=teacher)
    assert isinstance(outcome, TrainingError)
    assert "outputs of its teacher 't' are infinite or no numbers" in str(outcome)
    assert "images" not in str(outcome)
