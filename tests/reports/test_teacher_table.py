"""Teachers on the target: a column a teacher, a dash with its reason where no label is shared."""

from __future__ import annotations

from medkt_eval.study_rows import TeacherAuc
from medkt_reports.lookup import Lookup
from medkt_reports.teacher_table import teachers_on_target_table

NOT_SHARED = "the teacher has no such label"


def row(teacher, label, auc):
    return TeacherAuc(dataset="phantom-chest", teacher=teacher, architecture="densenet121", sha256=teacher, label=label,
                      auc=auc, split="test", undefined_because=NOT_SHARED if auc is None else None)  # fmt: skip


ROWS = [row("mimic", "Edema", 0.6127), row("mimic", "Effusion", None), row("imagenet", "Edema", None),
        row("imagenet", "Effusion", None)]  # fmt: skip


def test_a_column_a_teacher(result):
    table = teachers_on_target_table(Lookup(result.model_copy(update={"teachers": ROWS})))
    assert [span.text for span in table.head[0]] == ["Label", "Teacher mimic", "Teacher imagenet"]
    edema, effusion = table.rows
    assert [cell.text for cell in edema.cells] == ["61.3", "n/a"]
    assert edema.cells[0].value == 0.6127
    assert effusion.cells[0].how == NOT_SHARED
    assert any("imagenet: no label is shared" in note.lower() for note in table.notes)


def test_none_without_teachers(result):
    assert teachers_on_target_table(Lookup(result.model_copy(update={"teachers": []}))) is None
