"""NIH ChestX-ray8/14 in NIH's own layout.

In: a folder with `Data_Entry_2017*.csv(.gz)` or `sample_labels.csv`, and `images/` or `images_001/images/` ...
Out: a `Collection`. Listed images that are absent are left out and counted.

Source: Wang et al., ChestX-ray8, CVPR 2017; https://nihcc.app.box.com/v/ChestXray-NIHCC
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from medkt.config import ChestXray8Data
from medkt.data.collection import Collection
from medkt.data.images import read_image
from medkt_eval.errors import InputError

FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis", "Hernia",
    "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
NO_FINDING = "No Finding"
COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
AGE_BANDS = ((0, 18, "0-17"), (18, 40, "18-39"), (40, 60, "40-59"), (60, 80, "60-79"), (80, 200, "80+"))


def chestxray8(data: ChestXray8Data) -> Collection:
    """Read NIH's label table and find its images.

    Raises
    ------
    InputError
        If the table or all images are absent, a column is missing, or an unknown label is asked for or found.
    """
    table, path = _table(data.root)
    labels = tuple(data.labels) if data.labels is not None else FINDINGS
    labels += (NO_FINDING,) if data.no_finding and NO_FINDING not in labels else ()
    unknown = [label for label in labels if label not in (*FINDINGS, NO_FINDING)]
    if unknown:
        raise InputError(
            f"chestxray8: labels names {unknown[0]!r}; expected some of {', '.join(FINDINGS)}, {NO_FINDING}"
        )

    found = {image.name: image for image in [*data.root.glob("images/*.png"), *data.root.glob("images_*/images/*.png")]}
    present = table["Image Index"].isin(found)
    if not present.any():
        raise InputError(f"{data.root}: none of the {len(table)} images that {path.name} lists; expected them in "
                         "images/ or images_001/images/ ...")  # fmt: skip
    listed = len(table)
    table = table[present].sort_values("Image Index", kind="stable")
    named = [set(text.split("|")) for text in table["Finding Labels"]]
    for row, names in zip(table.index, named, strict=True):
        strange = names - {*FINDINGS, NO_FINDING}
        if strange:
            raise InputError(f"{path}: row {row + 2}: finding {sorted(strange)[0]!r}; expected some of "
                             f"{', '.join(FINDINGS)}, {NO_FINDING}")  # fmt: skip

    image_ids = table["Image Index"].to_numpy(dtype=object)
    files = [found[name] for name in image_ids]
    return Collection(
        name="chestxray8",
        task="multilabel",
        labels=labels,
        image_ids=image_ids,
        patient_ids=table["Patient ID"].to_numpy(dtype=object),
        targets=np.array([[label in names for label in labels] for names in named], dtype=np.float32),
        read=lambda index, size_px: read_image(files[index], size_px, channels=1),
        groups=_groups(table),
        channels=1,
        source="NIH Clinical Center",
        labelling="automatic, from reports",
        views="frontal",
        notes=(f"{listed - len(table):,} of {listed:,} listed images are absent",) if listed > len(table) else (),
    )


def _table(root: Path) -> tuple[pd.DataFrame, Path]:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; expected ChestX-ray8 in NIH's layout")
    candidates = sorted([*root.glob("Data_Entry_2017*.csv"), *root.glob("Data_Entry_2017*.csv.gz")])
    candidates += [path for path in [root / "sample_labels.csv"] if path.is_file()]
    if len(candidates) != 1:
        found = ", ".join(path.name for path in candidates) or "none"
        raise InputError(f"{root}: label tables found: {found}; expected one Data_Entry_2017*.csv(.gz) or "
                         "sample_labels.csv")  # fmt: skip
    path = candidates[0]
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected NIH's label table") from error
    absent = [name for name in COLUMNS if name not in table.columns]
    if absent:
        raise InputError(f"{path}: no column {absent[0]!r}; expected {', '.join(COLUMNS)}")
    repeated = table["Image Index"].duplicated()
    if repeated.any():
        raise InputError(f"{path}: image {table['Image Index'][repeated].iloc[0]!r} is listed twice; expected once")
    return table, path


def _groups(table: pd.DataFrame) -> dict[str, np.ndarray]:
    groups = {}
    for name, column in {"sex": ("Patient Gender", "Patient Sex"), "view": ("View Position",)}.items():
        for candidate in column:
            if candidate in table.columns:
                groups[name] = table[candidate].to_numpy(dtype=object)
    if "Patient Age" in table.columns:  # "057Y" in the 5 % sample, "57" in the full table, 412 for a mistyped one
        years = pd.to_numeric(table["Patient Age"].str.extract(r"(\d+)", expand=False), errors="coerce")
        band = np.full(len(table), "unknown", dtype=object)
        for low, high, text in AGE_BANDS:
            band[((years >= low) & (years < high)).to_numpy()] = text
        groups["age_band"] = band
    return groups
