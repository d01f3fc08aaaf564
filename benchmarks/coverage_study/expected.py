"""The value of each metric on infinitely many images of the binormal model.

In: arrays of the separation of trained models, threshold and prevalence, which broadcast. Out: the metric. Scores are
N(separation, 1) for images with a label and N(0, 1) for images without it. A metric without a closed form is a sum over
a fixed, fine grid of scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from medkt_eval.metrics.sums import N_BINS, probability_bin

GRID = np.linspace(-7.0, 11.0, 3601)  # midpoints of the grid's intervals
STEP = GRID[1] - GRID[0]
SPECIFICITY = 0.9  # default of sensitivity_at_specificity


def auc(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Area under the ROC curve."""
    del threshold, prevalence
    return stats.norm.cdf(separation / np.sqrt(2))


def f1(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """F1 score of the calls."""
    hits, false_calls = stats.norm.sf(threshold - separation), stats.norm.sf(threshold)
    return 2 * prevalence * hits / (prevalence + prevalence * hits + (1 - prevalence) * false_calls)


def accuracy(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Share of images with the right call."""
    hits = stats.norm.sf(threshold - separation)
    return prevalence * hits + (1 - prevalence) * stats.norm.cdf(threshold)


def sensitivity(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Share of images with the label that are called."""
    del prevalence
    return stats.norm.sf(threshold - separation)


def specificity(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Share of images without the label that are not called."""
    return stats.norm.cdf(threshold) + 0 * prevalence * separation


def balanced_accuracy(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Mean of sensitivity and specificity."""
    return (sensitivity(separation, threshold, prevalence) + specificity(separation, threshold, prevalence)) / 2


def ppv(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Share of calls that are right."""
    hits = prevalence * stats.norm.sf(threshold - separation)
    return hits / (hits + (1 - prevalence) * stats.norm.sf(threshold))


def npv(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Share of images without a call that do not have the label."""
    right = (1 - prevalence) * stats.norm.cdf(threshold)
    return right / (right + prevalence * stats.norm.cdf(threshold - separation))


def sensitivity_at_specificity(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Sensitivity at the threshold with specificity `SPECIFICITY`."""
    del threshold, prevalence
    return stats.norm.sf(stats.norm.ppf(SPECIFICITY) - separation)


def average_precision(separation: np.ndarray, threshold: np.ndarray, prevalence: np.ndarray) -> np.ndarray:
    """Mean precision over the images with the label."""
    del threshold
    separation, prevalence = separation[..., None], prevalence[..., None]
    hits = prevalence * stats.norm.sf(GRID - separation)
    precision = hits / (hits + (1 - prevalence) * stats.norm.sf(GRID))
    return (precision * stats.norm.pdf(GRID - separation)).sum(axis=-1) * STEP


METRICS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "auc": auc,
    "f1": f1,
    "accuracy": accuracy,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "balanced_accuracy": balanced_accuracy,
    "ppv": ppv,
    "npv": npv,
    "sensitivity_at_specificity": sensitivity_at_specificity,
    "average_precision": average_precision,
}


@dataclass(frozen=True)
class Printed:
    """Predicted probabilities: their logit is `sharpness` times the right logit of a model of separation `usual`.

    Parameters
    ----------
    usual : float
        Separation of a seed of average quality.
    prevalence, sharpness : float
        Prevalence of the label. With sharpness 1 the probabilities are right, above 1 overconfident.
    """

    usual: float
    prevalence: float
    sharpness: float

    def probability(self, score: np.ndarray) -> np.ndarray:
        """Return the predicted probability for a score."""
        return expit(self.sharpness * (logit(self.prevalence) + self.usual * (score - self.usual / 2)))

    def score(self, probability: np.ndarray) -> np.ndarray:
        """Return the score of a predicted probability."""
        return (logit(probability) / self.sharpness - logit(self.prevalence)) / self.usual + self.usual / 2

    def brier(self, separation: np.ndarray) -> np.ndarray:
        """Mean squared error of the predicted probabilities, float64, (n_models,)."""
        shown = self.probability(GRID)
        return np.array([with_ @ (1 - shown) ** 2 + without @ shown**2 for with_, without in self._shares(separation)])

    def squared_calibration_error(self, separation: np.ndarray) -> np.ndarray:
        """Squared calibration error in bins of equal width, float64, (n_models,)."""
        shown = self.probability(GRID)
        bins = probability_bin(shown)
        squares = []
        for with_, without in self._shares(separation):
            residuals = np.bincount(bins, with_ * (1 - shown) - without * shown, minlength=N_BINS)
            shares = np.bincount(bins, with_ + without, minlength=N_BINS)
            squares.append(float(np.divide(residuals**2, shares, out=np.zeros(N_BINS), where=shares > 0).sum()))
        return np.array(squares)

    def slope(self, separation: np.ndarray) -> np.ndarray:
        """Calibration slope, float64, (n_models,). The right logit is linear in the score with slope separation."""
        return separation / (self.sharpness * self.usual)

    def intercept(self, separation: np.ndarray) -> np.ndarray:
        """Calibration intercept, float64, (n_models,). With it, the mean probability equals the prevalence."""
        shown = logit(self.probability(GRID))
        shifts = []
        for with_, without in self._shares(separation):
            share, shift = with_ + without, 0.0
            for _ in range(30):
                mean = expit(shown + shift)
                shift += float((self.prevalence - share @ mean) / (share @ (mean * (1 - mean))))
            shifts.append(shift)
        return np.array(shifts)

    def observed(self, separation: np.ndarray) -> np.ndarray:
        """Share of positives in each bin of probability, float64, (n_models, n_bins); NaN if no image can be in it."""
        bins = probability_bin(self.probability(GRID))
        tables = [
            [np.bincount(bins, part, minlength=N_BINS) for part in (with_, with_ + without)]
            for with_, without in self._shares(separation)
        ]
        return np.array([np.divide(a, b, out=np.full(N_BINS, np.nan), where=b > 0) for a, b in tables])

    def net_benefit(self, separation: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Net benefit of calling at each probability, float64, (n_models, n_probabilities)."""
        score = self.score(at)
        false_calls = (1 - self.prevalence) * stats.norm.sf(score)
        return self.prevalence * stats.norm.sf(score - separation[:, None]) - false_calls * at / (1 - at)

    def _shares(self, separation: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield, for each model, the shares of images with and without the label at each score of the grid."""
        without = (1 - self.prevalence) * stats.norm.pdf(GRID) * STEP
        for distance in separation:
            yield self.prevalence * stats.norm.pdf(GRID - distance) * STEP, without


PRINTED: dict[str, Callable[[Printed, np.ndarray], np.ndarray]] = {
    "brier": Printed.brier,
    "calibration_error_squared": Printed.squared_calibration_error,
    "calibration_slope": Printed.slope,
    "calibration_intercept": Printed.intercept,
}
