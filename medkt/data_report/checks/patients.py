"""Find patient ids that may stand for two persons: their images state two sexes, or ages decades apart.

In: a `Collection`; no image is read. Out: `Finding`s.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from medkt.data.collection import Collection
from medkt.data.label_tables import groups
from medkt.data_report.findings import Evidence, Finding

COLUMNS = ("sex", "gender", "age_band", "age")
_BANDS = {text: (low, high) for low, high, text in groups.AGE_BANDS}
_MOST_YEARS = 20  # between two images of one person; longer records exist, but are rare


def contradicting(collection: Collection) -> list[Finding]:
    """Find patients whose images state two sexes, or ages that are certainly 20 years apart or more."""
    patients = collection.patient_ids.astype(str)
    evidence = []
    for name, values in collection.groups.items():
        if name.casefold() in ("sex", "gender"):
            evidence += _evidence(patients, _sexes(values), name)
        elif name == "age_band" or name.casefold() == "age":
            bands = values if name == "age_band" else groups.age_band(pd.Series(values.astype(str)))
            evidence += _evidence(patients, bands.astype(str), name, decades=True)
    if not evidence:
        return []
    return [
        Finding(
            "one patient id, two persons",
            "warning",
            "Patient ids with contradicting sex or age",
            "One id may stand for two persons, or the metadata are wrong. Statistics treat images of one id as one "
            "person. Correct the ids or the metadata.",
            tuple(evidence),
        )
    ]


def scope(collection: Collection) -> str:
    """Say which columns the check looks at."""
    columns = [name for name in collection.groups if name.casefold() in COLUMNS]
    return f"images of one patient by {', '.join(columns)}" if columns else "not checked: no column of sex or age"


def _sexes(values: np.ndarray) -> np.ndarray:
    """F and M where they are known words; other texts stay as they are."""
    texts = values.astype(str)
    known = groups.sex(pd.Series(texts)).astype(str)
    blank = np.isin(np.char.lower(texts), ["", "u", "o", groups.UNKNOWN])
    return np.where(blank, groups.UNKNOWN, np.where(known == groups.UNKNOWN, texts, known))


def _evidence(patients: np.ndarray, values: np.ndarray, name: str, *, decades: bool = False) -> list[Evidence]:
    """Return a row for each patient with two known values; of ages, with two that are decades apart."""
    known = values != groups.UNKNOWN
    by_patient: dict[str, dict[str, int]] = {}
    for patient, value in zip(patients[known], values[known], strict=True):
        counts = by_patient.setdefault(patient, {})
        counts[value] = counts.get(value, 0) + 1
    return [
        Evidence((), {"patient": patient, name: ", ".join(f"{value} ({n})" for value, n in sorted(counts.items()))})
        for patient, counts in sorted(by_patient.items())
        if len(counts) > 1 and (not decades or _years_apart(list(counts)) >= _MOST_YEARS)
    ]


def _years_apart(bands: list[str]) -> int:
    """Years between the upper end of the lowest band and the lower end of the highest."""
    return max(_BANDS[band][0] for band in bands) - min(_BANDS[band][1] for band in bands)
