"""The list of all figures that a report may hold.

In: the results. Out: `ReportFigure`s by name, and a line for each figure that could not be drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from medkt_reports.figures import lettering
from medkt_reports.figures.curves.data_size import data_size, size_differences
from medkt_reports.figures.curves.learning_curves import learning_curves
from medkt_reports.figures.curves.net_benefit import net_benefit_plot
from medkt_reports.figures.curves.reliability import calibration_plot
from medkt_reports.figures.curves.tuning_curve import tuning_curve
from medkt_reports.figures.differences.critical_difference import critical_difference
from medkt_reports.figures.differences.forest import forest
from medkt_reports.figures.differences.seed_dots import seed_dots
from medkt_reports.figures.differences.subgroup_forest import gap_forest, subgroup_forest
from medkt_reports.figures.style import ReportFigure
from medkt_reports.language import words
from medkt_reports.lookup import Lookup, TrainingSet


class Attempt(NamedTuple):
    """The outcome of drawing one figure: None if the results hold nothing for it."""

    where: str
    """The training set, for a line about a missing figure; empty for figures of other things."""
    figure: ReportFigure | None


@dataclass(frozen=True, kw_only=True)
class FigureEntry:
    """A figure that a report may hold."""

    section: str
    """Section of the page that shows it: a name of `sections.SECTIONS`."""
    missing: str
    """The line under "What is not here": why there is none, and how to get one. Empty if another line says it."""


@dataclass(frozen=True)
class PerTrainingSet(FigureEntry):
    """One figure for each data set and training size."""

    build: Callable[[Lookup, TrainingSet, str], ReportFigure | None]

    def attempts(self, lookup: Lookup, kind: str) -> Iterator[Attempt]:
        """Draw it for each training set."""
        for number, training_set in enumerate(lookup.training_sets(), start=1):
            figure = self.build(lookup, training_set, f"{kind}-{_slug(training_set, number)}")
            synthetic = lookup.synthetic(training_set.dataset)
            yield Attempt(training_set.text, figure and _with_synthetic_mark(figure, synthetic))


@dataclass(frozen=True)
class PerDataset(FigureEntry):
    """One figure for each data set."""

    build: Callable[[Lookup, str, str], ReportFigure | None]

    def attempts(self, lookup: Lookup, kind: str) -> Iterator[Attempt]:
        """Draw it for each data set."""
        for number, dataset in enumerate(lookup.datasets, start=1):
            figure = self.build(lookup, dataset, f"{kind}-{_slug(TrainingSet(dataset, None), number)}")
            yield Attempt("", figure and _with_synthetic_mark(figure, lookup.synthetic(dataset)))


@dataclass(frozen=True)
class PerStudy(FigureEntry):
    """One figure for the study; it marks synthetic data itself."""

    build: Callable[[Lookup, str], ReportFigure | None]

    def attempts(self, lookup: Lookup, kind: str) -> Iterator[Attempt]:
        """Draw it."""
        yield Attempt("", self.build(lookup, f"{kind}-1-study"))


FIGURES: Mapping[str, PerTrainingSet | PerDataset | PerStudy] = {
    "forest": PerTrainingSet(forest, section="differences", missing="Forest plot: no comparison was made."),
    "learning": PerTrainingSet(
        learning_curves, section="learning", missing="Learning curves (Fig. 4): no run recorded its history."
    ),
    "seeds": PerTrainingSet(
        lambda lookup, training_set, name: seed_dots(lookup, training_set, lookup.preferred_interval, name),
        section="seeds",
        missing="Plot of seeds: no arm has a test result.",
    ),
    "tuning": PerTrainingSet(
        tuning_curve, section="tuning", missing="Curve of tuned settings: no grid of two settings or more was searched."
    ),
    "reliability": PerTrainingSet(
        calibration_plot,
        section="use",
        missing="Reliability curves: they need scores that are probabilities, and --add calibration.",
    ),
    "net-benefit": PerTrainingSet(
        net_benefit_plot,
        section="use",
        missing="Net benefit: it needs scores that are probabilities, and --add net-benefit.",
    ),
    "subgroups": PerTrainingSet(
        subgroup_forest,
        section="subgroups",
        missing="Plot of subgroups: it needs --add subgroups, and predictions with a column group_<name>.",
    ),
    "gaps": PerTrainingSet(gap_forest, section="subgroups", missing=""),
    "data-size": PerDataset(
        data_size, section="size", missing="Training-set size (Fig. 3): no arm was trained on two numbers of images."
    ),
    "size-differences": PerDataset(size_differences, section="size", missing=""),
    "critical-difference": PerStudy(
        critical_difference,
        section="comparisons",
        missing="Diagram of critical differences: it needs five data sets or more.",
    ),
}


@dataclass(frozen=True)
class Figures:
    """Figures by their names in `FIGURES`, and a line for each that could not be drawn."""

    drawn: Mapping[str, tuple[ReportFigure, ...]]
    missing: tuple[str, ...]

    def all(self) -> list[ReportFigure]:
        """Every figure."""
        return [figure for figures in self.drawn.values() for figure in figures]

    @property
    def without_font(self) -> str:
        """A line on letters that no installed font has; empty if there are none."""
        letters = "".join(sorted(set("".join(lettering.without_font(drawn.figure) for drawn in self.all()))))
        if not letters:
            return ""
        some = " ".join(letters[:20]) + (" ..." if letters[20:] else "")
        return (
            f"Letters in the PDF figures: no installed font has {some}, so their code points are printed. Install a "
            "font for them, such as Noto Sans or Noto Sans CJK, and write the report again."
        )


def draw(lookup: Lookup) -> Figures:
    """Draw every figure that the results hold something for.

    A figure that some training sets have and others lack has a line for each of the others.
    """
    drawn: dict[str, tuple[ReportFigure, ...]] = {}
    missing_somewhere: list[str] = []
    missing_everywhere: list[str] = []
    for kind, entry in FIGURES.items():
        attempts = list(entry.attempts(lookup, kind))
        drawn[kind] = tuple(attempt.figure for attempt in attempts if attempt.figure is not None)
        if not entry.missing:
            continue
        if not drawn[kind]:
            missing_everywhere.append(entry.missing)
        else:
            reason = entry.missing[0].lower() + entry.missing[1:]
            missing_somewhere += [f"{where}: {reason}" for where, figure in attempts if where and figure is None]
    return Figures(drawn, (*missing_somewhere, *missing_everywhere))


def _with_synthetic_mark(figure: ReportFigure, synthetic: str) -> ReportFigure:
    """Add SYNTHETIC to words and numbers of a figure of synthetic data; `style.settle` has drawn it inside."""
    data = figure.data.assign(synthetic="true" if synthetic else "false")
    if not synthetic:
        return replace(figure, data=data)
    mark = words.synthetic([synthetic])
    return replace(figure, data=data, caption=f"{figure.caption} {mark}.", alt=f"{mark}. {figure.alt}")


def _slug(training_set: TrainingSet, number: int) -> str:
    """Part of a file name that no data set's name can turn into a path; the number makes it unique."""
    name = re.sub(r"[^a-z0-9]+", "-", training_set.dataset.lower()).strip("-")[:40]
    size = "" if training_set.size is None else f"-{training_set.size}"
    return f"{number}-{name or 'data'}{size}"
