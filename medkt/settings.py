"""Types that every table of a study file is built from, and how a network is trained.

In: values from TOML. Out: frozen pydantic models. A key that a model does not know is an error.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, LiteralString

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from medkt_eval.runtime.locations import location
from medkt_eval.runtime.reading.names import shown


def expecting(expected: LiteralString) -> WrapValidator:
    """One message for a key of several types, instead of one from pydantic for each type."""

    def check(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            raise PydanticCustomError("several_types", expected) from error

    return WrapValidator(check)


def _path_or_url(value: object) -> object:
    """A path or URL. Environment variables stay in it until the folder of the study file is known."""
    if not isinstance(value, str | os.PathLike) and not hasattr(value, "joinpath"):
        raise ValueError("expected a path, or a URL")
    return location(value) if isinstance(value, str) and "$" not in value else value


# A folder or file on this machine, or a URL (`medkt_eval.runtime.locations`).
Place = Annotated[Path, PlainValidator(_path_or_url), PlainSerializer(str, when_used="json")]


def _name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,59}", name):
        like = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:60] or "study-1"
        raise ValueError(
            f"{shown(name)} cannot be part of a folder's name; expected at most 60 small letters, digits, '.' and '-': "
            f"for example {like!r}"
        )
    return name


Name = Annotated[str, AfterValidator(_name)]
Architecture = Literal["densenet121", "densenet40"]
TeacherArchitecture = Literal["densenet121", "densenet40", "torchxrayvision-densenet121", "efficientnet-lite0"]
UnfrozenName = Literal["all", "last34", "head"]
Unfrozen = Annotated[
    UnfrozenName | Annotated[list[str], Field(min_length=1)],
    expecting("expected 'all', 'last34', 'head' or a list of layers"),
]
FrozenBatchNorm = Literal["update", "fixed"]
Schedule = Literal["halving", "constant", "cosine", "plateau"]
Imbalance = Literal["none", "pos_weight", "sampler"]
Precision = Literal["float32", "auto"]
RANDOM, IMAGENET = "random", "imagenet"

# Bounds far beyond any use. Larger numbers overflow float32, torch or the machine long after training has begun.
Images = Annotated[int, Field(ge=1, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Weight = Annotated[float, Field(ge=1e-12, le=1e12)]


class Settings(BaseModel):
    """A table of settings: it refuses unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TrainingSettings(Settings):
    """How a network is trained; the defaults are the paper's protocol (section V.A)."""

    image_size_px: int = Field(default=256, ge=32, le=1024)
    epochs: int = Field(default=128, ge=1, le=100_000)
    batch_size: int = Field(default=32, ge=2, le=65_536)
    learning_rate: float = Field(default=5e-5, ge=1e-12, le=100)
    schedule: Schedule = Field(default="halving", description="of the learning rate")
    halve_every_epochs: int = Field(default=16, ge=1, le=100_000)
    patience: int | None = Field(
        default=None, ge=1, le=100_000, description="epochs without improvement before the run stops"
    )
    clip_gradient_norm: Weight | None = None
    clip_gradient_value: Weight | None = None
    imbalance: Imbalance = Field(default="none", description="weight rare findings in the loss, or draw them oftener")
    rotation_degrees: float = Field(default=15.0, ge=0, le=180)
    horizontal_flip: bool = True
    frozen_batchnorm: FrozenBatchNorm = "update"
    precision: Precision = Field(default="float32", description="auto: bfloat16 where the device gains from it")
    compile: bool = Field(default=False, description="torch.compile: the bits then depend on the compiler too")
    threads_per_run: int | None = Field(default=None, ge=1, le=1024, description="none: torch decides")
