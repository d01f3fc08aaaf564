"""The layouts of the phantom's three collections.

In: settings of a study file. Out: a `Collection` whose images are drawn (`medkt.data.phantom`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from medkt.data.collection import Collection
from medkt.data.label_tables.label_names import GRADES
from medkt.data.phantom.collections import phantom_chest, phantom_fundus, phantom_shapes
from medkt.data.phantom.findings import LABELS
from medkt.data.phantom.shapes import SHAPES
from medkt.data.settings import DataSettings
from medkt.settings import Seed
from medkt_eval.errors import InputError
from medkt_eval.predictions.format import Task


class PhantomChestData(DataSettings):
    """Settings of synthetic chest X-rays with CheXpert's 14 labels."""

    collection: Literal["phantom-chest"]
    patients: int = Field(ge=3, le=1_000_000)
    hospital: Literal["A", "B"] = "A"
    seed: Seed = 0
    prevalence: dict[str, float] | None = None
    co_occurrence: list[tuple[str, str, float]] | None = Field(default=None, description="pairs and their correlation")
    label_noise: float = Field(default=0.0, ge=0, lt=0.5)

    def open(self) -> tuple[Collection, None]:
        """Open the data set; see `phantom_chest`."""
        pairs = None if self.co_occurrence is None else {(a, b): value for a, b, value in self.co_occurrence}
        return _drawn(
            self.collection,
            lambda: phantom_chest(
                patients=self.patients,
                seed=self.seed,
                hospital=self.hospital,
                prevalence=self.prevalence,
                co_occurrence=pairs,
                label_noise=self.label_noise,
            ),
        )

    def task_and_labels(self) -> tuple[Task, int]:
        """Multi-label, 14 findings."""
        return "multilabel", len(LABELS)


class PhantomFundusData(DataSettings):
    """Settings of synthetic fundus photographs with grades of diabetic retinopathy."""

    collection: Literal["phantom-fundus"]
    patients: int = Field(ge=3, le=1_000_000)
    seed: Seed = 0

    def open(self) -> tuple[Collection, None]:
        """Open the data set; see `phantom_fundus`."""
        return _drawn(self.collection, lambda: phantom_fundus(patients=self.patients, seed=self.seed))

    def task_and_labels(self) -> tuple[Task, int]:
        """Multi-class, five grades."""
        return "multiclass", len(GRADES)


class PhantomShapesData(DataSettings):
    """Settings of synthetic textured shapes of ten classes, which replace natural images."""

    collection: Literal["phantom-shapes"]
    images: int = Field(ge=3, le=1_000_000)
    seed: Seed = 0

    def open(self) -> tuple[Collection, None]:
        """Open the data set; see `phantom_shapes`."""
        return _drawn(self.collection, lambda: phantom_shapes(images=self.images, seed=self.seed))

    def task_and_labels(self) -> tuple[Task, int]:
        """Multi-class, ten shapes."""
        return "multiclass", len(SHAPES)


def _drawn(layout: str, draw: Callable[[], Collection]) -> tuple[Collection, None]:
    """Draw a collection. A setting that the phantom refuses raises an `InputError`."""
    try:
        return draw(), None
    except ValueError as error:
        raise InputError(f"[data] {layout}: {error}") from error
