"""The files of a run's start weights and of its teacher.

In: the names that a study file uses. Out: files, networks and their hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast, get_args

from medkt.models import densenet
from medkt.run_settings import RunSettings
from medkt.settings import IMAGENET, RANDOM, Architecture, TeacherArchitecture
from medkt.teachers import labels as teacher_labels
from medkt.teachers import networks as teacher_networks
from medkt.teachers.settings import TeacherSettings
from medkt.teachers.teacher import Teacher, load_teacher
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import sha256_of_file
from medkt_eval.runtime.locations import expand_path, is_remote, location


class WeightSources:
    """Finds the weights that a study file names.

    Parameters
    ----------
    teachers : mapping of str to TeacherSettings
        The study's teachers, by name.
    trained_teachers : mapping of str to RunSettings
        The teachers that the study trains itself, by name.
    folder : Path
        The study file's folder; relative paths start there.
    out : Path
        runs/.
    """

    def __init__(
        self,
        teachers: Mapping[str, TeacherSettings],
        trained_teachers: Mapping[str, RunSettings],
        folder: Path,
        out: Path,
    ) -> None:
        self.teachers, self.trained_teachers, self.folder, self.out = teachers, trained_teachers, folder, out

    def start(self, run: RunSettings) -> str | Path:
        """Return what the student of `run` starts from: "random", "imagenet" or a path."""
        return self._source(run.initialisation)

    def teacher(self, run: RunSettings) -> Teacher | None:
        """Load the network that `run` learns from, with shared label names; None if its method has no teacher."""
        if run.teacher is None:
            return None
        teacher = load_teacher(self._architecture(run.teacher), self._teacher_source(run.teacher))
        if teacher.labels is not None:
            teacher.labels = tuple(teacher_labels.shared_name(label) for label in teacher.labels)
        return teacher

    def given(self, run: RunSettings) -> list[Path]:
        """Return the paths of the given weights that `run` starts from or learns from; they may not exist."""
        sources = [self.start(run)] if run.teacher is None else [self.start(run), self._teacher_source(run.teacher)]
        named = [run.initialisation] if run.teacher is None else [run.initialisation, run.teacher]
        pairs = zip(named, sources, strict=True)
        return [path for name, path in pairs if not isinstance(path, str) and name not in self.trained_teachers]

    def needed_runs(self, run: RunSettings) -> set[str]:
        """Return the ids of this study's runs that `run` starts from or learns from."""
        trained = self.trained_teachers
        return {trained[name].run_id for name in (run.initialisation, run.teacher or "") if name in trained}

    def start_sha256(self, run: RunSettings) -> str | None:
        """Return the SHA-256 of the start weights; None if there is no file (yet)."""
        return _sha256(self.start(run))

    def teacher_sha256(self, run: RunSettings) -> str | None:
        """Return the SHA-256 of the teacher's weights; None if there is no file (yet)."""
        if run.teacher is None:
            return None
        return _sha256(self._teacher_source(run.teacher), self._architecture(run.teacher))

    def check(self, run: RunSettings) -> None:
        """Refuse, before training begins, weights that do not exist and that the study does not train.

        Raises
        ------
        InputError
            If a file is missing, or the image size is too small for a network's tap; names it.
        """
        size = run.training.image_size_px
        tapped = run.transfer.taps_attention_layers
        densenet.check_size(run.student, size, tapped=tapped)
        if run.initialisation != IMAGENET and run.initialisation in self.teachers:
            self._check_fits_a_student(run)
        self._check_exists(run, run.initialisation, self.start(run), "densenet121")
        if run.teacher is not None:
            architecture = self._architecture(run.teacher)
            teacher_networks.check_size(architecture, size, tapped=tapped)
            self._check_exists(run, run.teacher, self._teacher_source(run.teacher), architecture)

    def _check_fits_a_student(self, run: RunSettings) -> None:
        architecture = self._architecture(run.initialisation)
        if architecture not in get_args(Architecture):
            raise InputError(
                f"{run.run_id}: initialisation {run.initialisation!r} has the architecture {architecture}, whose "
                f"weights fit no student; expected a {' or '.join(get_args(Architecture))}"
            )

    def _check_exists(self, run: RunSettings, name: str, source: str | Path, architecture: TeacherArchitecture) -> None:
        if source == IMAGENET:
            teacher_networks.find_weights(architecture, IMAGENET)
        elif not isinstance(source, str) and name not in self.trained_teachers and not source.exists():
            known = ", ".join([RANDOM, IMAGENET, *self.teachers])
            raise InputError(
                f"{run.run_id}: weights {name!r}: no file {source}; expected one of {known}, or a run "
                "folder, .safetensors or .pth file"
            )

    def _architecture(self, teacher: str) -> TeacherArchitecture:
        return self.teachers[teacher].architecture

    def _teacher_source(self, name: str) -> str | Path:
        weights = self.teachers[name].weights
        return self._source(name) if weights is None else self._given(weights)

    def _source(self, name: str) -> str | Path:
        if name in (RANDOM, IMAGENET):
            return name
        if name in self.trained_teachers:
            return self.out / self.trained_teachers[name].run_id / "model.safetensors"
        if name in self.teachers:  # given, not trained
            return self._given(self.teachers[name].weights or name)
        return self._given(name)

    def _given(self, weights: str) -> str | Path:
        """Resolve given weights: "imagenet", a path relative to the study file's folder, or a URL."""
        return weights if weights == IMAGENET else expand_path(self.folder, weights)


def _sha256(source: str | Path, architecture: TeacherArchitecture = "densenet121") -> str | None:
    path = teacher_networks.imagenet_path(architecture) if source == IMAGENET else location(source)
    if source == RANDOM or path is None:
        return None
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        return None
    return (
        _fetched_sha256(path, cast(Any, path).fs.ukey(cast(Any, path).path))
        if is_remote(path)
        else sha256_of_file(path)
    )


@lru_cache(maxsize=64)
def _fetched_sha256(path: Path, _version: object) -> str:
    """Fetch and hash remote weights once; again if their version in the object storage changes."""
    return sha256_of_file(path)
