"""Cells of further.toml: other metrics, margins, families, groups, points of curves, seeds, rare labels, thresholds.

In: further.toml. Out: cells. Each kind has its own class, and `simulate.draw` draws their studies. Their truth has a
closed form or is a sum over a fixed grid. Only that of a chosen threshold is simulated (`RefitCell`).
"""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import softmax

from benchmarks.coverage_study.expected import METRICS, PRINTED, Printed
from benchmarks.coverage_study.simulate import ALIKE_IN_PATIENT, NODES, WEIGHTS, Cell, Study, draw, settings
from medkt_eval.measurement.metric_functions import OF_CONFUSION
from medkt_eval.measurement.test_sets import TestSet
from medkt_eval.metrics.thresholds import ChosenThreshold, choose
from medkt_eval.predictions.format import Predictions

FURTHER = Path(__file__).with_name("further.toml")
CHOICES = 2000  # validation sets whose mean is the truth of a threshold that is chosen


@dataclass(frozen=True)
class FurtherCell(Cell):
    """A cell with fewer studies than the cells of cells.toml."""

    studies: int = 500

    @cached_property
    def nodes(self) -> np.ndarray:
        """Separations at the quadrature nodes of `WEIGHTS`, float64, (n_labels, n_arms, n_nodes)."""
        return self.separation[:, :, None] + np.array(self.seed_sd)[:, None] * NODES


@dataclass(frozen=True)
class MetricCell(FurtherCell):
    """A cell of any metric. If the metric needs probabilities, the runs predict probabilities.

    Parameters
    ----------
    sharpness : float or tuple of float, (n_arms,)
        Ratio of the predicted logits to the right ones of a seed of average quality; see `expected.Printed`.
    """

    sharpness: float | tuple[float, ...] = 1.0

    @property
    def has_equal_arms(self) -> bool:
        """As `Cell.has_equal_arms`."""
        return super().has_equal_arms and len(set(np.broadcast_to(self.sharpness, 2).tolist())) == 1

    @cached_property
    def printed(self) -> list[list[Printed]]:
        """The predicted probabilities of each label and arm."""
        return [
            [
                Printed(float(usual), prevalence, float(sharpness))
                for usual, sharpness in zip(arms, np.broadcast_to(self.sharpness, len(arms)), strict=True)
            ]
            for arms, prevalence in zip(self.separation, self.prevalence, strict=True)
        ]

    @property
    def of_probabilities(self) -> bool:
        """Whether the runs predict probabilities."""
        return self.metric in PRINTED

    def value_of(self, separation: np.ndarray) -> np.ndarray:
        """As `Cell.value_of`."""
        if self.metric not in PRINTED:
            return super().value_of(separation)
        value = PRINTED[self.metric]
        return self.averaged(
            np.array(
                [
                    [value(arm, models) for arm, models in zip(arms, separations, strict=False)]
                    for arms, separations in zip(self.printed, separation, strict=True)
                ]
            )
        )

    def shown(self, scores: np.ndarray) -> np.ndarray:
        """Return probabilities if the metric needs them, else scores; (n_labels, n_arms, n_seeds, n_images)."""
        if not self.of_probabilities:
            return scores
        return np.array(
            [
                [arm.probability(runs) for arm, runs in zip(arms, arm_scores, strict=False)]
                for arms, arm_scores in zip(self.printed, scores, strict=True)
            ]
        )


