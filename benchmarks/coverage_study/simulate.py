"""Studies with known truth: patients, arms, seeds, and a model of what each contributes to a score.

In: a `Cell` of cells.toml and the number of a study. Out: `Study`, with the `TestSet` that an evaluation reads and the
truth that its intervals should contain.

The model is binormal. An image of patient i has a label if the sum of the patient's and the image's liability exceeds a
threshold, which sets the prevalence. Run j of arm a gives it

    score = separation(a, j) * label + noise,    separation(a, j) = separation(a) + seed_sd(a) * z(a, j),

so a seed changes how good a model is, not only which errors it makes. Noise has variance 1. It has parts of patients
and of images. Each part has a share of all runs, a share of the arm and a share of the run (`SHARES`). Labels share
30 % of every part. The truth is the metric of infinitely many images of infinitely many patients, averaged over seeds
by quadrature. The average deviation of finite samples from it (pairs within a patient, F1's ratio) is measured as bias.
"""

from __future__ import annotations

import tomllib
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.coverage_study import expected
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.thresholds import ChosenThreshold
from medkt_eval.predictions.format import Predictions

CELLS = Path(__file__).with_name("cells.toml")
SHARES = {"patient": (0.34, 0.06, 0.005), "image": (0.46, 0.115, 0.02)}  # shares of all runs, of an arm and of a run
ALIKE_IN_PATIENT = 0.7  # share of the liability that the images of a patient have in common
ALIKE_OVER_LABELS = 0.3
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(64)


@dataclass(frozen=True)
class Cell:
    """One setting of the simulation.

    Parameters
    ----------
    name, what : str
        Name, and description in words.
    metric : str
        A key of `expected.METRICS`.
    label : str
        The label or average of the intervals: "label 0", "macro", "weighted" or, for AUC, "micro".
    patients, seeds : int
        Patients, each with 1 + Poisson(2) images; seeds of each arm.
    prevalence, auc : tuple of float, (n_labels,)
        Share of positive images; expected AUC over seeds of an arm without gain.
    gain : tuple of float, (n_arms,)
        Addition to an arm's AUC.
    seed_sd : tuple of float, (n_arms,)
        Standard deviation of the separation over the seeds of an arm.
    crossed : float or None
        Share of a seed's effect that arms have in common; None if seeds are nested in their arm.
    """

    name: str
    what: str
    metric: str
    label: str
    patients: int
    seeds: int
    prevalence: tuple[float, ...]
    auc: tuple[float, ...]
    gain: tuple[float, ...]
    seed_sd: tuple[float, ...]
    crossed: float | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(f"label {k}" for k in range(len(self.prevalence)))

    @property
    def averages(self) -> tuple[str, ...]:
        """The average over labels, if the cell has one."""
        return () if self.label in self.labels else (self.label,)

    @property
    def n_arms(self) -> int:
        """Number of arms."""
        return len(self.seed_sd)

    @property
    def has_equal_arms(self) -> bool:
        """Whether the first two arms differ only in their random numbers."""
        return self.seed_sd[0] == self.seed_sd[1] and self.gain[0] == self.gain[1]

    @cached_property
    def separation(self) -> np.ndarray:
        """Separation of a seed of average quality, float64, (n_labels, n_arms): E Φ(s/√2) = AUC over s ~ N(., sd²)."""
        auc = np.array(self.auc)[:, None] + np.array(self.gain)
        return np.sqrt(2 + np.array(self.seed_sd) ** 2) * stats.norm.ppf(auc)

    @cached_property
    def thresholds(self) -> np.ndarray:
        """The threshold of each label with the highest F1 of the first arm, float64, (n_labels,)."""
        grid = np.linspace(-1, 5, 601)
        f1 = expected.f1(self.separation[:, :1], grid, np.array(self.prevalence)[:, None])
        return grid[f1.argmax(axis=1)]

    @cached_property
    def truth(self) -> np.ndarray:
        """Each arm's expected metric over seeds and patients, float64, (n_arms,)."""
        separation = self.separation[:, :, None] + np.array(self.seed_sd)[:, None] * NODES
        return self.value_of(separation) @ (WEIGHTS / WEIGHTS.sum())

    def value_of(self, separation: np.ndarray) -> np.ndarray:
        """Compute the metric of trained models on infinitely many patients.

        Parameters
        ----------
        separation : float64, (n_labels, n_arms, n_models)

        Returns
        -------
        float64, (n_arms, n_models)
        """
        prevalence, threshold = (np.array(of)[:, None, None] for of in (self.prevalence, self.thresholds))
        label_values = expected.METRICS[self.metric](separation, threshold, prevalence)
        return self.averaged(label_values)

    def averaged(self, label_values: np.ndarray) -> np.ndarray:
        """Average over labels, (n_labels, ...) -> (...). All negatives score alike, so micro AUC is weighted AUC."""
        return np.average(
            label_values, axis=0, weights=self.prevalence if self.label in ("weighted", "micro") else None
        )

    def shown(self, scores: np.ndarray) -> np.ndarray:
        """Return the predictions of the runs for scores, (n_labels, n_arms, n_seeds, n_images)."""
        return scores


