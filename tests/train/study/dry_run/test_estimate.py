"""A study's runs and hours, against counts by hand."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from medkt.study.dry_run import step_times
from medkt.study.dry_run.estimate import DryRun, dry_run, show
from medkt.study.dry_run.step_times import StepTimes
from medkt.study.schema import Study, read_study
from medkt_eval.errors import InputError


@pytest.fixture
def study_with(study_file: Path, study_text: str):
    """A function that reads the tiny study with a part of it replaced."""

    def read(old: str = "", new: str = "") -> Study:
        assert old in study_text
        study_file.write_text(study_text.replace(old, new) if old else study_text)
        return read_study(study_file)[0]

    return read


def printed(dry: DryRun, *, terminal: bool) -> str:
    text = io.StringIO()
    show(dry, Console(file=text, force_terminal=terminal, width=120, color_system=None, highlight=False))
    return text.getvalue()


def test_hours_by_hand(study_with):
    dry = dry_run(study_with("beta = 2.0", "beta = [1, 20]"), images_per_second=3.0)
    seconds = {row.run.run_id.split("densenet40-")[1]: 3600 * row.hours for row in dry.rows if row.run.seed == 0}
    # A step is 1/3 s and a pass 1/9 s; 24 training images.
    teacher = 24 / 3 + (12 + 12) / 9  # 1 epoch; 12 validation and 12 test images
    student = 2 * 24 / 3 + (2 * 60 + 60) / 9  # 2 epochs; 60 and 60
    shared = 48 / 9 / 2
    assert seconds == pytest.approx(
        {"none-s0": student, "shapes-beta1-s0": student + shared, "shapes-beta20-s0": student + shared}
    )
    assert 3600 * dry.rows[0].hours == pytest.approx(teacher)
    assert dry.hours == pytest.approx((teacher + 6 * student + 2 * 48 / 9) / 3600)
    assert [(row.teacher_passes, row.sharing) for row in dry.rows] == [(0, 1)] * 3 + [(48, 2)] * 4


@pytest.mark.parametrize(
    ("student", "unfrozen", "counts"),
    [
        ("densenet121", '"all"', (6_968_206, 6_968_206)),
        ("densenet121", '"last34"', (2_700_814, 6_968_206)),
        ("densenet40", '"all"', (1_364_142, 1_364_142)),
        ("densenet121", '["classifier"]\nvariant = "own"', (14 * 1025, 6_968_206)),
    ],
)
def test_parameters_are_the_papers(study_with, student: str, unfrozen: str, counts: tuple[int, int]):
    study = study_with(
        'method = "transfer_learning"\nstudent = "densenet40"',
        f'method = "transfer_learning"\nstudent = "{student}"\nunfrozen = {unfrozen}',
    )
    row = dry_run(study, images_per_second=1).rows[1]
    assert (row.trainable_parameters, row.total_parameters) == counts


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        ('collection = "chexpert"\nroot = "$NOWHERE"', 14),
        ('collection = "mimic-cxr"\nroot = "nowhere"\nlabels = ["Edema", "Fracture"]', 2),
        ('collection = "chestxray8"\nroot = "nowhere"', 14),
        ('collection = "chestxray8"\nroot = "nowhere"\nno_finding = true', 15),
        ('collection = "eyepacs"\nroot = "nowhere"', 5),
        ('collection = "covid"\nroot = "nowhere"', 1),
        ('collection = "phantom-fundus"\npatients = 9', 5),
        ('collection = "phantom-shapes"\nimages = 9', 10),
    ],
)
def test_labels_are_known_without_the_images(study_with, data: str, labels: int):
    study = study_with("patients = 80\nseed = 1", data)
    row = dry_run(study, images_per_second=1).rows[1]
    assert row.total_parameters == 1_349_792 + 1025 * labels
    assert row.train_images == 24


def test_what_the_file_does_not_say_is_looked_up(study_with):
    dry = dry_run(study_with("images = 60\nseed = 3\ntrain_size = 24", "images = 60\nseed = 3"), images_per_second=1)
    assert dry.rows[0].run.run_id.startswith("phantom-shapes-all")
    assert dry.rows[0].train_images == 60 - 12 - 12
    with pytest.raises(InputError, match="nowhere: no such folder"):
        dry_run(study_with("patients = 80\nseed = 1", 'collection = "folder"\nroot = "nowhere"'), images_per_second=1)


def test_a_line_a_run_where_nobody_watches_and_a_table_where_somebody_does(study_with):
    dry = dry_run(study_with(), images_per_second=1)
    lines = printed(dry, terminal=False).splitlines()
    assert lines[0].split("\t")[0] == "run"
    assert lines[2].split("\t")[:6] == [
        "phantom-chest-24-transfer_learning-densenet40-none-s0",
        "24",
        "2",
        "1,364,142",
        "1,364,142",
        "0",
    ]
    assert lines[6].startswith("5 runs, ")
    assert lines[-1] == "Given: 1 images/s a step; a pass takes a third of a step."
    table = printed(dry, terminal=True)
    assert "phantom-chest-24-transfer_learning-densenet40-none-s0" in table
    assert "\t" not in table
    assert max(map(len, table.splitlines())) <= 120


def test_rates_are_timed_on_the_trainers_own_step(study_with, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(step_times, "STEPS", 1)
    monkeypatch.setattr(step_times, "WARM_UP", 0)
    told: list[str] = []
    dry = dry_run(study_with(), report=told.append)
    assert list(dry.rates) == told
    kinds = [
        line.removeprefix("Timed here: ").rpartition(", 32 px, batches of 8, threads_per_run = 1: ")[0] for line in told
    ]
    # The shapes have 10 classes, the X-rays 14 labels; that makes no other kind.
    assert kinds == ["step, densenet40, unfrozen all", "prediction, densenet40", "teacher, densenet40"]
    assert dry.hours > 0


def test_a_batch_of_many_classes_can_be_timed(study_with):
    run = dry_run(study_with("batch_size = 8", "batch_size = 2"), images_per_second=1).rows[0].run
    student, images, targets = step_times._student(run, "multiclass", 10)
    student.begin_epoch()
    student.step(images, targets, student.data.train.image_ids)
    assert len(targets) == 2


def test_few_steps_are_timed_where_one_takes_long(monkeypatch: pytest.MonkeyPatch):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(step_times, "perf_counter", lambda: next(clock))
    calls: list[int] = []
    assert step_times._median(lambda: calls.append(1)) == 25
    assert len(calls) == 3  # one to warm up, and the minute is over in the third


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_is_above_0(study_with, rate: float):
    with pytest.raises(InputError, match="expected a number above 0"):
        dry_run(study_with(), images_per_second=rate)
    assert StepTimes(4.0).rates
