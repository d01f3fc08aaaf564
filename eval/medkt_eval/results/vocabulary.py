"""The strings of results.json: metrics, averages, which are computed by default, their bounds and direction."""

from __future__ import annotations

DEFAULT_METRICS = ("auc", "average_precision", "f1", "brier", "ece")
MORE_METRICS = (
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "sensitivity_at_specificity",
    "kappa_quadratic",
)
UNBOUNDED = ("calibration_slope", "calibration_intercept")
LOWER_IS_BETTER = ("brier", "ece")
# The metrics of Tables IV and V, which the reports answer with.
HEADLINES = {"multilabel": (("auc", "macro"),), "multiclass": (("auc", "macro"), ("f1", "weighted"))}
AVERAGES = ("macro", "weighted", "micro", "macro_ovo")


def bound_of(metric: str) -> float:
    """The largest difference of two arms that a metric can have."""
    if metric in UNBOUNDED:
        return float("inf")
    return 2.0 if metric == "kappa_quadratic" else 1.0
