"""Which tables a report can hold: by what each is built, and what is said where the results hold nothing for it.

In: the results. Out: `Contents`, every table built once, for the page, the files and `medkt table` alike.
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
from medkt_reports.tables.further.size_effects import size_effects_table
from medkt_reports.tables.further.teachers import teachers_on_target_table
from medkt_reports.tables.model import Table
from medkt_reports.tables.paper import published as reference_tables
from medkt_reports.tables.paper.architecture import table_six
from medkt_reports.tables.paper.data_sets import table_one, table_two, teachers_table
from medkt_reports.tables.paper.results import table_five, table_four
from medkt_reports.tables.paper.tuning import table_three

_ASK = "ask for it with"


@dataclass(frozen=True)
class Entry:
    """A table that a report may hold."""

    build: Callable[[Lookup], Table | None]
    missing: str
    """Why it is not there, and what would bring it; said where it is not."""
    file: str
    """Its `Table.name`, which files of it are called by."""


TABLES: Mapping[str, Entry] = {
    "I": Entry(table_one, "Table I (data sets): the results name no data set.", "table1"),
    "II": Entry(table_two, "Table II (splits): the runs recorded no split.", "table2"),
    "III": Entry(table_three, "Table III (tuned settings): no run belongs to a tuning grid.", "table3"),
    "IV": Entry(
        lambda lookup: table_four(lookup, lookup.preferred_interval),
        "Table IV: it needs arms on a multi-label data set; these results have none.",
        "table4",
    ),
    "V": Entry(
        lambda lookup: table_five(lookup, lookup.preferred_interval),
        "Table V: it needs arms on a multi-class data set; these results have none.",
        "table5",
    ),
    "VI": Entry(table_six, "Table VI (architecture): no run recorded its network's layers.", "table6"),
    "reference": Entry(
        reference_tables.reference_table,
        "Published results beside ours: the study file names none (reference, under [analysis]).",
        "reference",
    ),
    "reference-differences": Entry(
        reference_tables.reference_differences_table,
        "Differences between published results: the study file names no such pair (reference, under [analysis]).",
        "reference-differences",
    ),
    "labels": Entry(
        lambda lookup: label_tables.labels_table(lookup, lookup.preferred_interval),
        "AUC by label: the results hold none.",
        "labels",
    ),
    "label-differences": Entry(
        label_tables.label_differences_table,
        "Differences by label: no comparison was made by label.",
        "label-differences",
    ),
    "comparisons": Entry(comparisons_table, "Comparisons: none was made.", "comparisons"),
    "secondary": Entry(secondary_table, "Comparisons on secondary metrics: none was made.", "secondary"),
    "companions": Entry(companions_table, "Companion tests: none was made.", "companions"),
    "omnibus": Entry(
        omnibus_tables.omnibus_table, "All arms at once: a training set needs three arms or more.", "omnibus"
    ),
    "mean-ranks": Entry(
        omnibus_tables.mean_ranks_table, "Mean ranks over data sets: they need five data sets or more.", "mean-ranks"
    ),
    "operating-points": Entry(
        operating_point_tables.operating_points_table,
        f"Operating points: {_ASK} --add sensitivity --add specificity.",
        "operating-points",
    ),
    "operating-points-by-label": Entry(
        operating_point_tables.operating_points_by_label_table,
        "Operating points by label: there are none, or too many for a page.",
        "operating-points-by-label",
    ),
    "calibration": Entry(
        operating_point_tables.calibration_table,
        f"Calibration slope and intercept: {_ASK} --add calibration.",
        "calibration",
    ),
    "subgroups": Entry(
        subgroup_tables.subgroups_table,
        f"Subgroups: {_ASK} --add subgroups; the predictions need a column group_<name>.",
        "subgroups",
    ),
    "subgroup-differences": Entry(
        subgroup_tables.subgroup_differences_table,
        f"Differences within subgroups: {_ASK} --add subgroups.",
        "subgroup-differences",
    ),
    "gaps": Entry(subgroup_tables.gaps_table, f"Gaps between subgroups: {_ASK} --add subgroups.", "gaps"),
    "size-effects": Entry(
        size_effects_table, "Differences and training-set size: arms need two training sizes.", "size-effects"
    ),
    "dynamics": Entry(dynamics_table, "The course of training: no run recorded its history.", "dynamics"),
    "thresholds": Entry(
        label_tables.thresholds_table, "Thresholds: no metric of these results needs one.", "thresholds"
    ),
    "teachers-on-target": Entry(
        teachers_on_target_table,
        "Teachers on the target: no run learnt from one, or none recorded it.",
        "teachers-on-target",
    ),
    "teachers": Entry(teachers_table, "Teachers: none was trained in these runs.", "teachers"),
}


@dataclass(frozen=True)
class Contents:
    """The tables of a report."""

    tables: Mapping[str, Table | None]

    @property
    def present(self) -> dict[str, Table]:
        """Those that the results hold something for."""
        return {name: table for name, table in self.tables.items() if table is not None}

    @property
    def missing(self) -> list[str]:
        """A line for each of the others."""
        return [TABLES[name].missing for name, table in self.tables.items() if table is None]


def contents(lookup: Lookup) -> Contents:
    """Build every table."""
    return Contents({name: entry.build(lookup) for name, entry in TABLES.items()})
