"""Study files: their keys, defaults and errors."""

from pathlib import Path

import pytest

from medkt.run.images import DatasetLoader
from medkt.run_settings import RunSettings
from medkt.settings import TrainingSettings
from medkt.study.run_plan import plan
from medkt.study.schema import read_study, shipped_study
from medkt_eval.errors import InputError


def test_the_papers_protocol_is_the_default():
    training = TrainingSettings()
    assert (training.learning_rate, training.halve_every_epochs, training.epochs) == (5e-5, 16, 128)
    assert (training.batch_size, training.rotation_degrees, training.horizontal_flip) == (32, 15.0, True)
    assert training.image_size_px == 256


def test_runs_come_teachers_first_and_are_named_as_designed(study_file: Path):
    study, text, sha256 = read_study(study_file)
    assert text == study_file.read_text()
    assert len(sha256) == 64
    assert [run.run_id for run in plan(study)] == [
        "phantom-shapes-24-supervised-densenet40-none-s0",
        "phantom-chest-24-transfer_learning-densenet40-none-s0",
        "phantom-chest-24-transfer_learning-densenet40-none-s1",
        "phantom-chest-24-attention_transfer-densenet40-shapes-s0",
        "phantom-chest-24-attention_transfer-densenet40-shapes-s1",
    ]
    teacher = plan(study)[0]
    assert (teacher.role, teacher.training.epochs, teacher.training.batch_size) == ("teacher", 1, 8)


