"""Study and run settings, typed, from TOML.

In: a study file. Out: `Study`, and for each training of it a `RunSettings`, whose every field (defaults included)
goes into the run's config.toml. A key that is not known here is an error that names it.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, LiteralString, get_args

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from medkt.data_settings import AnyData, Settings, rooted
from medkt_eval.errors import InputError
from medkt_eval.runtime.validation import read_text, validated
from medkt_eval.study.declaration import Analysis


def _told_as(expected: LiteralString) -> WrapValidator:
    """One message for a key that takes several types, in the place of pydantic's for each of them."""

    def check(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            raise PydanticCustomError("several_types", expected) from error

    return WrapValidator(check)


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=60)]
Beta = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Betas = Annotated[
    Beta | Annotated[list[Beta], Field(min_length=1)] | None, _told_as("expected a number above 0, or a list of such")
]
Architecture = Literal["densenet121", "densenet40"]
TeacherArchitecture = Literal["densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"]
Method = Literal["supervised", "transfer_learning", "attention_transfer", "knowledge_distillation", "hint_transfer"]
WITH_TEACHER = ("attention_transfer", "knowledge_distillation", "hint_transfer")
UnfrozenName = Literal["all", "last34", "head"]
Unfrozen = Annotated[
    UnfrozenName | Annotated[list[str], Field(min_length=1)],
    _told_as("expected 'all', 'last34', 'head' or a list of layers"),
]
FrozenBatchNorm = Literal["update", "fixed"]
AttentionLoss = Literal["eq1", "frobenius", "zagoruyko"]
Schedule = Literal["halving", "constant", "cosine", "plateau"]
Imbalance = Literal["none", "pos_weight", "sampler"]
Precision = Literal["float32", "auto"]
RANDOM, IMAGENET = "random", "imagenet"


class TrainingSettings(Settings):
    """How a network is trained; the defaults are the paper's protocol (section V.A)."""

    image_size_px: int = Field(default=256, ge=32, le=1024)
    epochs: int = Field(default=128, ge=1)
    batch_size: int = Field(default=32, ge=2)
    learning_rate: float = Field(default=5e-5, gt=0)
    schedule: Schedule = Field(default="halving", description="of the learning rate")
    halve_every_epochs: int = Field(default=16, ge=1)
    patience: int | None = Field(default=None, ge=1, description="epochs without a better one, then the run stops")
    clip_gradient_norm: float | None = Field(default=None, gt=0)
    clip_gradient_value: float | None = Field(default=None, gt=0)
    imbalance: Imbalance = Field(default="none", description="weight rare findings in the loss, or draw them oftener")
    rotation_degrees: float = Field(default=15.0, ge=0, le=180)
    horizontal_flip: bool = True
    frozen_batchnorm: FrozenBatchNorm = "update"
    precision: Precision = Field(default="float32", description="auto: bfloat16 where the device gains from it")
    compile: bool = Field(default=False, description="torch.compile: the bits then depend on the compiler too")
    threads_per_run: int | None = Field(default=None, ge=1, description="none: as many as torch takes by itself")


class TapSettings(Settings):
    """A pair of layers, by their names in the networks, whose outputs a method compares."""

    student: str
    teacher: str
    weight: float = Field(default=1.0, gt=0)


class TeacherSettings(Settings):
    """A teacher: trained by this study on `data`, or given as `weights`."""

    architecture: TeacherArchitecture
    data: Name | None = None
    initialisation: str = RANDOM
    seed: int = Field(default=0, ge=0, lt=2**63)
    training: dict[str, Any] = Field(default_factory=dict, description="what differs from [training]")
    weights: str | None = Field(default=None, description="'imagenet', a run folder, .safetensors or .pth")

    @model_validator(mode="after")
    def _trained_or_given(self) -> TeacherSettings:
        if (self.data is None) == (self.weights is None):
            raise ValueError("expected either data (the study trains it) or weights (it exists)")
        if self.data is not None and self.architecture not in get_args(Architecture):
            trainable = ", ".join(get_args(Architecture))
            raise ValueError(
                f"architecture {self.architecture!r} is never trained here; with data, expected one of "
                f"{trainable}; otherwise give weights"
            )
        return self


