import os
from pathlib import Path

import pytest

from medkt.observers.observer import Observer
from medkt.study.preparation import TrainOptions
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile

STUDY = """
name = "tiny"

[data.phantom-chest]
patients = 80
seed = 1
train_size = 24
validation_size = 60
test_size = 60

[data.phantom-shapes]
images = 60
seed = 3
train_size = 24
validation_size = 12
test_size = 12

[training]
image_size_px = 32
epochs = 2
batch_size = 8
learning_rate = 1e-3
halve_every_epochs = 1
threads_per_run = 1

[teachers.shapes]
architecture = "densenet40"
data = "phantom-shapes"
training = { epochs = 1 }

[[arms]]
name = "TL"
data = "phantom-chest"
method = "transfer_learning"
student = "densenet40"
initialisation = "shapes"
seeds = [0, 1]

[[arms]]
name = "AT"
data = "phantom-chest"
method = "attention_transfer"
student = "densenet40"
teacher = "shapes"
initialisation = "shapes"
beta = 2.0
seeds = [0, 1]

[analysis]
baseline = "TL"

[analysis.primary]
arm_a = "AT"
arm_b = "TL"
"""


@pytest.fixture(scope="session")
def study_text() -> str:
    """A study of five runs that train in seconds: one teacher, two arms, two seeds."""
    return STUDY


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, study_text: str) -> Path:
    """A folder with tiny.toml and its runs, created once. Tests that change it copy it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.toml").write_text(study_text)
    file = StudyFile.read(folder / "tiny.toml")
    train_study_file(file, folder / "runs", TrainOptions(jobs=1), observer=Observer())
    return folder


@pytest.fixture
def study_file(tmp_path: Path, study_text: str) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(study_text)
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images, or a skip that says what is missing."""
    folder = os.environ.get("MEDKT_DATA")
    if not folder:
        pytest.skip("MEDKT_DATA is not set: it names the folder of real images")
    return Path(folder)