def test_round_sizes_and_variants_stand_in_the_run_id(study_file: Path, study_text: str):
    changed = study_text.replace("patients = 80", "patients = 8000").replace("train_size = 24", "train_size = 5000", 1)
    study_file.write_text(changed.replace("beta = 2.0", 'beta = 2.0\nvariant = "beta2"'))
    runs = [run.run_id for run in plan(read_study(study_file)[0])]
    assert runs[1] == "phantom-chest-5k-transfer_learning-densenet40-none-s0"
    assert runs[-1] == "phantom-chest-5k-attention_transfer-densenet40-shapes-beta2-s1"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 2", "epoch = 2", r"tiny\.toml: unknown key 'training\.epoch'; did you mean 'epochs'\?"),
        ("epochs = 2", "EPOCHS = 2", r"unknown key 'training\.EPOCHS'; did you mean 'epochs'\?"),
        ("beta = 2.0", "betta = 2.0", r"unknown key 'arms\.1\.betta'; did you mean 'beta'\?"),
        ("baseline", "basline", r"unknown key 'analysis\.basline'; did you mean 'baseline'\?"),
        ("patients = 80", "patients = 'many'", r"tiny\.toml: data\.phantom-chest\.patients is 'many'"),
        ("epochs = 2", "epochs = 0", r"training\.epochs is 0"),
        ('teacher = "shapes"', 'teacher = "imagenet"', r"arm 'AT': teacher is 'imagenet'; expected one of"),
        (
            'data = "phantom-chest"',
            'data = "chexpert"',
            r"arms 'TL': data is 'chexpert'; expected one of phantom-chest",
        ),
        ("beta = 2.0", "beta = 0.0", r"arms\.1\.beta is 0\.0: expected a number from 1e-12 to 1e12"),
        (
            "beta = 2.0",
            "beta = [1, -1]",
            r"arms\.1\.beta is \[1, -1\]: expected a number from 1e-12 to 1e12, or a list",
        ),
        ("beta = 2.0", "beta = []", r"arms\.1\.beta is \[\]: expected"),
        ("beta = 2.0", "beta = [1, 1.0]", r"a beta is listed twice: \[1\.0, 1\.0\]"),
        (
            "beta = 2.0",
            'beta = 2.0\nunfrozen = "last43"',
            r"arms\.1\.unfrozen is 'last43': expected 'all', 'last34', 'head' or a list of layers",
        ),
        ("beta = 2.0", "beta = 2.0\ntemperature = 2", "takes no temperature; knowledge_distillation does"),
        ("seeds = [0, 1]", "seeds = [1, 1]", "a seed is listed twice"),
        (
            'name = "tiny"',
            'name = "../tiny"',
            r"name: '\.\./tiny' cannot be part of a folder's name; .*for example 'tiny'",
        ),
        ('name = "tiny"', "name = tiny", "not TOML"),
        ('name = "TL"', r'name = "T\nL"', r"arms\.0\.name: name .* holds the character U\+000A"),
        ('name = "TL"', r'name = "T\u001bL"', r"arms\.0\.name is 'T\\x1bL', which holds the character U\+001B"),
        ('name = "tiny"', r'name = "tiny\u0000"', r"name is 'tiny\\x00', which holds the character U\+0000"),
        (
            '"transfer_learning"',
            '"transfer_lerning"',
            r"arms\.0: method is 'transfer_lerning'; expected one of supervised, .*; did you mean 'transfer_le",
        ),
        (
            'method = "transfer_learning"\n',
            "",
            r"arms\.0: method is missing; expected one of supervised, transfer_learning",
        ),
        ("beta = 2.0", "", "arms.1: attention_transfer needs a teacher and a beta"),
        (
            'student = "densenet40"',
            'student = "densenet40"\nbeta = 2.0',
            "transfer_learning takes no teacher and no beta",
        ),
        (
            "[data.phantom-chest]",
            "[data.phantom-chess]",
            r"data\.phantom-chess\.collection.*did you mean 'phantom-chest'",
        ),
    ],
)
def test_a_wrong_study_file_is_told_in_one_line(study_file: Path, study_text: str, old: str, new: str, message: str):
    assert old in study_text
    study_file.write_text(study_text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        read_study(study_file)
    assert "\n" not in str(caught.value)


def test_a_random_start_is_never_called_transfer_learning(study_file: Path, study_text: str):
    study_file.write_text(study_text.replace('initialisation = "shapes"', 'initialisation = "random"', 1))
    with pytest.raises(InputError, match="a random start is no transfer learning"):
        read_study(study_file)
    study_file.write_text(study_text.replace('"transfer_learning"', '"supervised"', 1))
    with pytest.raises(InputError, match="starting from trained weights is transfer learning"):
        read_study(study_file)


def test_arms_of_a_comparison_start_from_the_same_weights(study_file: Path, study_text: str):
    head, tail = study_text.rsplit('initialisation = "shapes"', 1)
    study_file.write_text(head + 'initialisation = "imagenet"' + tail)
    with pytest.raises(InputError, match="arms 'TL' and 'AT' start from different weights"):
        read_study(study_file)
    study_file.write_text(head + 'initialisation = "random"' + tail)
    assert plan(read_study(study_file)[0])[-1].run_id.endswith("-shapes-random-s1")


def test_two_arms_with_one_run_id_are_refused(study_file: Path, study_text: str):
    arm = study_text[study_text.rindex("[[arms]]") : study_text.index("[analysis]")]
    study_file.write_text(study_text.replace("[analysis]\n", arm.replace('"AT"', '"AT again"') + "[analysis]\n", 1))
    with pytest.raises(InputError, match=r"'AT' and 'AT again' would both write .*variant"):
        plan(read_study(study_file)[0])


def test_teachers_that_start_from_each_other_are_refused(study_file: Path, study_text: str):
    other = '[teachers.other]\narchitecture = "densenet40"\ndata = "phantom-shapes"\ninitialisation = "shapes"\n'
    text = study_text.replace("training = { epochs = 1 }", 'initialisation = "other"\n' + other)
    study_file.write_text(text)
    with pytest.raises(InputError, match="circle: shapes -> other -> shapes"):
        plan(read_study(study_file)[0])


def test_an_analysis_that_names_no_arm_of_the_study_is_refused(study_file: Path, study_text: str):
    study_file.write_text(study_text.replace('arm_a = "AT"', 'arm_a = "TA"'))
    with pytest.raises(
        InputError, match=r"primary\.arm_a is 'TA', which is no arm of this study; expected one of TL, AT"
    ):
        plan(read_study(study_file)[0])


def test_the_study_that_ships_is_one_that_can_be_planned():
    shipped = Path(__file__).parents[2] / "medkt" / "studies" / "demo.toml"
    runs: list[RunSettings] = plan(read_study(shipped)[0])
    assert [run.role for run in runs].count("teacher") == 2
    assert {run.seed for run in runs if run.role == "arm"} == {0, 1, 2}
    assert {run.method for run in runs if run.role == "arm"} == {"transfer_learning", "attention_transfer"}
    assert {(run.student, run.unfrozen, run.training.image_size_px) for run in runs} == {("densenet40", "all", 64)}
    assert {run.initialisation for run in runs if run.role == "arm"} == {"shapes"}
    loader = DatasetLoader({run.dataset: run.data for run in runs}, {run.dataset: [run.train_size] for run in runs})
    for run in runs:
        loaded = loader.load(run.dataset, run.train_size, image_size_px=32)
        assert len(loaded.indices["train"]) == run.train_size


def test_teachers_with_the_names_of_weights_are_refused(study_file: Path, study_text: str):
    for name in ("random", "imagenet"):
        study_file.write_text(
            study_text.replace("[teachers.shapes]", f"[teachers.{name}]").replace('"shapes"', f'"{name}"')
        )
        with pytest.raises(InputError, match=f"a teacher is called '{name}'|a random start is no transfer learning"):
            read_study(study_file)


def test_shipped_studies_go_by_name():
    for name in ("demo", "paper"):
        path = shipped_study(name)
        assert path is not None
        assert read_study(path)[0].name == name
    assert shipped_study("gone") is None
    assert shipped_study("../studies/demo") is None
