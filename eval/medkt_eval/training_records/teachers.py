"""The teachers' own AUC on their students' task, as recorded by the runs.

In: run records. Out: `TeacherAuc` rows of results.json, and notes if runs disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt_eval.predictions.run_folders import RecordedTeacher, Run
from medkt_eval.results.recorded import TeacherAuc


def teacher_aucs(records: Sequence[Run]) -> tuple[list[TeacherAuc], list[str]]:
    """Collect each teacher's own AUC on the test images of each data set, label by label.

    Parameters
    ----------
    records : sequence of Run

    Returns
    -------
    rows : list of TeacherAuc
        From the first run of each data set, teacher and weights.
    notes : list of str
        Cases in which another run of the same teacher recorded a different AUC, for example at another image size.
    """
    first: dict[tuple[str, str, str | None], tuple[str, RecordedTeacher]] = {}
    rows, notes = [], []
    for record in records:
        manifest, teacher = record.manifest, record.manifest.teacher
        if teacher is None or not teacher.auc:
            continue
        key = (manifest.arm.dataset, teacher.source, teacher.sha256)
        if key in first:
            first_run, recorded = first[key]
            if recorded.auc != teacher.auc:
                notes.append(
                    f"runs {first_run} and {manifest.run_id} recorded different AUCs of the teacher "
                    f"{teacher.source} on {manifest.arm.dataset}; the first are shown"
                )
            continue
        first[key] = manifest.run_id, teacher
        rows += [
            TeacherAuc(
                dataset=manifest.arm.dataset,
                teacher=teacher.source,
                architecture=teacher.architecture,
                sha256=teacher.sha256,
                label=label,
                auc=auc,
                split=teacher.split,
                undefined_because=teacher.undefined_because.get(label) if auc is None else None,
            )
            for label, auc in teacher.auc.items()
        ]
    return rows, notes
