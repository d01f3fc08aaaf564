"""All figures of a report.

In: the results. Out: `Drawn`s by kind, and what could not be drawn, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from medkt_reports.figures.curves.data_size import data_size, size_differences
from medkt_reports.figures.curves.learning_curves import learning_curves
from medkt_reports.figures.curves.net_benefit import net_benefit_plot
from medkt_reports.figures.curves.reliability import calibration_plot
from medkt_reports.figures.curves.tuning_curve import tuning_curve
from medkt_reports.figures.differences.critical_difference import critical_difference
from medkt_reports.figures.differences.forest import forest
from medkt_reports.figures.differences.seed_dots import seed_dots
from medkt_reports.figures.differences.subgroup_forest import gap_forest, subgroup_forest
from medkt_reports.figures.style import Drawn
from medkt_reports.language import words
from medkt_reports.lookup import Lookup, TrainingSet

_OF_TRAINING_SET: Mapping[str, Callable[[Lookup, TrainingSet, str], Drawn | None]] = {
    "forest": forest,
    "learning": learning_curves,
    "seeds": lambda lookup, training_set, name: seed_dots(lookup, training_set, lookup.preferred_interval, name),
    "tuning": tuning_curve,
    "reliability": calibration_plot,
    "net-benefit": net_benefit_plot,
    "subgroups": subgroup_forest,
    "gaps": gap_forest,
}
_OF_DATASET: Mapping[str, Callable[[Lookup, str, str], Drawn | None]] = {
    "data-size": data_size,
    "size-differences": size_differences,
}
_OF_STUDY: Mapping[str, Callable[[Lookup, str], Drawn | None]] = {"critical-difference": critical_difference}
KINDS = (*_OF_TRAINING_SET, *_OF_DATASET, *_OF_STUDY)
_MISSING = {
    "forest": "Forest plot: no comparison was made.",
    "learning": "Learning curves (Fig. 4): no run recorded its history.",
    "seeds": "Plot of seeds: no arm has a test result.",
    "tuning": "Curve of tuned settings: no grid of two settings or more was searched.",
    "reliability": "Reliability curves: ask for them with --add calibration.",
    "net-benefit": "Net benefit: ask for it with --add net-benefit.",
    "subgroups": "Plot of subgroups: ask for it with --add subgroups.",
    "data-size": "Training-set size (Fig. 3): no arm was trained on two numbers of images.",
    "critical-difference": "Diagram of critical differences: it needs five data sets or more.",
}


@dataclass(frozen=True)
class Figures:
    """Figures by kind, and a line for each kind, or training set of a kind, that could not be drawn."""

    drawn: Mapping[str, tuple[Drawn, ...]]
    missing: tuple[str, ...]

    def all(self) -> list[Drawn]:
        """Every figure."""
        return [drawn for kind in self.drawn.values() for drawn in kind]


def draw(lookup: Lookup) -> Figures:
    """Draw everything the results allow."""
    drawn: dict[str, list[Drawn]] = {kind: [] for kind in KINDS}
    missing: list[str] = []
    training_sets = lookup.training_sets()
    for kind, make in _OF_TRAINING_SET.items():
        named = [(t, f"{kind}-{_slug(t, k)}") for k, t in enumerate(training_sets, start=1)]
        made = [(t, make(lookup, t, name)) for t, name in named]
        drawn[kind] = [_marked(figure, lookup.synthetic(t.dataset)) for t, figure in made if figure is not None]
        if drawn[kind] and kind in _MISSING:
            why = _MISSING[kind][0].lower() + _MISSING[kind][1:]
            missing += [f"{t.text}: {why}" for t, figure in made if figure is None]
    for kind, of_dataset in _OF_DATASET.items():
        for number, dataset in enumerate(lookup.datasets, start=1):
            figure = of_dataset(lookup, dataset, f"{kind}-{_slug(TrainingSet(dataset, None), number)}")
            drawn[kind] += [] if figure is None else [_marked(figure, lookup.synthetic(dataset))]
    for kind, of_study in _OF_STUDY.items():
        figure = of_study(lookup, f"{kind}-1-study")
        drawn[kind] += [] if figure is None else [figure]
    missing += [line for kind, line in _MISSING.items() if not drawn[kind]]
    return Figures({kind: tuple(found) for kind, found in drawn.items()}, tuple(missing))


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
