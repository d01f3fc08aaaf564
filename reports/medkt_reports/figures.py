"""All figures of a report.

In: the results. Out: `Drawn`s in the order of the page, and what could not be drawn, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from medkt_reports import words
from medkt_reports.figure_style import Drawn
from medkt_reports.forest import forest
from medkt_reports.learning_curves import learning_curves
from medkt_reports.lookup import Lookup, TrainingSet
from medkt_reports.seed_dots import seed_dots

Kind = Literal["forest", "learning", "seeds"]
_MISSING: Mapping[Kind, str] = {
    "forest": "no forest plot, because no comparison was made",
    "learning": "no learning curves, because no run recorded its history",
    "seeds": "no plot of seeds, because no arm has a test result",
}


@dataclass(frozen=True)
class Figures:
    """Figures by kind, one a training set, and a line for each that could not be drawn."""

    drawn: Mapping[Kind, tuple[Drawn, ...]]
    missing: Mapping[Kind, tuple[str, ...]]

    def all(self) -> list[Drawn]:
        """Every figure."""
        return [drawn for kind in self.drawn.values() for drawn in kind]


def draw(lookup: Lookup) -> Figures:
    """Draw everything the results allow."""
    drawn: dict[Kind, list[Drawn]] = {kind: [] for kind in _MISSING}
    missing: dict[Kind, list[str]] = {kind: [] for kind in _MISSING}
    interval = next(iter(lookup.intervals()), "")
    for number, training_set in enumerate(lookup.training_sets(), start=1):
        slug = _slug(training_set, number)
        made: dict[Kind, Drawn | None] = {
            "forest": forest(lookup, training_set, f"forest-{slug}"),
            "learning": learning_curves(lookup, training_set, f"learning-{slug}"),
            "seeds": seed_dots(lookup, training_set, interval, f"seeds-{slug}"),
        }
        for kind, figure in made.items():
            if figure is None:
                missing[kind].append(f"{training_set.text}: {_MISSING[kind]}.")
            else:
                drawn[kind].append(_marked(figure, lookup.synthetic(training_set.dataset)))
    return Figures({k: tuple(v) for k, v in drawn.items()}, {k: tuple(v) for k, v in missing.items()})


def _marked(drawn: Drawn, synthetic: str) -> Drawn:
    """The figure with SYNTHETIC in its words and numbers where it shows synthetic data; `settle` drew it inside."""
    data = drawn.data.assign(synthetic="true" if synthetic else "false")
    if not synthetic:
        return replace(drawn, data=data)
    mark = words.synthetic([synthetic])
    return replace(drawn, data=data, caption=f"{drawn.caption} {mark}.", alt=f"{mark}. {drawn.alt}")


def _slug(training_set: TrainingSet, number: int) -> str:
    """A file name that no data set's name can turn into a path; the number keeps two apart."""
    name = re.sub(r"[^a-z0-9]+", "-", training_set.dataset.lower()).strip("-")[:40]
    size = "" if training_set.size is None else f"-{training_set.size}"
    return f"{number}-{name or 'data'}{size}"