def read_cells(path: Path = CELLS) -> dict[str, Cell]:
    """Read all cells, by name. `[defaults]` completes every cell, and `[labels]` has the values of the 14 labels."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {table["name"]: Cell(**settings(tables, table)) for table in tables["cell"]}


def settings(tables: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """Return a cell's settings: its own, those of `[labels]` if it averages over labels, and `[defaults]`."""
    labels = {} if table.get("label", "label 0") == "label 0" else tables["labels"]
    merged = tables["defaults"] | labels | table
    return {key: tuple(v) if isinstance(v, list) else v for key, v in merged.items()}


@dataclass(frozen=True)
class Study:
    """One simulated study.

    Parameters
    ----------
    test : TestSet
        The runs are sorted by arm, then by seed.
    of_models : float64, (n_arms,)
        Mean over seeds of the trained models' metric on infinitely many patients: the truth of scope "patients".
    retrained : TestSet or None
        The same patients with other seeds of the first two arms. Their mean is the truth of scope "seeds".
    """

    test: TestSet
    of_models: np.ndarray
    retrained: TestSet | None


def draw(cell: Cell, number: int, retrained: int = 0) -> Study:
    """Draw a study. Its random numbers depend only on the cell's name and the number.

    Parameters
    ----------
    cell : Cell
    number : int
        Number of the study.
    retrained : int
        Number of further seeds per arm on the same data.
    """
    streams = np.random.SeedSequence([zlib.crc32(cell.name.encode()), number]).spawn(3)
    patient_rng, seed_rng, retrained_rng = (np.random.default_rng(stream) for stream in streams)
    patient = np.repeat(np.arange(cell.patients), 1 + patient_rng.poisson(2, size=cell.patients))
    n_labels = len(cell.labels)

    def noise(rng: np.random.Generator, *sizes: int, share: int) -> np.ndarray:
        """Draw one share of the noise of patients and of images, float64, (n_labels, *sizes, n_images)."""
        patient_noise = _alike(rng, n_labels, *sizes, cell.patients)[..., patient]
        image_noise = _alike(rng, n_labels, *sizes, len(patient))
        return np.sqrt(SHARES["patient"][share]) * patient_noise + np.sqrt(SHARES["image"][share]) * image_noise

    liability = np.sqrt(ALIKE_IN_PATIENT) * _alike(patient_rng, n_labels, cell.patients)[:, patient]
    liability += np.sqrt(1 - ALIKE_IN_PATIENT) * _alike(patient_rng, n_labels, len(patient))
    truth = liability > stats.norm.isf(np.array(cell.prevalence))[:, None]
    common = noise(patient_rng, share=0)[:, None] + noise(patient_rng, cell.n_arms, share=1)

    def train(rng: np.random.Generator, n_arms: int, n_seeds: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw separations, (n_labels, n_arms, n_seeds), and scores, (n_labels, n_arms, n_seeds, n_images)."""
        z = _alike(rng, n_labels, n_arms, n_seeds)
        if cell.crossed is not None:
            z = np.sqrt(cell.crossed) * _alike(rng, n_labels, 1, n_seeds) + np.sqrt(1 - cell.crossed) * z
        separation = cell.separation[:, :n_arms, None] + np.array(cell.seed_sd)[:n_arms, None] * z
        scores = common[:, :n_arms, None] + noise(rng, n_arms, n_seeds, share=2)
        return separation, scores + separation[..., None] * truth[:, None, None]

    def test_set(scores: np.ndarray) -> TestSet:
        _, n_arms, n_seeds, n_images = scores.shape
        unnamed = np.full(n_images, "")
        return TestSet(
            dataset=cell.name,
            predictions=Predictions("multilabel", cell.labels, unnamed, unnamed, truth.T.astype(float), scores[:0]),
            patient=patient,
            n_patients=cell.patients,
            runs=tuple(f"arm {arm}-s{seed}" for arm in range(n_arms) for seed in range(n_seeds)),
            scores=cell.shown(scores).reshape(n_labels, n_arms * n_seeds, n_images),
            thresholds=(_thresholds(cell),) * (n_arms * n_seeds),
        )

    separation, scores = train(seed_rng, cell.n_arms, cell.seeds)
    return Study(
        test=test_set(scores),
        of_models=cell.value_of(separation).mean(axis=1),
        retrained=test_set(train(retrained_rng, 2, retrained)[1]) if retrained else None,
    )


def _alike(rng: np.random.Generator, n_labels: int, *sizes: int) -> np.ndarray:
    """Draw standard normal numbers for each label, correlated over labels, float64, (n_labels, *sizes)."""
    own = rng.standard_normal((n_labels, *sizes))
    if n_labels == 1:
        return own
    return np.sqrt(ALIKE_OVER_LABELS) * rng.standard_normal(sizes) + np.sqrt(1 - ALIKE_OVER_LABELS) * own


def _thresholds(cell: Cell) -> tuple[ChosenThreshold, ...]:
    return tuple(
        ChosenThreshold(label, "given", float(value)) for label, value in zip(cell.labels, cell.thresholds, strict=True)
    )
