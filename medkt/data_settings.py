"""What a study file says about its data sets, typed: a class a layout.

In: the tables `[data.X]` of a study file. Out: settings that `medkt.data` opens and `medkt.loading` splits.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, model_validator

from medkt_eval.runtime.locations import expand_path, location

Uncertain = Literal["zeros", "ones", "ignore"]
Unmentioned = Literal["zeros", "ignore"]


def _as_written(given: object) -> object:
    """A path or URL, its environment variables not yet written out; what is neither is pydantic's to refuse."""
    if not isinstance(given, str | os.PathLike) and not hasattr(given, "joinpath"):
        raise ValueError("expected a path, or a URL")
    return location(given) if isinstance(given, str) and "$" not in given else given


# A folder or file here, or the URL of one (`medkt_eval.places`).
Place = Annotated[Path, PlainValidator(_as_written), PlainSerializer(str, when_used="json")]


class Settings(BaseModel):
    """Settings know their keys and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(Settings):
    """What every data set of a study can say about its splits; images of one patient stay together."""

    train_size: int | None = Field(default=None, ge=1, description="images; none: all that are left")
    validation_size: int = Field(ge=1)
    test_size: int | None = Field(default=None, ge=1, description="images; none where test_patients says whose")
    test_patients: Place | None = Field(default=None, description="text file, a patient id a line: all their images")
    split_seed: int = Field(default=0, ge=0)
    stratify: bool = Field(default=False, description="each split gets its share of the patients with each label")
    exclude: Place | None = Field(
        default=None, description="CSV of images to leave out: image_id and, if known, reason"
    )

    @property
    def brings_split(self) -> bool:
        """Whether the data set says itself which images are for training, validation and test."""
        return False

    @property
    def brings_test(self) -> bool:
        """Whether the data set says itself which images are for the test; the others are drawn."""
        return False

    @model_validator(mode="after")
    def _one_test_set(self) -> DataSettings:
        if self.brings_split:
            if self.test_patients is not None or self.stratify:
                raise ValueError("test_patients and stratify say how to split, but the split is given; leave them out")
        elif not self.validation_size:
            raise ValueError("validation_size is not given; expected a number of images, or a split in the data")
        elif (self.test_size is not None) + (self.test_patients is not None) + self.brings_test != 1:
            official = ", and neither beside official_split" if self.brings_test else ""
            raise ValueError(f"expected either test_size (images) or test_patients (a list of patients){official}")
        return self


class RootedData(DataSettings):
    """Images in a folder."""

    root: Place


class PhantomChestData(DataSettings):
    """Synthetic chest X-rays with the 14 CheXpert labels."""

    collection: Literal["phantom-chest"]
    patients: int = Field(ge=3)
    hospital: Literal["A", "B"] = "A"
    seed: int = Field(default=0, ge=0)
    prevalence: dict[str, float] | None = None
    co_occurrence: list[tuple[str, str, float]] | None = Field(default=None, description="pairs and their correlation")
    label_noise: float = Field(default=0.0, ge=0, lt=0.5)


class PhantomFundusData(DataSettings):
    """Synthetic fundus photographs with grades of diabetic retinopathy."""

    collection: Literal["phantom-fundus"]
    patients: int = Field(ge=3)
    seed: int = Field(default=0, ge=0)


class PhantomShapesData(DataSettings):
    """Synthetic textured shapes of ten classes: the stand-in for natural images."""

    collection: Literal["phantom-shapes"]
    images: int = Field(ge=3)
    seed: int = Field(default=0, ge=0)


class ChestXray8Data(RootedData):
    """NIH ChestX-ray8/14 in NIH's own layout."""

    collection: Literal["chestxray8"]
    labels: list[str] | None = Field(default=None, description="findings to learn; none: all 14")
    no_finding: bool = Field(default=False, description="'No Finding' as a 15th label, as the paper counts")
    official_split: bool = Field(default=False, description="test on test_list.txt; the rest is train_val_list.txt")

    @property
    def brings_test(self) -> bool:
        """With `official_split`."""
        return self.official_split


class CheXpertLabels(RootedData):
    """What CheXpert's labeller leaves open, and what is made of it."""

    labels: list[str] | None = Field(default=None, description="findings to learn; none: all 14")
    uncertain: Uncertain | dict[str, Uncertain] = Field(
        default="zeros", description="what -1 counts as: 0, 1 or not labelled; one for all, or by label with 'default'"
    )
    unmentioned: Unmentioned | dict[str, Unmentioned] = Field(
        default="zeros", description="what a blank counts as: 0 or not labelled, likewise"
    )
    views: Literal["all", "frontal"] = "all"


class CheXpertData(CheXpertLabels):
    """CheXpert in Stanford's own layout."""

    collection: Literal["chexpert"]


class MimicCxrData(CheXpertLabels):
    """MIMIC-CXR-JPG in PhysioNet's own layout."""

    collection: Literal["mimic-cxr"]
    official_split: bool = Field(default=False, description="train, validate and test as mimic-cxr-*-split.csv has it")
    validation_size: int = Field(default=0, ge=0)

    @property
    def brings_split(self) -> bool:
        """With `official_split`."""
        return self.official_split


class EyePacsData(RootedData):
    """EyePACS, as Kaggle's diabetic retinopathy detection has it."""

    collection: Literal["eyepacs"]


class CovidData(RootedData):
    """The COVID-19 image data collection of Cohen et al."""

    collection: Literal["covid"]
    labels: list[str] = Field(default=["COVID-19"], min_length=1, description="nodes of the tree of findings")
    views: list[str] = Field(default=["PA", "AP", "AP Supine", "AP Erect"], min_length=1)


class FolderData(RootedData):
    """Any folder with a CSV of images, patients and labels."""

    collection: Literal["folder"]
    csv: str | None = None
    image_folder: str | None = Field(default=None, description="in root; none: root itself, or images/ where they are")
    image_column: str | None = None
    patient_column: str | None = None
    label_columns: list[str] | None = Field(default=None, description="0/1 columns: a multi-label task")
    class_column: str | None = Field(default=None, description="one class an image: a multi-class task")
    classes: list[str] | None = Field(default=None, description="classes in their order; other rows are left out")
    split_column: str | None = Field(default=None, description="holds train, validation or test")
    group_columns: list[str] = Field(default=[], description="for subgroups and the shortcut check: eye, device, sex")
    channels: Literal[1, 3] = 3
    validation_size: int = Field(default=0, ge=0)

    @property
    def brings_split(self) -> bool:
        """With a `split_column`."""
        return self.split_column is not None


AnyData = Annotated[
    PhantomChestData
    | PhantomFundusData
    | PhantomShapesData
    | ChestXray8Data
    | CheXpertData
    | MimicCxrData
    | EyePacsData
    | CovidData
    | FolderData,
    Field(discriminator="collection"),
]


def rooted(data: AnyData, folder: Path) -> AnyData:
    """The same settings with paths taken from `folder`, environment variables and ~ written out."""
    paths = {key: getattr(data, key) for key in ("root", "test_patients", "exclude") if hasattr(data, key)}
    full = {key: expand_path(folder, path) for key, path in paths.items() if path}
    return data.model_copy(update=full)
