"""Write the example's prediction files: `python -m medkt.example.generate`.

In: a seed. Out: `tl_seed0.csv` ... `at_seed2.csv` in this folder, in the format of docs/formats.md.

The files imitate a study of 120 patients with one to four chest X-rays each and three findings. Attention transfer is
better than transfer learning for Edema and equally good for Atelectasis and Effusion. Images of one patient resemble
each other, and models of one arm differ by their seed: both are what the intervals have to account for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

N_PATIENTS = 120
SEEDS = (0, 1, 2)
PREVALENCE = {"Atelectasis": 0.30, "Edema": 0.25, "Effusion": 0.35}
"""Share of the images that have the finding."""
SEPARATION = {
    "tl": {"Atelectasis": 1.3, "Edema": 1.0, "Effusion": 1.8},
    "at": {"Atelectasis": 1.3, "Edema": 1.9, "Effusion": 1.8},
}
"""Distance of positive from negative images, in standard deviations of the score; by arm and finding."""


def example_tables(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Draw the prediction tables of every arm and seed.

    Parameters
    ----------
    rng : numpy.random.Generator

    Returns
    -------
    dict of str to DataFrame
        File name to table, one row per image: `image_id`, `patient_id`, `group_sex`, `target_<label>` (0 or 1) and
        `score_<label>` (a probability).
    """
    patients = np.repeat(np.arange(N_PATIENTS), rng.integers(1, 5, N_PATIENTS))  # (n_images,)
    n_images = len(patients)
    sex = rng.choice(["F", "M"], N_PATIENTS)
    images = pd.DataFrame(
        {
            "image_id": [f"img{k:03d}" for k in range(n_images)],
            "patient_id": [f"patient{p:03d}" for p in patients],
            "group_sex": sex[patients],
        }
    )
    # Latent values of two images of a patient correlate at 0.6; a finding is a latent value above a threshold.
    latent = np.sqrt(0.6) * rng.normal(size=(N_PATIENTS, 3))[patients] + np.sqrt(0.4) * rng.normal(size=(n_images, 3))
    for k, (label, prevalence) in enumerate(PREVALENCE.items()):
        images[f"target_{label}"] = (latent[:, k] > np.quantile(latent[:, k], 1 - prevalence)).astype(int)
    # What is hard about a patient or an image is hard for every model; the rest is the model's own.
    difficulty = 0.5 * rng.normal(size=(N_PATIENTS, 3))[patients] + 0.7 * rng.normal(size=(n_images, 3))
    tables = {}
    for arm, separation in SEPARATION.items():
        for seed in SEEDS:
            table = images.copy()
            for k, label in enumerate(PREVALENCE):
                distance = separation[label] + 0.08 * rng.normal()
                score = (
                    distance * (images[f"target_{label}"] - 0.5) + difficulty[:, k] + 0.5 * rng.normal(size=n_images)
                )
                table[f"score_{label}"] = (1 / (1 + np.exp(-(score - 0.8)))).round(4)
            tables[f"{arm}_seed{seed}.csv"] = table
    return tables


if __name__ == "__main__":
    for name, table in example_tables(np.random.default_rng(23)).items():
        table.to_csv(Path(__file__).with_name(name), index=False, lineterminator="\n")
