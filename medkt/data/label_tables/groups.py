"""Attributes that define subgroups, with the same names in every collection.

In: columns of text of a collection. Out: columns of `Collection.groups`, "unknown" for missing values.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from medkt.data.label_tables.csv_tables import shared

UNKNOWN = "unknown"
AGE_BANDS = ((0, 18, "0-17"), (18, 40, "18-39"), (40, 60, "40-59"), (60, 80, "60-79"), (80, 120, "80+"))
_YEARS = {"": 1, "Y": 1, "M": 1 / 12, "W": 1 / 52, "D": 1 / 365}


def age_band(ages: pd.Series) -> np.ndarray:
    """Convert ages to bands of 20 years.

    Parameters
    ----------
    ages : Series of str
        Years ("57", "57.0"), or as DICOM writes ages ("057Y", "018M", "011D").

    Returns
    -------
    str, (n,)
        "unknown" for blanks and for 120 years or more, because NIH lists a patient of 412 years.

    Examples
    --------
    >>> age_band(pd.Series(["57", "057Y", "018M", "412", ""])).tolist()
    ['40-59', '40-59', '0-17', 'unknown', 'unknown']
    """
    parts = ages.str.strip().str.upper().str.extract(r"^(\d+(?:\.\d+)?)([YMWD]?)$")
    years = pd.to_numeric(parts[0]).to_numpy(dtype=float, na_value=np.nan)
    years = years * parts[1].map(_YEARS).to_numpy(dtype=float, na_value=np.nan)
    band = np.full(len(ages), UNKNOWN, dtype=object)
    for low, high, text in AGE_BANDS:
        band[(years >= low) & (years < high)] = text
    return band


def sex(sexes: pd.Series) -> np.ndarray:
    """Convert "Female", "male", "F" ... to F or M, anything else to "unknown". Returns str, (n,)."""
    first = sexes.str.strip().str.upper().map({"F": "F", "FEMALE": "F", "M": "M", "MALE": "M"})
    return first.fillna(UNKNOWN).to_numpy(dtype=object)


def filled(column: pd.Series) -> np.ndarray:
    """Replace blanks with "unknown". Returns str, (n,)."""
    return shared(column.str.strip().replace("", UNKNOWN))
