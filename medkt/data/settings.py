"""What every layout has in common in a study file: how a data set is split, and where its images lie.

In: a table `[data.X]`. Out: `DataSettings`, the base class of each layout's own settings (`medkt.data.layouts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from medkt.settings import Place, Settings
from medkt_eval.predictions.format import Task

if TYPE_CHECKING:
    import numpy as np

    from medkt.data.collection import Collection


class DataSettings(Settings):
    """Settings of a data set: how it is split. All images of a patient go into the same split.

    A layout is a subclass. It adds `collection`, a `Literal` with the layout's name, and its own keys; it implements
    `open`, and `task_and_labels` if a layout knows them before it is opened.
    """

    train_size: int | None = Field(default=None, ge=1, description="images; none: all that are left")
    validation_size: int = Field(ge=1)
    test_size: int | None = Field(default=None, ge=1, description="images; none if test_patients lists the patients")
    test_patients: Place | None = Field(default=None, description="text file, a patient id a line: all their images")
    split_seed: int = Field(default=0, ge=0)
    stratify: bool = Field(default=False, description="each split gets its share of the patients with each label")
    exclude: Place | None = Field(
        default=None, description="CSV of images to leave out: image_id and, if known, reason"
    )

    def open(self) -> tuple[Collection, np.ndarray | None]:
        """Open the data set; no image is read.

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
        """The task and the number of labels, or None if only opening the data set can tell."""
        return None

    @property
    def brings_split(self) -> bool:
        """Whether the data set defines its training, validation and test images."""
        return False

    @property
    def brings_test(self) -> bool:
        """Whether the data set defines its test images; validation images are drawn from the others."""
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
    """Settings of a data set whose images lie in a folder."""

    root: Place
