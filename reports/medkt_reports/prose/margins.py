"""The margin of equivalence: its tests of a comparison, and what an answer says of it.

In: the tests against the margin in results.json. Out: the test that shows equivalence or non-inferiority, and a
sentence on a difference that is shown. Power is not part of an answer; `medkt plan` computes it at a stated effect.
"""

from __future__ import annotations

from dataclasses import dataclass

from medkt_eval.results.schema import Comparison, EvaluationResult
from medkt_eval.results.settings import Settings
from medkt_reports.language import units, words
from medkt_reports.lookup import Lookup
from medkt_reports.significance import is_below_alpha, margin_alpha, margin_test_shows


@dataclass(frozen=True)
class AgainstMargin:
    """The tests of one comparison against the margin."""

    margin: float
    name: str
    """The margin in words: `the margin of 2 points`."""
    equivalence: Comparison | None
    non_inferiority: Comparison | None

    @property
    def shows_equivalence(self) -> bool:
        """Whether the two one-sided tests show that no difference reaches the margin."""
        return self.equivalence is not None and margin_test_shows(self.equivalence)

    @property
    def equivalence_is_lost(self) -> bool:
        """Whether equivalence is shown by the raw p-value, and not by the one that is adjusted for the family."""
        test = self.equivalence
        return test is not None and not self.shows_equivalence and is_below_alpha(test.p_value, 1 - margin_alpha(test))

    @property
    def shows_non_inferiority(self) -> bool:
        """Whether the one-sided test shows that arm a is not worse by the margin."""
        return self.non_inferiority is not None and margin_test_shows(self.non_inferiority)


class Margins:
    """Tests against the margin, by comparison."""

    def __init__(self, result: EvaluationResult) -> None:
        settings = result.settings
        self._at_evaluation = settings.margin if settings.margin_from == "evaluation" else None
        self._tests = {
            (*_contrast(row), row.test): row
            for row in result.comparisons
            if row.margin is not None and row.group is None
        }

    def of(self, row: Comparison) -> AgainstMargin | None:
        """The tests of the same arms, metric and scope against the margin; None if there are none."""
        found = [self._tests.get((*_contrast(row), test)) for test in ("tost", "non-inferiority")]
        made = [
            test if test is not None and test.p_value is not None and test.scope == row.scope else None
            for test in found
        ]
        margin = next((test.margin for test in made if test is not None), None)
        if margin is None:
            return None
        given = " given at evaluation" if margin == self._at_evaluation else ""
        return AgainstMargin(margin, f"the margin of {units.amount(row.metric, margin)}{given}", *made)


def in_short(lookup: Lookup) -> str:
    """The margins and where they were given, in a few words; empty if there is none."""
    listed = [units.amount(metric, margin) for metric, margin in lookup.margins()]
    where = where_given(lookup.result.settings)
    return f"{words.listed(listed)}{', ' if where else ''}{where}" if listed else ""


def where_given(settings: Settings) -> str:
    """Where the margin was given, and whether that was before the predictions; empty if it is not recorded.

    The margin of a primary contrast is always in the study file.
    """
    of_primaries = any(primary.get("margin") is not None for primary in settings.primaries)
    if settings.margin_from == "study file" or (of_primaries and settings.margin is None):
        verb = "declared" if settings.declared == "before" else "given"
        return f"{verb} {words.WHEN_DECLARED[settings.declared]}"
    if settings.margin_from != "evaluation":
        return ""
    others = "; those of primary contrasts in the study file" if of_primaries else ""
    return f"given at evaluation, when the test predictions existed{others}"


def margin_passed(against: AgainstMargin, row: Comparison, evidence: str) -> str:
    """Whether a difference that is shown reaches the margin.

    Parameters
    ----------
    against : AgainstMargin
    row : Comparison
        A comparison whose interval excludes 0.
    evidence : str
        The interval and p-value of the equivalence test.
    """
    low, high = row.low, row.high
    if low is not None and high is not None and (low > against.margin or high < -against.margin):
        is_adjusted = row.adjustment is not None and row.p_adjusted != row.p_value
        by = "By its interval, which is not adjusted, the" if is_adjusted else "The"
        return f"{by} difference exceeds {against.name}."
    if against.shows_equivalence:
        return f"The difference is smaller than {against.name} ({evidence})."
    return f"Whether the difference exceeds {against.name} is undecided."


def _contrast(row: Comparison) -> tuple[str, ...]:
    return row.dataset, row.arm_a, row.arm_b, row.metric, row.label, row.kind
