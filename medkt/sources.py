"""Where the weights of a run come from: its start, and its teacher.

In: the names that a study file uses. Out: files, networks and their hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from medkt.config import IMAGENET, RANDOM, RunSettings, Study
from medkt.models import densenet
from medkt.models.initialisation import find_weights, imagenet_path
from medkt.models.teachers import load_teacher
from medkt_eval.errors import InputError
from medkt_eval.files import sha256_of_file


class Sources:
    """Resolves the names of a study's weights.

    Parameters
    ----------
    study : Study
        Names its teachers.
    trained_teachers : mapping of str to RunSettings
        Those that the study trains itself, by name.
    folder : Path
        Where the study file lies; other names are paths from there.
    out : Path
        runs/.
    """

    def __init__(self, study: Study, trained_teachers: Mapping[str, RunSettings], folder: Path, out: Path) -> None:
        self.study, self.trained_teachers, self.folder, self.out = study, trained_teachers, folder, out

    def start(self, run: RunSettings) -> str | Path:
        """What the student of `run` starts from: "random", "imagenet" or a path."""
        return self._source(run.initialisation)

    def teacher(self, run: RunSettings) -> nn.Module | None:
        """The network that `run` attends to, frozen; None where its method has none."""
        if run.teacher is None:
            return None
        settings = self.study.teachers[run.teacher]
        return load_teacher(settings.architecture, self._teacher_source(run.teacher))

    def needed_runs(self, run: RunSettings) -> set[str]:
        """Ids of the study's own runs whose weights `run` starts from or attends to."""
        trained = self.trained_teachers
        return {trained[name].run_id for name in (run.initialisation, run.teacher or "") if name in trained}

    def start_sha256(self, run: RunSettings) -> str | None:
        """Hash of the start weights; None where there is no file (yet)."""
        return _sha256(self.start(run))

    def teacher_sha256(self, run: RunSettings) -> str | None:
        """Hash of the teacher's weights; None where there is no file (yet)."""
        return None if run.teacher is None else _sha256(self._teacher_source(run.teacher))

    def check_given(self, run: RunSettings) -> None:
        """Refuse, before anything is trained, weights that are neither trained by the study nor there.

        Raises
        ------
        InputError
            Naming the file that was expected, or an image size that is too small for a network's tap.
        """
        size = run.training.image_size_px
        densenet.check_size(run.student, size, tapped=run.teacher is not None)
        sources = {run.initialisation: self.start(run)}
        if run.teacher is not None:
            densenet.check_size(self.study.teachers[run.teacher].architecture, size, tapped=True)
            sources[run.teacher] = self._teacher_source(run.teacher)
        for name, source in sources.items():
            if isinstance(source, Path) and name not in self.trained_teachers and not source.exists():
                known = ", ".join([RANDOM, IMAGENET, *self.study.teachers])
                raise InputError(f"{run.run_id}: weights {name!r}: no file {source}; expected one of {known}, or a run "
                                 "folder, .safetensors or .pth file")  # fmt: skip
            if source == IMAGENET:
                find_weights(IMAGENET)

    def _teacher_source(self, name: str) -> str | Path:
        weights = self.study.teachers[name].weights
        return self._source(name) if weights is None else self._given(weights)

    def _source(self, name: str) -> str | Path:
        if name in (RANDOM, IMAGENET):
            return name
        if name in self.trained_teachers:
            return self.out / self.trained_teachers[name].run_id / "model.safetensors"
        if name in self.study.teachers:  # given, not trained
            return self._given(self.study.teachers[name].weights or name)
        return self._given(name)

    def _given(self, weights: str) -> str | Path:
        """Weights that are there: "imagenet", or a path from the study file's folder."""
        return weights if weights == IMAGENET else self.folder / Path(weights).expanduser()


def _sha256(source: str | Path) -> str | None:
    if source == RANDOM:
        return None
    path = imagenet_path() if source == IMAGENET else Path(source)
    path = path / "model.safetensors" if path.is_dir() else path
    return sha256_of_file(path) if path.is_file() else None
