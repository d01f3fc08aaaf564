"""Whether the layers that a run names exist and fit, before anything is trained.

In: the settings of a run. Out: nothing, or an error. The networks are built without weights and memory (torch's "meta"
device), so that the check takes a fraction of a second; the files of weights may not exist yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from medkt.models import densenet, freezing
from medkt.run_settings import RunSettings
from medkt.settings import TeacherArchitecture
from medkt.teachers import networks as teacher_networks
from medkt.teachers.teacher import Teacher
from medkt.transfer.tapped import TappedSettings
from medkt.transfer.taps import Taps
from medkt_eval.errors import InputError

if TYPE_CHECKING:
    from torch import nn


def check_layers(run: RunSettings, teacher: TeacherArchitecture | None) -> None:
    """Refuse layers of `unfrozen` and `taps` that do not exist, give no map, or train nothing.

    Parameters
    ----------
    run : RunSettings
    teacher : str or None
        Architecture of its teacher.

    Raises
    ------
    InputError
        If there is such a layer; names the run.
    """
    tapped = isinstance(run.transfer, TappedSettings) and teacher is not None
    if not tapped and isinstance(run.unfrozen, str):
        return
    try:
        with torch.device("meta"):
            student = densenet.build(run.student, 1, seed=0)
            freezing.apply(student, run.unfrozen, run.training.frozen_batchnorm)
            if isinstance(run.transfer, TappedSettings) and teacher is not None:
                _rehearse(student, teacher, run.transfer, run.training.image_size_px)
    except InputError as error:
        raise InputError(f"{run.run_id}: {error}") from error


def _rehearse(
    student: nn.Module, architecture: TeacherArchitecture, settings: TappedSettings, image_size_px: int
) -> None:
    kind = teacher_networks.KINDS[architecture]
    teacher = Teacher(kind.network(1), attention_layer=kind.attention_layer, smallest_size_px=kind.smallest_tapped_px)
    taps = Taps(student, teacher, settings.taps, image_size_px)
    images = torch.zeros(2, 3, image_size_px, image_size_px)
    taps.read(images, student(images))
