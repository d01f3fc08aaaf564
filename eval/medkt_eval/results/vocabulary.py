"""The vocabulary of results.json: what is known of every metric, average, interval and test, one table for each.

A name is the string in results.json; its entry says how it is printed, whether it is computed by default, and what the
analysis must know. The tables hold facts; the functions that compute a metric are joined to it by name in
`measurement.metric_functions`. Requests (`--add`), reports, bounds and reasons are derived from these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What a value needs. Where it is missing, `undefined_because` says what REASONS says.
Need = Literal["image", "positive", "negative", "call", "no call", "probability", "logit", "every class", "two classes"]
REASONS: dict[Need, str] = {
    "image": "no image",
    "positive": "no positive image among {n_images}",
    "negative": "no negative image among {n_images}",
    "call": "none of {n_images} images was called",
    "no call": "all {n_images} images were called",
    "probability": "a score of {label} lies outside [0, 1]: not a probability",
    "logit": "a score of {label} is not strictly between 0 and 1: it has no logit",
    "every class": "a class has no image",
    "two classes": "one class alone, in truth and calls",
}

# What a metric is computed from: the order of the scores; the calls of a label at its threshold; the scores as
# probabilities; bins of probabilities, of a label or of the most probable class; the table of true and called classes;
# a logistic regression on the scores (`--add calibration`); or the estimates of its square.
Kind = Literal["ranking", "calls", "probabilities", "bins", "top bins", "confusion", "calibration", "root"]


@dataclass(frozen=True)
class Metric:
    """What is known of a metric.

    Parameters
    ----------
    word : str
        In print, in the middle of a sentence.
    kind : str
        What a label's value is computed from, one of `Kind`. "confusion": the metric is of all classes together, never
        of one label. "top bins": of a finding, or of all classes together. "root": of the metric `<name>_squared`.
    needs : tuple of str
        What the images of a label must have for the value to exist, the first reason first: keys of `REASONS`.
    default : bool
        Whether it is computed by default; else by `--add`, or with `--add calibration`.
    low, high : float or None
        Smallest and largest value; None: unbounded.
    lower_is_better : bool
    needs_of_classes : str or None
        What the images must have for a multi-class run's value over all classes; None: there is no such value.
    averages : tuple of str
        Averages over labels that exist: keys of `AVERAGES`.
    has_jackknife : bool
        Whether leaving out one patient shows how the metric varies; a quantile has no useful jackknife.
    mean_of : tuple of str
        Metrics of a label that its value is the mean of; where one of them shows no error, it has no interval.
    mean_over_classes_of : str or None
        The same for a multi-class run's value over all classes: the metric of each class that it is the mean of.
    reading : str
        How a value is read, where its direction does not say it.
    no_inference : str or None
        Why it has neither intervals nor tests; None: it has them.
    is_bias_corrected : bool
        Whether one arm's interval from the patient jackknife is centred on the value without the jackknife's bias.
    """

    word: str
    kind: Kind
    needs: tuple[Need, ...]
    default: bool = False
    low: float | None = 0.0
    high: float | None = 1.0
    lower_is_better: bool = False
    needs_of_classes: Need | None = None
    averages: tuple[str, ...] = ("macro", "weighted", "micro")
    has_jackknife: bool = True
    mean_of: tuple[str, ...] = ()
    mean_over_classes_of: str | None = None
    reading: str = ""
    no_inference: str | None = None
    is_bias_corrected: bool = False

    @property
    def is_bounded(self) -> bool:
        """Whether its values have a smallest and a largest one."""
        return self.low is not None and self.high is not None

    @property
    def is_compared(self) -> bool:
        """Whether differences of arms are tested on it; on a root they are tested on its square."""
        return self.no_inference is None and self.kind != "root"

    @property
    def is_resampled(self) -> bool:
        """Whether it is computed in bootstrap replicates.

        A logistic regression in each would take too long. In a calibration error without bias, the copies of a patient
        who is drawn twice would count as two patients.
        """
        return self.kind in ("ranking", "calls", "probabilities", "confusion")

    @property
    def largest_difference(self) -> float:
        """The largest difference that two values can have; infinite if they are unbounded."""
        return float("inf") if self.low is None or self.high is None else self.high - self.low


BIASED = (
    "biased upward: noise alone makes it positive, most of all for a calibrated arm, so intervals around it and around "
    "differences are wrong; see calibration_error, and compare calibration_error_squared"
)
METRICS: dict[str, Metric] = {
    "auc": Metric(
        "AUC", "ranking", ("positive", "negative"), default=True, averages=("macro", "weighted", "micro", "macro_ovo")
    ),
    "average_precision": Metric("average precision", "ranking", ("positive",), default=True, is_bias_corrected=True),
    "f1": Metric("F1", "calls", ("positive",), default=True),
    "brier": Metric("Brier score", "probabilities", ("image", "probability"), default=True, lower_is_better=True),
    "calibration_error": Metric(
        "calibration error", "root", ("image", "probability"), default=True, lower_is_better=True
    ),
    "calibration_error_squared": Metric(
        "squared calibration error",
        "bins",
        ("image", "probability"),
        default=True,
        low=None,
        high=None,
        lower_is_better=True,
        reading="0 is right, noise may take it below 0",
    ),
    "ece": Metric(
        "expected calibration error",
        "bins",
        ("image", "probability"),
        default=True,
        lower_is_better=True,
        no_inference=BIASED,
    ),
    "ece_top": Metric(
        "top-label calibration error", "top bins", ("image", "probability"), lower_is_better=True, no_inference=BIASED
    ),
    "accuracy": Metric("accuracy", "calls", ("image",), needs_of_classes="image"),
    "balanced_accuracy": Metric(
        "balanced accuracy",
        "calls",
        ("positive", "negative"),
        needs_of_classes="every class",
        mean_of=("sensitivity", "specificity"),
        mean_over_classes_of="sensitivity",
    ),
    "sensitivity": Metric("sensitivity", "calls", ("positive",)),
    "specificity": Metric("specificity", "calls", ("negative",)),
    "ppv": Metric("PPV", "calls", ("call",)),
    "npv": Metric("NPV", "calls", ("no call",)),
    "sensitivity_at_specificity": Metric(
        "sensitivity at fixed specificity", "ranking", ("positive", "negative"), has_jackknife=False
    ),
    "kappa_quadratic": Metric(
        "quadratic kappa", "confusion", ("two classes",), low=-1.0, needs_of_classes="two classes", averages=("micro",)
    ),
    "calibration_slope": Metric(
        "calibration slope",
        "calibration",
        ("logit",),
        low=None,
        high=None,
        averages=(),
        reading="1 is right, below 1 is overconfident",
    ),
    "calibration_intercept": Metric(
        "calibration intercept",
        "calibration",
        ("logit",),
        low=None,
        high=None,
        averages=(),
        reading="0 is right, above 0 is too low on average",
    ),
}


@dataclass(frozen=True)
class Average:
    """What is known of an average over labels."""

    default: bool = False
    of_classes: bool = False  # whether it exists only for multi-class runs


AVERAGES: dict[str, Average] = {
    "macro": Average(default=True),
    "weighted": Average(default=True),
    "micro": Average(),
    "macro_ovo": Average(of_classes=True),
}


@dataclass(frozen=True)
class IntervalName:
    """What is known of an interval: its words, and whether it is computed by default or by `--add`.

    `on_request` is False for the name that an interval has where images were declared independent.
    """

    word: str
    default: bool = False
    on_request: bool = True


INTERVALS: dict[str, IntervalName] = {
    "seeds+patients:or": IntervalName("Obuchowski–Rockette: seeds and test patients random", default=True),
    "patients:delong": IntervalName("clustered DeLong: test patients random, trained models held fixed", default=True),
    "patients:bootstrap-percentile": IntervalName("bootstrap, percentile: trained models held fixed", default=True),
    "seeds:t": IntervalName("Student's t over seeds, test patients held fixed", default=True),
    "seeds:normal": IntervalName("mean ± z s/√k over seeds, the paper's convention", default=True),
    "images:delong": IntervalName("DeLong: test images random, trained models held fixed", on_request=False),
    "patients:jackknife": IntervalName("jackknife: test patients random, trained models held fixed"),
    "patients:bootstrap-basic": IntervalName("bootstrap, basic: trained models held fixed"),
    "patients:bootstrap-bca": IntervalName("bootstrap, BCa: trained models held fixed"),
    "patients:bootstrap-studentized": IntervalName("bootstrap, studentised: trained models held fixed"),
    "seeds+patients:bootstrap": IntervalName("bootstrap of seeds and test patients, percentile"),
}


@dataclass(frozen=True)
class TestName:
    """What is known of a test of a comparison.

    Parameters
    ----------
    word : str
        In print.
    on_request : bool
        Whether `--add` names it; the others come by default, or with an interval or a margin.
    seeds : {"nested", "crossed"} or None
        The seeds it is made for; None: any.
    metrics : tuple of str
        Metrics that it tests; requesting the test requests them.
    """

    __test__ = False  # not a test of pytest's

    word: str
    on_request: bool = False
    seeds: Literal["nested", "crossed"] | None = None
    metrics: tuple[str, ...] = ()


TESTS: dict[str, TestName] = {
    "obuchowski-rockette": TestName("Obuchowski–Rockette"),
    "t-welch": TestName("Welch t"),
    "t-paired": TestName("paired t"),
    "delong-clustered": TestName("clustered DeLong"),
    "jackknife": TestName("patient jackknife"),
    "bootstrap-percentile": TestName("percentile bootstrap"),
    "bootstrap-basic": TestName("basic bootstrap"),
    "bootstrap-bca": TestName("BCa bootstrap"),
    "bootstrap-studentized": TestName("studentised bootstrap"),
    "tost": TestName("equivalence (TOST)"),
    "non-inferiority": TestName("non-inferiority"),
    "mann-whitney": TestName("Mann–Whitney", on_request=True, seeds="nested"),
    "wilcoxon": TestName("Wilcoxon", on_request=True, seeds="crossed"),
    "sign-flip": TestName("exact sign flip", on_request=True, seeds="crossed"),
    "permutation": TestName("permutation of mid-ranks", on_request=True),
    "mcnemar": TestName("clustered McNemar", on_request=True, metrics=("accuracy", "sensitivity", "specificity")),
    "max-t": TestName("bootstrap max-T", on_request=True),
}

# The metrics of Tables IV and V, which the reports answer with.
HEADLINES = {"multilabel": (("auc", "macro"),), "multiclass": (("auc", "macro"), ("f1", "weighted"))}

ROOTS = {f"{name}_squared": name for name, metric in METRICS.items() if metric.kind == "root"}
DEFAULT_METRICS = tuple(name for name, metric in METRICS.items() if metric.default and metric.kind != "root")
MORE_METRICS = tuple(name for name, metric in METRICS.items() if not metric.default and metric.kind != "calibration")
LOWER_IS_BETTER = tuple(name for name, metric in METRICS.items() if metric.lower_is_better)
