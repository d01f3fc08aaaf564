"""Numbers in study files that would overflow, hang or fail after training are refused when the file is read."""

from pathlib import Path

import pytest

from medkt.run.unit import CheckpointOptions
from medkt.settings import TrainingSettings
from medkt.study.dry_run.estimate import dry_run
from medkt.study.schema import read_study
from medkt_eval.errors import InputError

TRAINING = {
    "epochs": ("0", "1000000000000000000"),
    "batch_size": ("1", "1000000000"),
    "learning_rate": ("0.0", "1e300", "1e-300", "inf", "nan"),
    "halve_every_epochs": ("0", "1000000000000000000"),
    "patience": ("0", "1000000000000000000"),
    "clip_gradient_norm": ("0.0", "inf", "1e300", "nan"),
    "clip_gradient_value": ("-1.0", "inf", "1e300"),
    "rotation_degrees": ("181.0", "inf", "nan", "1e300"),
    "threads_per_run": ("0", "1000000", "100000000000000000000"),
    "image_size_px": ("8", "1000000"),
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in TRAINING.items() for value in values])
def test_numbers_of_training(study_file: Path, study_text: str, key: str, value: str):
    kept = "\n".join(line for line in study_text.splitlines() if not line.startswith(f"{key} ="))
    study_file.write_text(kept.replace("[training]\n", f"[training]\n{key} = {value}\n"))
    with pytest.raises(InputError, match=rf"tiny\.toml: training\.{key} is "):
        read_study(study_file)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e300])
def test_numbers_from_python(value: float):
    for key in ("learning_rate", "clip_gradient_norm", "rotation_degrees"):
        with pytest.raises(ValueError, match=key):
            TrainingSettings.model_validate({key: value})


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("beta = 2.0", "beta = 1e300", r"arms\.1\.beta"),
        ("beta = 2.0", "beta = [2.0, inf]", r"arms\.1\.beta\.1"),
        ("beta = 2.0", "beta = 1e-300", r"arms\.1\.beta"),
        ("beta = 2.0", "beta = 2.0\ntaps = [{student = 'a', teacher = 'b', weight = 1e300}]", r"arms\.1\.taps\.0\.w"),
        ("seeds = [0, 1]", "seeds = [0, 9223372036854775808]", r"arms\.0\.seeds\.1"),
        ("seeds = [0, 1]", "seeds = [-1]", r"arms\.0\.seeds\.0"),
        ("seed = 3", "seed = 9223372036854775808", r"data\.phantom-shapes\.seed"),
        ("patients = 80", "patients = 1000000000000", r"data\.phantom-chest\.patients"),
        ("validation_size = 60", "validation_size = 10000000000", r"data\.phantom-chest\.validation_size"),
        ('"attention_transfer"', '"knowledge_distillation"\ntemperature = inf', r"arms\.1\.temperature"),
        ('"attention_transfer"', '"knowledge_distillation"\ntemperature = 1e30', r"arms\.1\.temperature"),
    ],
)  # fmt: skip
def test_numbers_of_arms_and_data(study_file: Path, study_text: str, old: str, new: str, key: str):
    assert old in study_text
    study_file.write_text(study_text.replace(old, new))
    with pytest.raises(InputError, match=rf"tiny\.toml: {key}\S* is "):
        read_study(study_file)


@pytest.mark.parametrize("minutes", [float("inf"), float("nan"), -1.0, 1e300])
def test_minutes_between_checkpoints(minutes: float):
    with pytest.raises(InputError, match=r"--checkpoint-minutes is .*; expected a number from 0 to 1e6"):
        CheckpointOptions(minutes)


@pytest.mark.parametrize("speed", [0.0, float("inf"), float("nan"), 1e-320])
def test_images_per_second(study_file: Path, speed: float):
    with pytest.raises(InputError, match=r"--images-per-second is .*; expected a number above 0"):
        dry_run(read_study(study_file)[0], images_per_second=speed)
