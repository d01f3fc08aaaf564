"""Results of earlier versions: inference that was wrong is left out, so that no report prints it.

In: an EvaluationResult. Out: the same, as `medkt evaluate` writes it now for metrics without inference. medkt 0.1.0
gave the expected calibration error intervals and tests, though the metric is biased.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from medkt_eval.results.recorded import SizeEffect
from medkt_eval.results.schema import Comparison, Estimate, EvaluationResult, Gap, Omnibus
from medkt_eval.results.vocabulary import METRICS

_R = TypeVar("_R", Omnibus, Gap, SizeEffect)
_NUMBERS = ("se", "low", "high", "df")
_OF_TEST = (
    *_NUMBERS,
    "difference",
    "statistic",
    "df_hillis",
    "p_value",
    "p_adjusted",
    "probability_a_above_b",
    "probability_descriptive",
    "low_bonferroni",
    "high_bonferroni",
    "note",
)


def without_wrong_inference(result: EvaluationResult) -> EvaluationResult:
    """Take intervals and tests from metrics that have none; their values stay, and so do primary contrasts, blank."""
    changes: dict[str, Any] = {
        "estimates": [_blank_estimate(row) for row in result.estimates],
        "comparisons": [
            _blank_comparison(row) for row in result.comparisons if row.primary or _why_none(row.metric) is None
        ],
        "omnibus": _with_inference(result.omnibus),
        "gaps": _with_inference(result.gaps),
        "size_effects": _with_inference(result.size_effects),
    }
    return result.model_copy(update=changes)


def _why_none(metric: str) -> str | None:
    return METRICS[metric].no_inference if metric in METRICS else None


def _with_inference(rows: Sequence[_R]) -> list[_R]:
    return [row for row in rows if _why_none(row.metric) is None]


def _blank_estimate(row: Estimate) -> Estimate:
    because = _why_none(row.metric)
    if because is None:
        return row
    changes = {**dict.fromkeys(_NUMBERS), "note": None, "undefined_because": row.undefined_because or because}
    return row.model_copy(update=changes)


def _blank_comparison(row: Comparison) -> Comparison:
    because = _why_none(row.metric)
    if because is None or row.undefined_because:
        return row
    return row.model_copy(update={**dict.fromkeys(_OF_TEST), "undefined_because": because})
