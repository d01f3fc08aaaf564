"""Tables I and II and the teachers: numbers of images, and whether splits share patients."""

from __future__ import annotations

import pytest

from medkt_eval.results.schema import Dataset, Split
from medkt_reports.lookup import Lookup
from medkt_reports.tables.paper.data_sets import table_one, table_two, teachers_table

SPLITS = {
    "train 5000": Split(
        n_images=5000, n_patients=1500, sha256="ab" * 32, n_positive={"Edema": 40, "Rare": 0, "Cyst": 900}
    ),
    "train 50000": Split(n_images=50_000, n_patients=14_000),
    "validation": Split(n_images=23_022, n_patients=6_500),
    "test": Split(n_images=22_274, n_patients=6_400),
}
CHEXPERT = Dataset(
    dataset="chexpert",
    task="multilabel",
    labels=["Edema", "Rare", "Cyst"],
    splits=SPLITS,
    source="Stanford <b>",
    labelling="automatic",
    views="frontal and lateral",
    patients_in_two_splits=0,
    training_sample="fixed",
)


def lookup_of(result, *datasets):
    return Lookup(result.model_copy(update={"datasets": list(datasets)}))


def texts(row):
    return [row.stub.text, *(cell.text for cell in row.cells)]


def test_images_used_count_the_largest_training_set_once(result):
    table = table_one(lookup_of(result, CHEXPERT))
    assert texts(table.rows[0]) == ["CheXpert", "3", "automatic", "frontal and lateral", "95,296", "26,900"]
    assert table.rows[0].cells[3].value == 50_000 + 23_022 + 22_274
    assert table.rows[0].cells[3].footnote == "50,000 (train 50000) + 23,022 (validation) + 22,274 (test)"
    assert "CheXpert: Stanford <b>." in table.notes


@pytest.mark.parametrize("shared", [None, 3])
def test_patients_are_not_added_up_where_splits_may_share_them(result, shared):
    table = table_one(lookup_of(result, CHEXPERT.model_copy(update={"patients_in_two_splits": shared})))
    cell = table.rows[0].cells[4]
    assert (cell.text, cell.value) == ("n/a", None)
    assert "may be in two splits" in cell.footnote


def test_what_was_not_recorded_is_said(result):
    bare = Dataset(dataset="own", task="multiclass", labels=["a", "b"], splits={"test": Split()})
    table = table_one(lookup_of(result, bare))
    assert texts(table.rows[0]) == ["own", "2 classes", "not recorded", "not recorded", "n/a", "n/a"]
    assert table.rows[0].cells[3].footnote == "not recorded"
    group = table_two(lookup_of(result, bare)).rows[0].group
    assert group == "own: patients in two splits: not recorded; training images over seeds: not recorded"


def test_table_two_says_how_many_patients_were_checked(result):
    table = table_two(lookup_of(result, CHEXPERT))
    assert [row.stub.text for row in table.rows] == list(SPLITS)
    assert {row.group for row in table.rows} == {
        "CheXpert: patients in two splits: 0 of 26,900 checked; training images over seeds: the same for the seeds "
        "of an arm"
    }
    assert texts(table.rows[0]) == ["train 5000", "5,000", "1,500", "40 to 900", "abababababab"]
    assert texts(table.rows[1])[3:] == ["not recorded", "not recorded"]


def test_shared_patients_are_counted_without_a_claim_of_how_many_there_are(result):
    table = table_two(lookup_of(result, CHEXPERT.model_copy(update={"patients_in_two_splits": 3})))
    assert "patients in two splits: 3;" in table.rows[0].group


def test_synthetic_data_sets_are_marked_and_no_data_set_is_no_table(result):
    for build in (table_one, table_two):
        assert build(Lookup(result)).synthetic == ["Phantom chest"]
        assert "SYNTHETIC: Phantom chest" in build(Lookup(result)).caption
        assert "SYNTHETIC" not in build(lookup_of(result, CHEXPERT)).caption
        assert build(lookup_of(result)) is None


def test_teachers_have_the_main_metrics_of_their_task(result):
    table = teachers_table(Lookup(result))
    mean = sum(
        run.value for run in result.runs if (run.arm, run.metric, run.label) == ("chest-teacher", "auc", "macro")
    )
    assert texts(table.rows[0]) == [
        "The teacher",
        "Phantom chest (5,000)",
        "DenseNet-121",
        "1",
        "macro AUC",
        f"{100 * mean:.1f}",
    ]
    assert len(table.rows) == 1
    students = [arm for arm in result.arms if arm.role == "arm"]
    assert teachers_table(Lookup(result.model_copy(update={"arms": students}))) is None


def test_a_teacher_without_a_value_says_so(result):
    table = teachers_table(Lookup(result.model_copy(update={"runs": []})))
    assert (table.rows[0].cells[-1].text, table.rows[0].cells[-1].value) == ("n/a", None)
    assert "not measured" in table.rows[0].cells[-1].footnote


@pytest.mark.parametrize("several", [True, False])
def test_no_digits_stand_for_several_training_sets(result, several):
    splits = {"train 5000": SPLITS["train 5000"]}
    first = result.arms[0]
    hashes = [str(k) if several else "a" for k in range(len(first.seeds))]
    changes = {"dataset": "chexpert", "train_size": 5000, "training_sha256": hashes}
    datasets = [*result.datasets, CHEXPERT.model_copy(update={"splits": splits})]
    arms = [first.model_copy(update=changes), *result.arms[1:]]
    table = table_two(Lookup(result.model_copy(update={"datasets": datasets, "arms": arms})))
    row = next(row for row in table.rows if row.stub.text == "train 5000")
    assert row.cells[-1].text == ("differs between runs" if several else "ab" * 6)
