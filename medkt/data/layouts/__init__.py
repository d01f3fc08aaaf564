"""Data sets in the layouts in which their owners publish them. Each file has a layout's settings and its reader.

In: a table `[data.X]` of a study file. Out: `DataSettings`, whose `open` returns a `Collection`.
Read first: folder.py, any folder with a CSV. To add a layout, see docs/contributing.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from medkt.data.layouts.chestxray8 import ChestXray8Data
from medkt.data.layouts.chexpert import CheXpertData
from medkt.data.layouts.covid import CovidData
from medkt.data.layouts.eyepacs import EyePacsData
from medkt.data.layouts.folder import FolderData
from medkt.data.layouts.mimic_cxr import MimicCxrData
from medkt.data.layouts.phantom import PhantomChestData, PhantomFundusData, PhantomShapesData
from medkt.data.settings import DataSettings

LAYOUTS: dict[str, type[DataSettings]] = {
    "phantom-chest": PhantomChestData,
    "phantom-fundus": PhantomFundusData,
    "phantom-shapes": PhantomShapesData,
    "chestxray8": ChestXray8Data,
    "chexpert": CheXpertData,
    "mimic-cxr": MimicCxrData,
    "eyepacs": EyePacsData,
    "covid": CovidData,
    "folder": FolderData,
}
"""The settings class of each layout. The key is the value of `collection` in a study file."""

if TYPE_CHECKING:
    AnyData = DataSettings
else:
    AnyData = Annotated[Union[tuple(LAYOUTS.values())], Field(discriminator="collection")]  # noqa: UP007