@dataclass(frozen=True)
class ClassesCell(FurtherCell):
    """A cell of ordered classes with shares `prevalence`. Class k adds k times the separation to the scores.

    The runs predict the class whose mean, for a seed of average quality, is nearest to the score.
    """

    def value_of(self, separation: np.ndarray) -> np.ndarray:
        """As `Cell.value_of`, from the confusion matrix of infinitely many images."""
        classes = np.arange(len(self.prevalence))
        usual = self.separation[0, : separation.shape[1]]
        edges = np.concatenate([[-np.inf], classes[:-1] + 0.5, [np.inf]])[:, None] * usual  # (n_classes + 1, n_arms)
        below = stats.norm.cdf(edges[None, :, :, None] - classes[:, None, None, None] * separation)
        shares = np.array(self.prevalence)[:, None, None, None] * np.diff(below, axis=1)
        return OF_CONFUSION[self.metric](shares.reshape(-1, *separation.shape[1:]))

    def draw(self, number: int) -> Study:
        """Draw a study. The noise is as in other studies, and the liability determines the class."""
        alike = (0.0,) * self.n_arms
        noise_cell = Cell(self.name, "", "auc", "label 0", self.patients, self.seeds, (0.5,), (0.5,), alike, alike)
        noise = draw(noise_cell, number).test
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), number, 1])
        liability = np.sqrt(ALIKE_IN_PATIENT) * rng.standard_normal(noise.n_patients)[noise.patient]
        liability += np.sqrt(1 - ALIKE_IN_PATIENT) * rng.standard_normal(noise.n_images)
        target = np.searchsorted(stats.norm.ppf(np.cumsum(self.prevalence)[:-1]), liability)
        separation = self.separation[0][:, None] + np.array(self.seed_sd)[:, None] * rng.standard_normal(
            (self.n_arms, self.seeds)
        )
        scores = noise.scores[0] + separation.reshape(-1, 1) * target
        means = np.arange(len(self.prevalence))[:, None] * np.repeat(self.separation[0], self.seeds)
        likely = softmax(-((scores - means[:, :, None]) ** 2) / 2, axis=0)
        shown = replace(noise.predictions, task="multiclass", labels=self.labels, targets=target, scores=likely[:0])
        test = replace(noise, predictions=shown, scores=likely, thresholds=())
        return Study(test, self.value_of(separation[None]).mean(axis=1), None)


@dataclass(frozen=True)
class CurveCell(MetricCell):
    """A cell of reliability and net-benefit curves."""

    @property
    def of_probabilities(self) -> bool:
        """Always true."""
        return True

    def observed(self, arm: int) -> np.ndarray:
        """Return the true reliability curve: the share of positives in each bin, over seeds. float64, (n_bins,)."""
        return self._over_seeds(self.printed[0][arm].observed(self.nodes[0, arm]))

    def net_benefit(self, arm: int, at: np.ndarray) -> np.ndarray:
        """Return the true net benefit at some probabilities, over seeds. float64, (n_probabilities,)."""
        return self._over_seeds(self.printed[0][arm].net_benefit(self.nodes[0, arm], at))

    def _over_seeds(self, values_at_nodes: np.ndarray) -> np.ndarray:
        return WEIGHTS / WEIGHTS.sum() @ values_at_nodes


@dataclass(frozen=True)
class MarginCell(FurtherCell):
    """A cell whose true difference is the margin, or minus the margin."""

    margin: float = 0.05


@dataclass(frozen=True)
class FamilyCell(FurtherCell):
    """A cell in which every arm is compared with the first."""


@dataclass(frozen=True)
class GroupCell(FurtherCell):
    """A cell of the AUC in one group and in all other images.

    Parameters
    ----------
    share : float
        Share of patients in the group; with `by_image`, share of images.
    by_image : bool
        Whether the group is drawn image by image instead of by patient.
    in_group : tuple of float, (n_arms,)
        Additional separation in the group.
    """

    share: float = 0.5
    by_image: bool = False
    in_group: tuple[float, ...] = (0.0, 0.0)

    @cached_property
    def truth_in_group(self) -> np.ndarray:
        """Each arm's AUC in the group, in expectation over seeds and patients; float64, (n_arms,)."""
        separation = self.nodes + np.array(self.in_group)[:, None]
        return self.value_of(separation) @ (WEIGHTS / WEIGHTS.sum())

    def test_set(self, number: int) -> TestSet:
        """Draw a study's test set, with the column `group_of`: "a" in the group, otherwise "b"."""
        test = draw(self, number).test
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), number, 1])
        inside = rng.random(test.n_images if self.by_image else test.n_patients) < self.share
        inside = inside if self.by_image else inside[test.patient]
        more = np.repeat(self.in_group, self.seeds)[:, None]
        return replace(
            test,
            predictions=replace(test.predictions, groups={"of": np.where(inside, "a", "b")}),
            scores=test.scores + more * (test.predictions.targets.T[:, None] * inside),
        )


