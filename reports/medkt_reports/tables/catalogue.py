"""The list of all tables that a report may hold.

In: the results. Out: `ReportTables`, every table built once, for the page, the files and `medkt table`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from medkt_reports.lookup import Lookup
from medkt_reports.tables.further import labels as label_tables
from medkt_reports.tables.further import omnibus as omnibus_tables
from medkt_reports.tables.further import operating_points as operating_point_tables
from medkt_reports.tables.further import subgroups as subgroup_tables
from medkt_reports.tables.further.comparisons import companions_table, comparisons_table, secondary_table
from medkt_reports.tables.further.dynamics import dynamics_table
from medkt_reports.tables.further.seed_correlations import seed_correlations_table
from medkt_reports.tables.further.seeds import seeds_table
from medkt_reports.tables.further.size_effects import size_effects_table
from medkt_reports.tables.further.study_family import study_family_table
from medkt_reports.tables.further.teachers import teachers_on_target_table
from medkt_reports.tables.model import Table
from medkt_reports.tables.paper import published as reference_tables
from medkt_reports.tables.paper.architecture import table_six
from medkt_reports.tables.paper.data_sets import table_one, table_two, teachers_table
from medkt_reports.tables.paper.tables_four_and_five import table_five, table_four
from medkt_reports.tables.paper.tuning import table_three


@dataclass(frozen=True)
class TableEntry:
    """A table that a report may hold."""

    build: Callable[[Lookup], Table | None]
    """Returns None if the results hold nothing for it."""
    section: str
    """Section of the page that shows it: a name of `sections.SECTIONS`."""
    missing: str
    """The line under "What is not here": why there is no such table, and how to get one."""
    folded: bool = False
    """Whether the page shows its title, and its rows on a click."""
    file: str = ""
    """Name of its files and its `Table.name`, if they differ from the name in `TABLES`."""
    with_interval: Callable[[Lookup, str], Table | None] | None = None
    """Builds the table with another kind of interval, if readers may switch between intervals on the page."""


TABLES: Mapping[str, TableEntry] = {
    "I": TableEntry(
        table_one, section="data", missing="Table I (data sets): the results name no data set.", file="table1"
    ),
    "II": TableEntry(
        table_two, section="data", missing="Table II (splits): the runs recorded no split.", file="table2"
    ),
    "III": TableEntry(
        table_three,
        section="tuning",
        missing="Table III (tuned settings): no run belongs to a tuning grid.",
        file="table3",
    ),
    "IV": TableEntry(
        lambda lookup: table_four(lookup, lookup.preferred_interval),
        section="results",
        missing="Table IV: it needs arms on a multi-label data set; these results have none.",
        with_interval=table_four,
        file="table4",
    ),
    "V": TableEntry(
        lambda lookup: table_five(lookup, lookup.preferred_interval),
        section="results",
        missing="Table V: it needs arms on a multi-class data set; these results have none.",
        with_interval=table_five,
        file="table5",
    ),
    "VI": TableEntry(
        table_six,
        section="data",
        missing="Table VI (architecture): no run recorded its network's layers.",
        file="table6",
    ),
    "reference": TableEntry(
        reference_tables.reference_table,
        section="published",
        missing="Published results beside ours: the study file names none (reference, under [analysis]).",
    ),
    "reference-differences": TableEntry(
        reference_tables.reference_differences_table,
        section="published",
        missing="Differences between published results: the study file names no such pair (reference, under "
        "[analysis]).",
    ),
    "labels": TableEntry(
        lambda lookup: label_tables.labels_table(lookup, lookup.preferred_interval),
        section="labels",
        missing="AUC by label: the results hold none.",
    ),
    "label-differences": TableEntry(
        label_tables.label_differences_table,
        section="labels",
        missing="Differences by label: no comparison was made by label.",
        folded=True,
    ),
    "comparisons": TableEntry(comparisons_table, section="comparisons", missing="Comparisons: none was made."),
    "study-family": TableEntry(
        study_family_table,
        section="comparisons",
        missing="One family over the whole study: none was requested (study_family, under [analysis]).",
    ),
    "secondary": TableEntry(
        secondary_table, section="comparisons", missing="Comparisons on secondary metrics: none was made.", folded=True
    ),
    "companions": TableEntry(
        companions_table, section="comparisons", missing="Companion tests: none was made.", folded=True
    ),
    "omnibus": TableEntry(
        omnibus_tables.omnibus_table,
        section="comparisons",
        missing="All arms at once: a training set needs three arms or more.",
    ),
    "mean-ranks": TableEntry(
        omnibus_tables.mean_ranks_table,
        section="comparisons",
        missing="Mean ranks over data sets: they need five data sets or more.",
        folded=True,
    ),
    "operating-points": TableEntry(
        operating_point_tables.operating_points_table,
        section="use",
        missing="Operating points: they need --add sensitivity --add specificity.",
    ),
    "operating-points-by-label": TableEntry(
        operating_point_tables.operating_points_by_label_table,
        section="use",
        missing="Operating points by label: there are none, or too many for a page.",
        folded=True,
    ),
    "calibration": TableEntry(
        operating_point_tables.calibration_table,
        section="use",
        missing="Calibration: it needs scores that are probabilities, and for slope and intercept --add calibration.",
    ),
    "subgroups": TableEntry(
        subgroup_tables.subgroups_table,
        section="subgroups",
        missing="Subgroups: they need --add subgroups, and predictions with a column group_<name>.",
    ),
    "subgroup-differences": TableEntry(
        subgroup_tables.subgroup_differences_table,
        section="subgroups",
        missing="Differences within subgroups: they need --add subgroups, and two arms.",
        folded=True,
    ),
    "gaps": TableEntry(
        subgroup_tables.gaps_table,
        section="subgroups",
        missing="Gaps between subgroups: they need --add subgroups, and a group with other images beside it.",
        folded=True,
    ),
    "size-effects": TableEntry(
        size_effects_table, section="size", missing="Differences and training-set size: arms need two training sizes."
    ),
    "dynamics": TableEntry(
        dynamics_table, section="learning", missing="The course of training: no run recorded its history."
    ),
    "seeds": TableEntry(
        seeds_table,
        section="seeds",
        missing="Seed by seed: these results hold no check of their runs; medkt evaluate writes it.",
        folded=True,
    ),
    "seed-correlations": TableEntry(
        seed_correlations_table,
        section="seeds",
        missing="Runs of one seed in two arms: these results hold no correlation; medkt evaluate writes it.",
        folded=True,
    ),
    "thresholds": TableEntry(
        label_tables.thresholds_table,
        section="how",
        missing="Thresholds: no metric of these results needs one.",
        folded=True,
    ),
    "teachers-on-target": TableEntry(
        teachers_on_target_table,
        section="data",
        missing="Teachers on the target: no run learnt from one, or none recorded it.",
    ),
    "teachers": TableEntry(teachers_table, section="data", missing="Teachers: none was trained in these runs."),
}


def file_name(name: str) -> str:
    """Name of the files of a table of `TABLES`, without ending.

    Examples
    --------
    >>> file_name("IV"), file_name("labels")
    ('table4', 'labels')
    """
    return TABLES[name].file or name


@dataclass(frozen=True)
class ReportTables:
    """The tables of a report, by their names in `TABLES`."""

    tables: Mapping[str, Table | None]

    @property
    def present(self) -> dict[str, Table]:
        """Those that the results hold something for."""
        return {name: table for name, table in self.tables.items() if table is not None}

    @property
    def missing(self) -> list[str]:
        """A line for each of the others."""
        return [TABLES[name].missing for name, table in self.tables.items() if table is None]


def build_tables(lookup: Lookup) -> ReportTables:
    """Build every table.

    Raises
    ------
    ValueError
        If a table has another name than its entry, so that its files would have the wrong name.
    """
    tables = {name: entry.build(lookup) for name, entry in TABLES.items()}
    for name, table in tables.items():
        if table is not None and table.name != file_name(name):
            raise ValueError(f"TABLES[{name!r}] builds a table named {table.name!r}; expected {file_name(name)!r}")
    return ReportTables(tables)
