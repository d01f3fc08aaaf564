"""Settings of a teacher in a study file.

In: a table `[teachers.X]`. Out: `TeacherSettings`. This module does not import torch.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import Field, model_validator

from medkt.settings import RANDOM, Architecture, Name, Seed, Settings, TeacherArchitecture


class TeacherSettings(Settings):
    """A teacher that this study trains on `data`, or whose `weights` are given."""

    architecture: TeacherArchitecture
    data: Name | None = None
    initialisation: str = RANDOM
    seed: Seed = 0
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
