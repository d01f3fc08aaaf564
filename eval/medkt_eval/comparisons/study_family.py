"""One family for the whole study, on request: every confirmatory comparison with simultaneous limits.

In: the adjusted comparisons and the declared analysis. Out: `StudyFamilyMember` rows of results.json. Members are the
primary contrasts if any were named, else every declared average on the main metric, over all data sets and training
sizes; in both cases also the confirmatory labels. Each is tested by the primary analysis.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medkt_eval.inference import obuchowski_rockette
from medkt_eval.inference.simultaneous_limits import METHODS
from medkt_eval.results.recorded import StudyFamilyMember
from medkt_eval.results.schema import Comparison
from medkt_eval.results.vocabulary import AVERAGES
from medkt_eval.results.vocabulary import METRICS as FACTS
from medkt_eval.study.declaration import Analysis


def study_family(
    rows: Sequence[Comparison], analysis: Analysis, level: float, *, untrained: int = 0
) -> list[StudyFamilyMember]:
    """The members of the study-wide family; empty if none was requested.

    Parameters
    ----------
    rows : sequence of Comparison
        All comparisons, the primary ones marked.
    analysis : Analysis
    level : float
        Simultaneous confidence level.
    untrained : int
        Primary contrasts whose runs are not trained yet. They count as members without a p-value.
    """
    if analysis.study_family is None:
        return []
    members = [row for row in rows if _is_member(row, analysis)]
    known = [row for row in members if row.p_value is not None]
    size = len(members) + untrained
    limits = {}
    if known:
        differences, errors = (
            np.array([getattr(row, key) for row in known], dtype=np.float64) for key in ("difference", "se")
        )
        df = np.array([np.inf if row.df is None else row.df for row in known])
        found = METHODS[analysis.study_family](differences, errors, df, level=level, absent=size - len(known))
        for row, p, low, high in zip(known, found.p_adjusted, found.low, found.high, strict=True):
            bound = FACTS[row.metric].largest_difference
            limits[id(row)] = {"p_adjusted": float(p), "low": max(float(low), -bound), "high": min(float(high), bound)}
    absent = dict.fromkeys(("p_adjusted", "low", "high"))
    return [
        StudyFamilyMember(
            **row.model_dump(
                include={
                    *("dataset", "arm_a", "arm_b", "metric", "label", "family"),
                    *("difference", "p_value", "undefined_because"),
                }
            ),
            **limits.get(id(row), absent),
            level=level,
            method=analysis.study_family,
            size=size,
        )
        for row in members
    ]


def _is_member(row: Comparison, analysis: Analysis) -> bool:
    if row.test != obuchowski_rockette.TEST or row.kind == "table" or row.group is not None or row.secondary:
        return False
    if row.label in analysis.confirmatory_labels:
        return True
    return row.primary if analysis.primaries else row.label in AVERAGES
