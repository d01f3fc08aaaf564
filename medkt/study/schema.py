"""The schema of a study file: data sets, training, teachers, arms, analysis.

In: a study file (TOML). Out: `Study`. An unknown key is an error that names the nearest key that is known. What a data
set or a method may say is written in its own file: see `medkt.data.layouts` and `medkt.transfer`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from medkt.data import LAYOUTS, AnyData, rooted
from medkt.settings import IMAGENET, RANDOM, Architecture, Images, Name, Seed, Settings, TrainingSettings, Unfrozen
from medkt.teachers.settings import TeacherSettings
from medkt.transfer import METHODS, AnyMethod, gathered
from medkt.transfer.settings import TaughtSettings
from medkt_eval.runtime.nearest_name import expected_one_of
from medkt_eval.runtime.reading.name_fields import PrintableName
from medkt_eval.runtime.reading.text import parse_toml, read_text
from medkt_eval.runtime.validation import validated
from medkt_eval.study.declaration import Analysis


class ArmSettings(Settings):
    """An arm of the comparison. In the file, the keys of its method are next to the others."""

    name: Annotated[PrintableName, Field(min_length=1)]
    data: Name
    method: str
    student: Architecture
    teacher: Name | None = None
    initialisation: str = IMAGENET
    train_size: Images | None = Field(default=None, description="none: the data set's")
    unfrozen: Unfrozen = "all"
    transfer: AnyMethod
    variant: Name | None = None
    seeds: list[Seed] = Field(default=[0, 1, 2], min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _keys_of_the_method(cls, table: Any) -> Any:
        if not isinstance(table, dict) or "transfer" in table:
            return table
        if "method" not in table:
            raise ValueError(f"method is missing; expected one of {', '.join(METHODS)}")
        _check_choice("method", table["method"], METHODS)
        _check_keys(table, cls.model_fields)
        return gathered(table)

    @model_validator(mode="after")
    def _checked(self) -> ArmSettings:
        self.transfer.check_start(self.initialisation)
        betas = self.transfer.betas if isinstance(self.transfer, TaughtSettings) else []
        if len(set(betas)) != len(betas):
            raise ValueError(f"a beta is listed twice: {betas}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"a seed is listed twice: {self.seeds}")
        return self


def _check_choice(key: str, value: object, known: dict[str, Any]) -> None:
    """Refuse a value that is not one of the known ones, and name the nearest."""
    if value not in list(known):
        raise ValueError(f"{key} is {value!r}; {expected_one_of(str(value), known)}")


def _check_keys(table: dict[str, Any], of_every_arm: Container[str]) -> None:
    """Refuse an arm with keys of other methods, and one whose method lacks a key that it needs."""
    method = table["method"]
    taught = issubclass(METHODS[method], TaughtSettings)
    if not taught and ("teacher" in table or "beta" in table):
        raise ValueError(f"{method} takes no teacher and no beta")
    unknown = []
    for key in table:
        takers = [name for name, settings in METHODS.items() if key in settings.model_fields]
        if takers and method not in takers:
            raise ValueError(f"{method} takes no {key}; {' and '.join(takers)} {'does' if len(takers) == 1 else 'do'}")
        if not takers and key not in of_every_arm:
            unknown.append(key)
    # An unknown key may be the missing one, misspelt: pydantic then names it.
    if taught and not unknown and ("teacher" not in table or "beta" not in table):
        raise ValueError(f"{method} needs a teacher and a beta")


class ReportSettings(Settings):
    """What the runs keep for the report. The training does not depend on it."""

    pictures: bool = Field(default=True, description="copies of some test images, and attention on them")


class Study(Settings):
    """A study: data sets, teachers, arms, and an analysis that is declared before any test prediction exists."""

    name: Name
    data: dict[Name, AnyData] = Field(min_length=1)
    training: TrainingSettings = TrainingSettings()
    teachers: dict[Name, TeacherSettings] = Field(default_factory=dict)
    arms: list[ArmSettings] = Field(min_length=1)
    analysis: Analysis = Analysis()
    report: ReportSettings = ReportSettings()

    @model_validator(mode="before")
    @classmethod
    def _layout_of_each_data_set(cls, table: Any) -> Any:
        """The name of a data set is its layout, unless `collection` names one."""
        if not isinstance(table, dict) or not isinstance(table.get("data"), dict):
            return table
        data = {
            name: {"collection": name, **settings} if isinstance(settings, dict) else settings
            for name, settings in table["data"].items()
        }
        for name, settings in data.items():
            if isinstance(settings, dict) and "collection" not in table["data"][name] and name not in LAYOUTS:
                raise ValueError(f"data.{name}.collection is missing; {expected_one_of(name, LAYOUTS)}")
            if isinstance(settings, dict):
                _check_choice(f"data.{name}.collection", settings["collection"], LAYOUTS)
        return {**table, "data": data}

    @model_validator(mode="after")
    def _hangs_together(self) -> Study:
        for kind, name, data in [("teachers", n, t.data) for n, t in self.teachers.items()] + [
            ("arms", a.name, a.data) for a in self.arms
        ]:
            if data is not None and data not in self.data:
                raise ValueError(f"{kind} {name!r}: data is {data!r}; expected one of {', '.join(self.data)}")
        for name, teacher in self.teachers.items():
            if name == RANDOM or (name == IMAGENET and teacher.weights != IMAGENET):
                raise ValueError(f"a teacher is called {name!r}, which is a kind of weights already; rename it")
        for arm in self.arms:
            if arm.teacher is not None and arm.teacher not in self.teachers:
                known = ", ".join(self.teachers) or "none is defined"
                raise ValueError(f"arm {arm.name!r}: teacher is {arm.teacher!r}; expected one of [teachers]: {known}")
        self._check_same_start()
        return self

    def _check_same_start(self) -> None:
        """Refuse arms that start from different weights: they differ in more than their method."""
        starts: dict[tuple[str, str], ArmSettings] = {}
        for arm in self.arms:
            if arm.initialisation != RANDOM:
                first = starts.setdefault((arm.data, arm.student), arm)
                if first.initialisation != arm.initialisation:
                    raise ValueError(
                        f"arms {first.name!r} and {arm.name!r} start from different weights "
                        f"({first.initialisation!r}, {arm.initialisation!r}); all arms of a comparison start from the "
                        "same weights, or from random ones"
                    )


def read_study(path: Path) -> tuple[Study, str, str]:
    """A study file as settings, its text, and the text's SHA-256.

    Relative paths in it (`root`, lists, weights) start from the folder of the file. Paths of data sets may contain
    environment variables, as in "$MEDKT_DATA/nih-chestxray".

    Raises
    ------
    InputError
        If it cannot be read, is not TOML, or a key or value is wrong.
    """
    text = read_text(path, "a study file (TOML)")
    table = parse_toml(text, str(path), "a study file (TOML)")
    study = validated(Study, table, str(path))
    data = {name: rooted(settings, path.parent) for name, settings in study.data.items()}
    return study.model_copy(update={"data": data}), text, hashlib.sha256(text.encode()).hexdigest()


def shipped_study(name: str) -> Path | None:
    """The study file of this name that ships with medkt ("demo", "paper"), or None if there is none."""
    path = Path(__file__).parents[1] / "studies" / f"{name}.toml"
    return path if name.isidentifier() and path.is_file() else None


def changed(training: TrainingSettings, changes: dict[str, Any], where: str) -> TrainingSettings:
    """`training` with `changes`, validated."""
    try:
        return TrainingSettings.model_validate({**training.model_dump(), **changes})
    except ValidationError:
        return validated(TrainingSettings, changes, where)  # says which of the changes is wrong
