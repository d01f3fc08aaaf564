"""A teacher's own AUC, against scikit-learn: labels match by name, and undefined cases have a reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from medkt.data.pixels import augment
from medkt.run.teacher_auc import own_auc
from medkt.settings import TrainingSettings
from medkt.teachers.teacher import Teacher
from medkt.training.run_data import Part, RunData

NAN = np.nan
TRAINING = TrainingSettings(batch_size=4)


class Linear(nn.Module):
    """A network whose logits are the channels' means; it counts its passes."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.linear, self.passes = nn.Linear(3, n_outputs), 0
        nn.init.normal_(self.linear.weight, generator=torch.Generator().manual_seed(n_outputs))

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        return self.linear(images.mean(dim=(2, 3)))


def a_teacher(*labels: str) -> Teacher:
    return Teacher(Linear(len(labels)), attention_layer="linear", smallest_size_px=1, labels=labels)


def part(targets: np.ndarray) -> Part:
    pixels = np.random.default_rng(0).integers(0, 256, (len(targets), 3, 8, 8), dtype=np.uint8)
    pixels[:, :] //= np.arange(1, len(targets) + 1, dtype=np.uint8)[:, None, None, None]  # images that differ
    return Part(pixels, targets, np.array([f"i{k}" for k in range(len(targets))], dtype=object))


def logits(teacher: Teacher, data: RunData) -> np.ndarray:
    with torch.no_grad():
        return teacher.network(augment.normalised(torch.from_numpy(np.asarray(data.test.pixels)))).numpy()


def test_it_is_scikit_learns_by_name_and_with_reasons():
    targets = np.array(
        [[0, 1, 1, 1, 0], [1, 0, 0, 1, 1], [0, 1, 0, 1, 0], [1, 0, 1, 1, NAN], [0, 0, 0, 1, 1], [1, 0, 1, 1, 1]],
        dtype=np.float32,
    )
    test, nothing = part(targets), part(targets[:0])
    labels = ("Lung Opacity", "Lung Lesion", "Hernia", "Edema", "Effusion")
    data = RunData("multilabel", labels, nothing, nothing, test)
    teacher = a_teacher("Lung Lesion", "Airspace Opacity", "", "Edema", "Pleural Effusion")
    answers = logits(teacher, data)
    found = own_auc(teacher, data, TRAINING)
    known = ~np.isnan(targets[:, 4])
    assert found["auc"] == {
        "Lung Opacity": pytest.approx(roc_auc_score(targets[:, 0], answers[:, 1])),
        "Lung Lesion": pytest.approx(roc_auc_score(targets[:, 1], answers[:, 0])),
        "Hernia": None,
        "Edema": None,
        "Effusion": pytest.approx(roc_auc_score(targets[known, 4], answers[known, 4])),
    }
    assert list(found["auc"]) == list(labels)
    assert found["undefined_because"] == {
        "Hernia": "the teacher has no such label",
        "Edema": "no negative image among 6",
    }
    assert found["split"] == "test"


def test_classes_are_each_against_all_others_by_softmax():
    targets = np.array([0, 1, 2, 1, 0, 2, 1, 0], dtype=np.int64)
    data = RunData("multiclass", ("none", "mild", "severe"), part(targets), part(targets), part(targets))
    teacher = a_teacher("severe", "none", "proliferative")
    answers = torch.from_numpy(logits(teacher, data)).softmax(1).numpy()
    found = own_auc(teacher, data, TRAINING)
    assert found["auc"] == {
        "none": pytest.approx(roc_auc_score(targets == 0, answers[:, 1])),
        "mild": None,
        "severe": pytest.approx(roc_auc_score(targets == 2, answers[:, 0])),
    }
    assert found["undefined_because"] == {"mild": "the teacher has no such label"}


@pytest.mark.parametrize(
    ("labels", "because"), [(None, "not known what the teacher's outputs mean"), (("cat", "dog"), "no such label")]
)
def test_a_teacher_that_shares_no_label_is_not_even_asked(labels: tuple[str, ...] | None, because: str):
    targets = np.eye(4, 2, dtype=np.float32)
    data = RunData("multilabel", ("Edema", "Mass"), part(targets), part(targets), part(targets))
    network = Linear(2)
    found = own_auc(Teacher(network, attention_layer="linear", smallest_size_px=1, labels=labels), data, TRAINING)
    assert network.passes == 0
    assert found["auc"] == {"Edema": None, "Mass": None}
    assert all(because in reason for reason in found["undefined_because"].values())
    assert list(found["undefined_because"]) == ["Edema", "Mass"]


def test_strong_answers_keep_their_order():
    """A sigmoid rounds to 1 from a logit of 17, in float64 from 37. All such images would be ties."""
    teacher = a_teacher("Edema")
    with torch.no_grad():
        teacher.network.get_submodule("linear").get_parameter("weight").fill_(9)
        teacher.network.get_submodule("linear").get_parameter("bias").fill_(15)
    pixels = np.repeat(np.array([250, 240, 230, 220], dtype=np.uint8), 3 * 64).reshape(4, 3, 8, 8)
    test = Part(pixels, np.array([[1], [1], [0], [0]], dtype=np.float32), np.array(list("abcd"), dtype=object))
    assert own_auc(teacher, RunData("multilabel", ("Edema",), test, test, test), TRAINING)["auc"] == {"Edema": 1.0}
