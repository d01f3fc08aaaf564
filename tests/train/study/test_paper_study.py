"""medkt/studies/paper.toml is the paper's experiment: Tables I to V, section V.A."""

from collections import Counter

import pytest

from medkt.settings import TrainingSettings
from medkt.study.dry_run.estimate import DryRun, dry_run
from medkt.study.schema import Study, read_study, shipped_study

# Tables IV and V: value and half width in percent, in the order of their columns.
COLUMNS = [
    ("transfer_learning", "densenet121", None, "all"),
    ("transfer_learning", "densenet121", None, "last34"),
    ("transfer_learning", "densenet40", None, "all"),
    ("attention_transfer", "densenet121", "imagenet", "all"),
    ("attention_transfer", "densenet40", "imagenet", "all"),
    ("attention_transfer", "densenet121", "mimic", "all"),
    ("attention_transfer", "densenet40", "mimic", "all"),
]
IV_CHEXPERT = "72.86 .18 | 71.23 .12 | 71.83 .23 | 72.64 .12 | 72.22 .10 | 76.6 .03 | 75.45 .30"
IV_CHESTXRAY8 = "71.45 .98 | 70.07 .60 | 71.55 .19 | 71.66 1.18 | 72.45 1.09 | 80.45 .38 | 75.79 1.17"
V_AUC = "84.46 .52 | 79.98 .64 | 84.95 .28 | 84.61 .19 | 85.04 .28 | 84.03 .31 | 84.38 .33"
V_F1 = "77.9 .22 | 74.02 .19 | 77.73 .44 | 78.02 .31 | 78.01 .55 | 77.68 .22 | 77.93 .17"
PUBLISHED = {
    ("chexpert", 5_000, "auc", "macro"): IV_CHEXPERT,
    ("chestxray8", 3_589, "auc", "macro"): IV_CHESTXRAY8,
    ("eyepacs", 21_126, "auc", "macro"): V_AUC,
    ("eyepacs", 21_126, "f1", "weighted"): V_F1,
}


@pytest.fixture(scope="module")
def study() -> Study:
    path = shipped_study("paper")
    assert path is not None
    return read_study(path)[0]


@pytest.fixture(scope="module")
def dry(study: Study) -> DryRun:
    return dry_run(study, images_per_second=300)


def test_images_are_those_of_tables_1_and_2(study: Study):
    sizes = {name: (data.train_size, data.validation_size, data.test_size) for name, data in study.data.items()}
    assert sizes == {
        "chexpert": (178_352, 23_022, 22_274),
        "chestxray8": (3_589, 848, 1_169),
        "eyepacs": (21_126, 7_000, 7_000),
    }
    assert [sum(n for n in of if n is not None) for of in sizes.values()] == [223_648, 5_606, 35_126]


def test_the_protocol_is_that_of_section_5a(study: Study):
    assert study.training == TrainingSettings()
    assert {arm.initialisation for arm in study.arms} == {"imagenet"}
    assert {tuple(arm.seeds) for arm in study.arms} == {(0, 1, 2)}


def test_every_row_has_every_column(study: Study):
    arms = Counter(
        (
            arm.data,
            arm.train_size or study.data[arm.data].train_size,
            arm.method,
            arm.student,
            arm.teacher,
            arm.unfrozen,
        )
        for arm in study.arms
        if isinstance(arm.unfrozen, str)
    )
    rows = [
        ("chexpert", 5_000),
        ("chexpert", 50_000),
        ("chexpert", 178_352),
        ("chestxray8", 3_589),
        ("eyepacs", 21_126),
    ]
    assert arms == Counter((*row, *column) for row in rows for column in COLUMNS)
    assert len({(arm.name, arm.method, arm.student, arm.teacher) for arm in study.arms}) == 7  # one name a column


def test_every_grid_spans_the_papers_in_both_forms_of_the_loss(study: Study):
    for arm in study.arms:
        if arm.method == "attention_transfer":
            assert isinstance(arm.transfer.beta, list)
            assert min(arm.transfer.beta) <= 1 / 32  # 1 of the Frobenius form
            assert {1, 5, 20, 50, 100, 1000, 2000} < set(arm.transfer.beta)
            assert arm.transfer.attention_loss == "eq1"


def test_published_numbers_stand_as_printed(study: Study):
    expected: dict[tuple[object, ...], tuple[float, ...]] = {
        (*row, *column): tuple(float(text) for text in cell.split())
        for row, cells in PUBLISHED.items()
        for column, cell in zip(COLUMNS, cells.split("|"), strict=True)
    }
    found = {
        (one.dataset, one.train_size, one.metric, one.label, one.method, one.student, one.teacher, one.unfrozen): one
        for one in study.analysis.reference
    }
    assert found.keys() == expected.keys()
    for key, one in found.items():
        assert one.half_width is not None
        assert (round(100 * one.value, 2), round(100 * one.half_width, 2), one.n_seeds) == (*expected[key], 3)


def test_its_runs_are_counted_without_the_images(dry: DryRun):
    assert len(dry.rows) == 3 * 5 * (3 + 4 * 9)
    counts = {
        (row.run.student, row.run.unfrozen, row.run.data.collection): row.trainable_parameters for row in dry.rows
    }
    assert counts["densenet121", "all", "chexpert"] == counts["densenet121", "all", "chestxray8"] == 6_968_206
    assert counts["densenet121", "last34", "chestxray8"] == 2_700_814
    assert counts["densenet40", "all", "chestxray8"] == 1_364_142
    assert counts["densenet121", "all", "eyepacs"] == 6_958_981
    assert counts["densenet40", "all", "eyepacs"] == 1_354_917


def test_its_hours_are_those_of_the_sizes(dry: DryRun):
    row = next(
        row for row in dry.rows if row.run.run_id == "chexpert-5k-attention_transfer-densenet40-mimic-beta0.2-s1"
    )
    steps = 128 * 5_000 + (128 * 23_022 + 22_274) / 3 + 128 * 5_000 / 3 / 9  # the teacher's passes serve nine runs
    assert row.hours == pytest.approx(steps / 300 / 3600)