@dataclass(frozen=True)
class SeedsCell(FurtherCell):
    """A cell of one label in which seeds fail, or arms have different numbers of seeds.

    Parameters
    ----------
    seeds_of : tuple of int, (n_arms,)
        Seeds of each arm, at most `seeds`; empty: `seeds` in each.
    failing : tuple of float, (n_arms,)
        Probability that a seed of the arm fails: its AUC is then lower by `loss`. The other seeds of the arm are better
        by so much that the arm's expectation is what the cell says.
    loss : float
        AUC that a failed seed loses.
    """

    seeds_of: tuple[int, ...] = ()
    failing: tuple[float, ...] = (0.0, 0.0)
    loss: float = 0.17

    @property
    def n_seeds(self) -> tuple[int, ...]:
        """Number of seeds of each arm."""
        return self.seeds_of or (self.seeds,) * self.n_arms

    def test_set(self, number: int) -> TestSet:
        """Draw a study's test set; a run that fails, and one that does not, is shifted from the average seed."""
        test = draw(self, number).test
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), number, 1])
        share = np.array(self.failing)[:, None]
        fails = rng.random((self.n_arms, self.seeds)) < share
        auc = np.array(self.auc) + np.array(self.gain)[:, None] + self.loss * (share - fails)
        scale = np.sqrt(2 + np.array(self.seed_sd)[:, None] ** 2)
        shift = (scale * stats.norm.ppf(auc) - self.separation[0][:, None]).reshape(-1, 1)
        scores = test.scores + shift * test.predictions.targets.T[:, None]
        kept = [self.seeds * arm + seed for arm, n in enumerate(self.n_seeds) for seed in range(n)]
        return replace(
            test,
            runs=tuple(test.runs[run] for run in kept),
            scores=scores[:, kept],
            thresholds=tuple(test.thresholds[run] for run in kept),
        )


@dataclass(frozen=True)
class RareCell(FurtherCell):
    """A cell of an average over labels of which one is rare.

    Parameters
    ----------
    named : tuple of int
        The labels of the other average, named beforehand.
    """

    named: tuple[int, ...] = ()

    @cached_property
    def truth_of_named(self) -> np.ndarray:
        """Each arm's expected average over the labels that were named, float64, (n_arms,)."""
        part = {key: tuple(getattr(self, key)[k] for k in self.named) for key in ("prevalence", "auc")}
        return replace(self, **part).truth


@dataclass(frozen=True)
class RefitCell(FurtherCell):
    """A cell of one label whose thresholds are chosen on validation patients. Models of one recipe are equally good.

    Parameters
    ----------
    validation_patients : int
        Patients on whom each run's threshold is chosen, by the largest F1.
    """

    validation_patients: int = 100

    @cached_property
    def truth(self) -> np.ndarray:
        """Each arm's expected metric over validation patients and test patients, float64, (n_arms,).

        The choice has no closed form. The mean over `CHOICES` further validation sets stands for it. Its error is a
        hundredth of the width of the narrowest interval.
        """
        chosen = [self.chosen(self.validations(-1 - number)) for number in range(CHOICES)]
        thresholds = np.array([[run[0].value for run in of_study] for of_study in chosen], dtype=np.float64)
        of_arms = thresholds.reshape(CHOICES, self.n_arms, self.seeds)
        separation = self.separation[0][:, None]
        return METRICS[self.metric](separation, of_arms, np.array(self.prevalence[0])).mean(axis=(0, 2))

    def validations(self, number: int) -> list[Predictions]:
        """Draw the validation predictions of each run; numbers below 0 are of studies that only give the truth."""
        which = "validation" if number >= 0 else "truth"
        name, alike = f"{self.name}, {which}", (self.prevalence, self.auc, self.gain, self.seed_sd)
        part = Cell(name, "", self.metric, self.label, self.validation_patients, self.seeds, *alike)
        drawn = draw(part, abs(number)).test
        ids = np.array([f"v{k:05d}" for k in range(drawn.n_images)], dtype=object)
        patients = np.array([f"v{k:05d}" for k in drawn.patient], dtype=object)
        named = replace(drawn.predictions, image_ids=ids, patient_ids=patients)
        return [replace(named, scores=drawn.scores[:, run].T) for run in range(len(drawn.runs))]

    def chosen(self, validations: Sequence[Predictions]) -> tuple[tuple[ChosenThreshold, ...], ...]:
        """Choose the threshold of each run."""
        return tuple(tuple(choose(validation, self.labels)) for validation in validations)


KINDS: dict[str, type[FurtherCell]] = {
    "metric": MetricCell,
    "classes": ClassesCell,
    "margin": MarginCell,
    "family": FamilyCell,
    "group": GroupCell,
    "curve": CurveCell,
    "seeds": SeedsCell,
    "rare": RareCell,
    "refit": RefitCell,
}


def read_further(path: Path = FURTHER) -> dict[str, FurtherCell]:
    """Read all cells, by name."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        table["name"]: cell_class(**settings(tables, table))
        for kind, cell_class in KINDS.items()
        for table in tables[kind]
    }