class ArmSettings(Settings):
    """An arm of the comparison."""

    name: str = Field(min_length=1)
    data: Name
    method: Method
    student: Architecture
    teacher: Name | None = None
    initialisation: str = IMAGENET
    train_size: int | None = Field(default=None, ge=1, description="none: the data set's")
    unfrozen: Unfrozen = "all"
    attention_loss: AttentionLoss = "eq1"
    beta: Betas = Field(
        default=None, description="L = L_task + L_transfer / beta (Eq. 2); a list: the best on validation is kept"
    )
    temperature: float = Field(default=4.0, gt=0, description="of knowledge distillation")
    taps: list[TapSettings] | None = Field(default=None, min_length=1, description="none: the attention layers")
    projection: bool = Field(default=False, description="a learned 1 x 1 convolution to the teacher's planes")
    variant: Name | None = None
    seeds: list[Annotated[int, Field(ge=0, lt=2**63)]] = Field(default=[0, 1, 2], min_length=1)

    @model_validator(mode="after")
    def _fits_its_method(self) -> ArmSettings:
        taught = self.method in WITH_TEACHER
        if taught and (self.teacher is None or self.beta is None):
            raise ValueError(f"{self.method} needs a teacher and a beta")
        if not taught and (self.teacher is not None or self.beta is not None):
            raise ValueError(f"{self.method} takes no teacher and no beta")
        if self.method == "transfer_learning" and self.initialisation == RANDOM:
            raise ValueError("a random start is no transfer learning: set method = 'supervised'")
        if self.method == "supervised" and self.initialisation != RANDOM:
            raise ValueError("starting from trained weights is transfer learning: set method = 'transfer_learning'")
        for key, given, methods in (
            ("taps", self.taps is not None, ("attention_transfer", "hint_transfer")),
            ("projection", self.projection, ("attention_transfer",)),
            ("temperature", "temperature" in self.model_fields_set, ("knowledge_distillation",)),
            ("attention_loss", "attention_loss" in self.model_fields_set, ("attention_transfer",)),
        ):
            if given and self.method not in methods:
                takers = f"{' and '.join(methods)} {'does' if len(methods) == 1 else 'do'}"
                raise ValueError(f"{self.method} takes no {key}; {takers}")
        if isinstance(self.beta, list) and len(set(self.beta)) != len(self.beta):
            raise ValueError(f"a beta is listed twice: {self.beta}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"a seed is listed twice: {self.seeds}")
        return self


class ReportSettings(Settings):
    """What the runs keep for the report; nothing of the training depends on it."""

    pictures: bool = Field(default=True, description="copies of some test images, and attention on them")


class Study(Settings):
    """A study file: data sets, teachers, arms and the analysis, declared before any test prediction exists."""

    name: Name
    data: dict[Name, AnyData] = Field(min_length=1)
    training: TrainingSettings = TrainingSettings()
    teachers: dict[Name, TeacherSettings] = Field(default_factory=dict)
    arms: list[ArmSettings] = Field(min_length=1)
    analysis: Analysis = Analysis()
    report: ReportSettings = ReportSettings()

    @model_validator(mode="before")
    @classmethod
    def _collection_is_the_name_unless_said(cls, table: Any) -> Any:
        if isinstance(table, dict) and isinstance(table.get("data"), dict):
            named = {
                key: {"collection": key, **value} if isinstance(value, dict) else value
                for key, value in table["data"].items()
            }
            return {**table, "data": named}
        return table

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
        """Two arms that start from different weights differ in more than their method."""
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


class RunSettings(Settings):
    """One training: every setting, defaults included."""

    run_id: str
    role: Literal["arm", "teacher"]
    name: str
    dataset: str
    data: AnyData
    train_size: int | None
    method: Method
    student: Architecture
    seed: int
    initialisation: str
    unfrozen: Unfrozen = "all"
    teacher: str | None = None
    attention_loss: AttentionLoss | None = None
    beta: float | None = None
    temperature: float | None = None
    taps: list[TapSettings] | None = None
    projection: bool = False
    grid: str | None = Field(default=None, description="shared by runs that differ in beta alone")
    training: TrainingSettings


Unit = tuple[RunSettings, ...]  # what is trained in lockstep: one run, or the settings of a grid


def read_study(path: Path) -> tuple[Study, str, str]:
    """A study file as settings, its text, and the text's SHA-256.

    Relative paths in it (`root`, lists, weights) are taken from the folder that the file lies in; paths of data sets
    may hold environment variables, as in "$MEDKT_DATA/nih-chestxray".

    Raises
    ------
    InputError
        If it cannot be read, is not TOML, or a key or value is wrong.
    """
    text = read_text(path, "a study file (TOML)")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    study = validated(Study, table, str(path))
    data = {name: rooted(settings, path.parent) for name, settings in study.data.items()}
    return study.model_copy(update={"data": data}), text, hashlib.sha256(text.encode()).hexdigest()


def shipped_study(name: str) -> Path | None:
    """The study file of this name that comes with medkt ("demo", "paper"), or None where there is none."""
    path = Path(__file__).parent / "studies" / f"{name}.toml"
    return path if name.isidentifier() and path.is_file() else None


def changed(training: TrainingSettings, changes: dict[str, Any], where: str) -> TrainingSettings:
    """`training` with `changes`, validated."""
    try:
        return TrainingSettings.model_validate({**training.model_dump(), **changes})
    except ValidationError:
        return validated(TrainingSettings, changes, where)  # says which of the changes is wrong
