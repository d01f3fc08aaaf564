"""The sections of the page in their order, each with its tables and figures in theirs.

In: nothing. Out: `SECTIONS`. A table or figure names its section in its catalogue (tables/catalogue.py,
figures/catalogue.py); one that is missing in the section's `order` comes last there, so nothing can be drawn and not
shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["table", "figure", "pictures"]


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading."""

    heading: str
    intro: str = ""
    """A paragraph under the heading."""
    text: str = ""
    """Template of what the section says beside its tables and figures."""
    order: tuple[tuple[Kind, str], ...] = ()
    """Its tables, figures and sheets of pictures by name."""
    if_empty: str = ""
    """What it says without any table or figure; a section that has neither this nor `always` is then left out."""
    always: bool = False
    """Whether the section is there without any table or figure."""
    wide: bool = True
    """Whether it takes the width of the window, for wide tables and figures."""


SECTIONS: Mapping[str, Section] = {
    "answer": Section("The answer", text="sections/answer.html.jinja", always=True, wide=False),
    "scope": Section(
        "What the intervals cover",
        "Every interval lets something vary and holds the rest fixed. This report uses the marked rows.",
        text="sections/scope.html.jinja",
        always=True,
        wide=False,
    ),
    "differences": Section("Differences", order=(("figure", "forest"),), if_empty="No comparison was made."),
    "results": Section("Results", order=(("table", "IV"), ("table", "V")), always=True),
    "published": Section(
        "Published results beside ours", order=(("table", "reference"), ("table", "reference-differences"))
    ),
    "labels": Section(
        "By label",
        "Per-label results are exploratory unless a label was named in advance.",
        order=(("table", "labels"), ("table", "label-differences")),
    ),
    "size": Section(
        "Training-set size", order=(("figure", "data-size"), ("figure", "size-differences"), ("table", "size-effects"))
    ),
    "learning": Section("The course of training", order=(("figure", "learning"), ("table", "dynamics"))),
    "tuning": Section("Tuned settings", order=(("table", "III"), ("figure", "tuning"))),
    "seeds": Section(
        "Seed by seed",
        text="sections/seeds.html.jinja",
        order=(("figure", "seeds"), ("table", "seeds"), ("table", "seed-correlations")),
    ),
    "use": Section(
        "Calibration, operating points, net benefit",
        order=(
            ("table", "calibration"),
            ("figure", "reliability"),
            ("table", "operating-points"),
            ("table", "operating-points-by-label"),
            ("figure", "net-benefit"),
        ),
    ),
    "subgroups": Section(
        "Subgroups",
        order=(
            ("figure", "subgroups"),
            ("table", "subgroups"),
            ("table", "subgroup-differences"),
            ("figure", "gaps"),
            ("table", "gaps"),
        ),
    ),
    "comparisons": Section(
        "All comparisons",
        order=(
            ("table", "comparisons"),
            ("table", "study-family"),
            ("table", "omnibus"),
            ("figure", "critical-difference"),
            ("table", "mean-ranks"),
            ("table", "secondary"),
            ("table", "companions"),
        ),
        always=True,
    ),
    "data": Section(
        "Data, teachers and networks",
        order=(
            ("table", "I"),
            ("table", "II"),
            ("pictures", "samples"),
            ("table", "teachers"),
            ("table", "teachers-on-target"),
            ("table", "VI"),
            ("pictures", "attention"),
        ),
        always=True,
    ),
    "methods": Section("Methods, ready to paste", text="sections/methods.html.jinja", always=True, wide=False),
    "undefined": Section("What was undefined and why", text="sections/undefined.html.jinja", always=True),
    "missing": Section("What is not here", text="sections/missing.html.jinja", wide=False),
    "how": Section(
        "How each number was made",
        text="sections/how.html.jinja",
        order=(("table", "thresholds"),),
        always=True,
        wide=False,
    ),
    "checklists": Section(
        "Reporting checklists",
        "Topics in our own words, filled in with what the results record. Whether that is enough is for author and "
        "editor to judge.",
        text="sections/checklists.html.jinja",
        always=True,
    ),
    "provenance": Section("Provenance", text="sections/provenance.html.jinja", always=True, wide=False),
}
