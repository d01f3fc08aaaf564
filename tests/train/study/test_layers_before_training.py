"""Layers that do not exist or do not fit are refused before the teacher is trained."""

from pathlib import Path

import pytest
import torch

from medkt.observers.observer import Observer
from medkt.run.layer_check import check_layers
from medkt.study.run_plan import plan
from medkt.study.schema import read_study
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile
from medkt_eval.errors import InputError


class NothingTrains(Observer):
    def run(self, run: object) -> None:
        raise AssertionError("a run began")


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ('taps = [{student = "features.reduse", teacher = "features.reduce"}]', "no layer 'features.reduse'; .*reduce"),
        ('taps = [{student = "features.reduce", teacher = "feature.reduce"}]', "no layer 'feature.reduce'; .*reduce"),
        ('taps = [{student = "classifier", teacher = "features.reduce"}]', "student: classifier gives .*expected a l"),
        ('unfrozen = "head"', "This method trains no layer through"),
        ('unfrozen = ["classifer"]\nvariant = "x"', "no layer 'classifer'; expected a name such as classifier"),
    ],
)  # fmt: skip
def test_layers_are_checked_before_the_teacher_is_trained(
    study_file: Path, study_text: str, tmp_path: Path, new: str, message: str
):
    study_file.write_text(study_text.replace("beta = 2.0", f"beta = [2.0, 3.0]\n{new}"))
    with pytest.raises(InputError, match=f"phantom-chest-24-attention_transfer.*-s0: .*{message}"):
        train_study_file(StudyFile.read(study_file), tmp_path / "runs", observer=NothingTrains())
    assert not (tmp_path / "runs").exists()


def test_layers_that_fit_pass_and_draw_no_random_numbers(study_file: Path):
    study, _, _ = read_study(study_file)
    state = torch.random.get_rng_state()
    for run in plan(study):
        check_layers(run, "densenet40" if run.teacher else None)
    assert torch.equal(torch.random.get_rng_state(), state)
