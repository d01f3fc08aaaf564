"""Settings that all layouts share: how a data set is split, and where its images are.

In: a table `[data.X]` of a study file. Out: `DataSettings`, the base class of the layouts' settings
(`medkt.data.layouts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from medkt.settings import Images, Place, Seed, Settings
from medkt_eval.predictions.format import Task
from medkt_eval.runtime.reading.names import shown

if TYPE_CHECKING:
    import numpy as np

    from medkt.data.collection import Collection

PATHS = ("root", "test_patients", "exclude")
"""Settings that say where files are, not what is in them: the files may have moved since a run was trained."""


class DataSettings(Settings):
    """Settings of a data set: how it is split. All images of a patient go into the same split.

    A layout is a subclass. It adds `collection`, a `Literal` with the layout's name, and its own keys. It implements
    `open`, and `task_and_labels` if the settings alone determine them.
    """

    train_size: Images | None = Field(default=None, description="images; none: all that are left")
    validation_size: Images
    test_size: Images | None = Field(default=None, description="images; none if test_patients lists the patients")
    test_patients: Place | None = Field(default=None, description="text file, a patient id a line: all their images")
    split_seed: Seed = 0
    stratify: bool = Field(default=False, description="each split gets its share of the patients with each label")
    exclude: Place | None = Field(
        default=None, description="CSV of images to leave out: image_id and, if known, reason"
    )

    def open(self) -> tuple[Collection, np.ndarray | None]:
        """Open the data set without reading its images.

        Returns
        -------
        collection : Collection
            Its images, including those that `exclude` lists.
        split : str, (n_images,) or None
            "train", "validation" or "test" for each image, if the data set defines its split.

        Raises
        ------
        InputError
            If files or settings are wrong.
        """
        raise NotImplementedError

    def task_and_labels(self) -> tuple[Task, int] | None:
        """Return the task and the number of labels, or None if the data set must be opened to know them."""
        return None

    @classmethod
    def defaults_outside_a_study(cls, overrides: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG003
        """Return defaults for `medkt data` that differ from those of a study file.

        Parameters
        ----------
        overrides : mapping of str to object
            The settings of the command line.
        """
        return {}

    @property
    def name_outside_a_study(self) -> str | None:
        """The name of the data set for `medkt data`, if it differs from the name of its layout."""
        return None

    @property
    def brings_split(self) -> bool:
        """Whether the data set defines its training, validation and test images."""
        return False

    @property
    def brings_test(self) -> bool:
        """Whether the data set defines its test images. Validation images are then drawn from the others."""
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
    """Settings of a data set whose images are in a folder."""

    root: Place
    encoding: str | None = Field(default=None, description="of the tables: gbk, cp1251 ...; none: UTF-8 or Western")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            if encoding is not None:
                "".encode(encoding)
        except (LookupError, UnicodeError, ValueError) as error:
            raise ValueError(
                f"encoding {shown(str(encoding))} is not known; expected one of Python's: gbk, cp1251"
            ) from error
        return encoding
