"""A study file as it was read: its settings, its text, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medkt.study.schema import Study, read_study, shipped_study


@dataclass(frozen=True)
class StudyFile:
    """A study file.

    Parameters
    ----------
    study : Study
        Its settings.
    text : str
        Its text, which `runs/study.json` records.
    sha256 : str
        Hexadecimal SHA-256 of the text.
    folder : Path
        Its folder; relative paths to weights start there.
    path : Path or None
        The file itself, for messages; None where a program made the study.
    """

    study: Study
    text: str
    sha256: str
    folder: Path
    path: Path | None = None

    @classmethod
    def read(cls, path: Path) -> StudyFile:
        """Read a study file.

        Raises
        ------
        InputError
            If it cannot be read, is not TOML, or a key or value is wrong.
        """
        study, text, sha256 = read_study(path)
        return cls(study, text, sha256, path.parent, path)

    @classmethod
    def shipped(cls, name: str) -> StudyFile | None:
        """Read the study file of this name that comes with medkt; relative paths start in the current folder.

        Returns
        -------
        StudyFile or None
            None if medkt has no study of this name.
        """
        path = shipped_study(name)
        if path is None:
            return None
        study, text, sha256 = read_study(path)
        return cls(study, text, sha256, Path(), path)
