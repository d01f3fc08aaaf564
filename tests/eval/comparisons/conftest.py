"""Predictions of three arms, for tests of contrasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def given():
    """Three arms, three seeds each, 50 images of 25 patients, findings A and B."""
    rng = np.random.default_rng(11)
    truth = rng.integers(0, 2, (50, 2))
    ids = {"image_id": [f"i{k:02d}" for k in range(50)], "patient_id": [f"p{k // 2:02d}" for k in range(50)]}

    def table(skill):
        scores = 1 / (1 + np.exp(-skill * (truth - 0.5) - rng.normal(size=truth.shape)))
        return pd.DataFrame(
            ids
            | {f"target_{a}": truth[:, k] for k, a in enumerate("AB")}
            | {f"score_{a}": scores[:, k] for k, a in enumerate("AB")}
        )

    return {arm: [table(skill) for _ in range(3)] for arm, skill in (("TL", 0.5), ("AT", 1.5), ("KD", 1.0))}
