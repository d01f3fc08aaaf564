"""NIH ChestX-ray8/14 in NIH's own layout, and its 5 % sample in Kaggle's.

In: a folder with `Data_Entry_2017*.csv(.gz)` or `sample_labels.csv`, and `images/`, `images_001/images/` ... or the
sample's `sample/images/`. Out: a `Collection`. Listed images that are absent are left out and counted.

Source: Wang et al., ChestX-ray8, CVPR 2017; https://nihcc.app.box.com/v/ChestXray-NIHCC
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from medkt.data import groups, images, label_names, tables
from medkt.data.collection import Collection
from medkt.data_settings import ChestXray8Data
from medkt_eval.errors import InputError

FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis", "Hernia",
    "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
NO_FINDING = "No Finding"
COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
TABLES = ("Data_Entry_2017*.csv", "sample_labels.csv")
PLACES = ("sample/sample/images", "sample/images", "images_*/images", "images")  # Kaggle's sample holds images twice


def chestxray8(data: ChestXray8Data) -> Collection:
    """Read NIH's label table and find its images.

    Raises
    ------
    InputError
        If the table or all images are absent, a column is missing, or an unknown label is asked for or found.
    """
    path = tables.the_one(data.root, TABLES, "ChestX-ray8 in NIH's layout")
    table = tables.one_row_each(tables.read(path, COLUMNS), "Image Index")
    table.refuse(table.rows["Patient ID"] == "", "Patient ID", "a value on every row")
    names = tuple(data.labels) if data.labels is not None else FINDINGS
    names += (NO_FINDING,) if data.no_finding and NO_FINDING not in names else ()
    own = label_names.asked("chestxray8", (*FINDINGS, NO_FINDING), names)

    found = {image.name: str(image) for place in PLACES for image in data.root.glob(f"{place}/*.png")}
    present = table.rows["Image Index"].isin(found)
    if not present.any():
        raise InputError(f"{data.root}: none of the {len(table.rows)} images that {path.name} lists; expected them in "
                         "images/ or images_001/images/ ...")  # fmt: skip
    table = table.keep(present, "listed images are absent")
    rows = table.rows.sort_values("Image Index", kind="stable")
    shown = [set(text.split("|")) for text in rows["Finding Labels"]]
    for row, findings in zip(rows.index, shown, strict=True):
        strange = findings - {*FINDINGS, NO_FINDING}
        if strange:
            raise InputError(f"{path}: row {row}: finding {sorted(strange)[0]!r}; expected some of "
                             f"{', '.join(FINDINGS)}, {NO_FINDING}")  # fmt: skip

    image_ids = rows["Image Index"].to_numpy(dtype=object)
    files = np.array([found[name] for name in image_ids], dtype=object)
    return Collection(
        name="chestxray8",
        task="multilabel",
        labels=names,
        image_ids=image_ids,
        patient_ids=rows["Patient ID"].to_numpy(dtype=object),
        targets=np.array([[label in findings for label in own] for findings in shown], dtype=np.float32),
        read=images.reader(files, channels=1),
        groups=_groups(rows),
        channels=1,
        source="NIH Clinical Center",
        labelling="automatic, from reports",
        views="frontal",
        notes=table.notes,
        files=files,
    )


def _groups(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    sexes = next((rows[name] for name in ("Patient Gender", "Patient Sex") if name in rows), None)
    found = {} if sexes is None else {"sex": groups.sex(sexes)}
    if "View Position" in rows:
        found["view"] = groups.filled(rows["View Position"])
    if "Patient Age" in rows:
        found["age_band"] = groups.age_band(rows["Patient Age"])
    return found
