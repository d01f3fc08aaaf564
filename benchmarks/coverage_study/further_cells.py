"""Cells of further.toml: metrics besides AUC and F1, tests against a margin, families, groups, points of curves.

In: further.toml. Out: cells; each kind has its class, and `simulate.draw` draws all of them. Their truth has a closed
form or is a sum over a fixed grid; it is never simulated.
"""

from __future__ import annotations

import tomllib
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import softmax

from benchmarks.coverage_study.expected import PRINTED, Printed
from benchmarks.coverage_study.simulate import ALIKE_IN_PATIENT, NODES, WEIGHTS, Cell, Study, draw, settings
from medkt_eval.measurement.metric_functions import OF_CONFUSION
from medkt_eval.measurement.test_sets import TestSet

FURTHER = Path(__file__).with_name("further.toml")


@dataclass(frozen=True)
class FurtherCell(Cell):
    """A cell that has fewer studies than those of cells.toml."""

    studies: int = 500

    @cached_property
    def nodes(self) -> np.ndarray:
        """Separations over which `WEIGHTS` average, float64, (n_labels, n_arms, n_nodes)."""
        return self.separation[:, :, None] + np.array(self.seed_sd)[:, None] * NODES


@dataclass(frozen=True)
class MetricCell(FurtherCell):
    """Of any metric; for one of probabilities, or a curve, the runs print probabilities.

    Parameters
    ----------
    sharpness : float
        Printed logits over the right ones of a seed of average quality: see `expected.Printed`.
    """

    sharpness: float = 1.0

    @cached_property
    def printed(self) -> list[list[Printed]]:
        """Of each label and arm."""
        return [
            [Printed(float(one), prevalence, self.sharpness) for one in arms]
            for arms, prevalence in zip(self.separation, self.prevalence, strict=True)
        ]

    @property
    def of_probabilities(self) -> bool:
        """Whether the runs print probabilities."""
        return self.metric in PRINTED

    def value_of(self, separation: np.ndarray) -> np.ndarray:
        """As `Cell.value_of`."""
        if self.metric not in PRINTED:
            return super().value_of(separation)
        value = PRINTED[self.metric]
        return self.averaged(
            np.array(
                [
                    [value(one, models) for one, models in zip(arms, of_arms, strict=False)]
                    for arms, of_arms in zip(self.printed, separation, strict=True)
                ]
            )
        )

    def shown(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities, where they are wanted; float64, (n_labels, n_arms, n_seeds, n_images)."""
        if not self.of_probabilities:
            return scores
        return np.array(
            [
                [one.probability(runs) for one, runs in zip(arms, of_arms, strict=False)]
                for arms, of_arms in zip(self.printed, scores, strict=True)
            ]
        )


@dataclass(frozen=True)
class ClassesCell(FurtherCell):
    """Of ordered classes, `prevalence` their shares: class k's images score k times the separation higher.

    The runs call the class whose mean, with a seed of average quality, lies nearest to the score.
    """

    def value_of(self, separation: np.ndarray) -> np.ndarray:
        """As `Cell.value_of`: of infinitely many images' table of true and called classes."""
        classes = np.arange(len(self.prevalence))
        usual = self.separation[0, : separation.shape[1]]
        edges = np.concatenate([[-np.inf], classes[:-1] + 0.5, [np.inf]])[:, None] * usual  # (n_classes + 1, n_arms)
        below = stats.norm.cdf(edges[None, :, :, None] - classes[:, None, None, None] * separation)
        shares = np.array(self.prevalence)[:, None, None, None] * np.diff(below, axis=1)
        return OF_CONFUSION[self.metric](shares.reshape(-1, *separation.shape[1:]))

    def draw(self, number: int) -> Study:
        """A study: noise as in any other, classes by liability."""
        alike = (0.0,) * self.n_arms
        of_noise = Cell(self.name, "", "auc", "label 0", self.patients, self.seeds, (0.5,), (0.5,), alike, alike)
        noise = draw(of_noise, number).test
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
    """Of reliability and net-benefit curves."""

    @property
    def of_probabilities(self) -> bool:
        """Always."""
        return True

    def observed(self, arm: int) -> np.ndarray:
        """Truth of a reliability curve: share of positives in each bin, over seeds; float64, (n_bins,)."""
        return self._over_seeds(self.printed[0][arm].observed(self.nodes[0, arm]))

    def net_benefit(self, arm: int, at: np.ndarray) -> np.ndarray:
        """Truth of a net-benefit curve at some probabilities, over seeds; float64, (n_probabilities,)."""
        return self._over_seeds(self.printed[0][arm].net_benefit(self.nodes[0, arm], at))

    def _over_seeds(self, of_nodes: np.ndarray) -> np.ndarray:
        return WEIGHTS / WEIGHTS.sum() @ of_nodes


@dataclass(frozen=True)
class MarginCell(FurtherCell):
    """Whose true difference is the margin, or minus the margin."""

    margin: float = 0.05


@dataclass(frozen=True)
class FamilyCell(FurtherCell):
    """Every arm is compared with the first."""


@dataclass(frozen=True)
class GroupCell(FurtherCell):
    """Of the AUC in one group and all other images.

    Parameters
    ----------
    share : float
        Of patients who are in the group; of images, where `by_image`.
    by_image : bool
    in_group : tuple of float, (n_arms,)
        What the separation is more in the group.
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
        """A study's, with the column `group_of`: "a", the group, or "b"."""
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


KINDS: dict[str, type[FurtherCell]] = {
    "metric": MetricCell,
    "classes": ClassesCell,
    "margin": MarginCell,
    "family": FamilyCell,
    "group": GroupCell,
    "curve": CurveCell,
}


def read_further(path: Path = FURTHER) -> dict[str, FurtherCell]:
    """All cells, by name."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        table["name"]: of_kind(**settings(tables, table)) for kind, of_kind in KINDS.items() for table in tables[kind]
    }
