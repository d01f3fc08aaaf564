"""Small files in the run folder that the report needs: the network's architecture, and pictures.

In: a finished training. Out: `architecture.json`; if the study asks for pictures, `pictures.json` and its PNG files
(docs/formats.md). Training does not depend on them.
"""

from __future__ import annotations

import json

from medkt.models import architecture, densenet
from medkt.run import pictures
from medkt.run_settings import RunSettings
from medkt.teachers.teacher import Teacher
from medkt.training.run_data import RunData
from medkt.training.student.outcome import TrainedRun


def report_files(
    run: RunSettings, data: RunData, trained: TrainedRun, *, teacher: Teacher | None, with_pictures: bool
) -> dict[str, bytes]:
    """Make the files.

    Parameters
    ----------
    run : RunSettings
        Every setting.
    data : RunData
        Its images.
    trained : TrainedRun
        The outcome; the student is built again from its weights, so that the trained network does not change.
    teacher : Teacher or None
        The network that the student learned from.
    with_pictures : bool
        The study's `[report] pictures`.

    Returns
    -------
    dict of str to bytes
        Name in the run folder (with `/` for subfolders), and content.
    """
    student = densenet.build(run.student, len(data.labels), seed=run.seed)
    student.load_state_dict(trained.weights)
    stages = architecture.stages(student, run.training.image_size_px)
    content = {
        "format": 1,
        "student": run.student,
        "image_size_px": run.training.image_size_px,
        "n_outputs": len(data.labels),
        "total_parameters": trained.total_parameters,
        "stages": [stage.model_dump() for stage in stages],
    }
    files = {"architecture.json": (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()}
    return files | (pictures.files(data, student, teacher) if with_pictures else {})
