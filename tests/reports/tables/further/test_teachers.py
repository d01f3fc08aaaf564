"""Teachers on the target data: one column per teacher, and a dash with a reason if no label is shared."""

from __future__ import annotations

from medkt_eval.results.recorded import TeacherAuc
from medkt_reports.lookup import Lookup
from medkt_reports.tables.further.teachers import teachers_on_target_table

NOT_SHARED = "the teacher has no such label"


def row(teacher, label, auc, dataset="phantom-chest"):
    return TeacherAuc(
        dataset=dataset,
        teacher=teacher,
        architecture="densenet121",
        sha256=teacher,
        label=label,
        auc=auc,
        split="test",
        undefined_because=NOT_SHARED if auc is None else None,
    )


ROWS = [
    row("mimic", "Edema", 0.6127),
    row("mimic", "Effusion", None),
    row("imagenet", "Edema", None),
    row("imagenet", "Effusion", None),
]


def test_a_column_a_teacher(result):
    table = teachers_on_target_table(Lookup(result.model_copy(update={"teachers": ROWS})))
    assert [span.text for span in table.head[0]] == ["Label", "Teacher mimic", "Teacher imagenet"]
    edema, effusion = table.rows
    assert [cell.text for cell in edema.cells] == ["61.3", "n/a"]
    assert edema.cells[0].value == 0.6127
    assert effusion.cells[0].footnote == NOT_SHARED
    _, note, _synthetic = table.notes
    assert note.startswith("Teacher imagenet has no AUC on ")
    assert note.endswith(f": {NOT_SHARED}.")


def test_a_teacher_without_auc_on_one_data_set_has_a_line_for_that_alone(result):
    one_class = row("mimic", "Edema", None, "phantom-shapes").model_copy(update={"undefined_because": "one class only"})
    table = teachers_on_target_table(Lookup(result.model_copy(update={"teachers": [*ROWS[:2], one_class]})))
    _, note, _synthetic = table.notes
    assert note.startswith("Teacher mimic has no AUC on ")
    assert note.endswith(": one class only.")


def test_none_without_teachers(result):
    assert teachers_on_target_table(Lookup(result.model_copy(update={"teachers": []}))) is None
