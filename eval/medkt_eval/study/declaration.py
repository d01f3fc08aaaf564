"""The analysis that a study declares before test predictions exist: the `[analysis]` table of a study file.

In: a study file (TOML) or `runs/study.json`. Out: `Analysis` and where it came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from medkt_eval.errors import InputError
from medkt_eval.metrics.thresholds import check_rule
from medkt_eval.results.label_latex import LabelLatex
from medkt_eval.results.recorded import Reference
from medkt_eval.results.vocabulary import AVERAGES, METRICS, ROOTS
from medkt_eval.runtime.nearest_name import expected_one_of, nearest
from medkt_eval.runtime.reading.files import is_listed
from medkt_eval.runtime.reading.text import parse_toml, read_json, read_text
from medkt_eval.runtime.validation import validated


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"{name!r} is no metric; {expected_one_of(name, METRICS)}")
    if not METRICS[name].is_compared:
        raise ValueError(f"differences of arms are not tested on {name!r}; expected {' or '.join(ROOTS)}")
    return name


_OF_TRAINING = ("name", "data", "training", "teachers", "arms", "report")  # what a study file holds besides [analysis]


class Primary(BaseModel):
    """A contrast that was named in advance: arm_a minus arm_b."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arm_a: str
    arm_b: str
    metric: Annotated[str, AfterValidator(_known_metric)] = "auc"
    label: str = "macro"
    margin: float | None = Field(default=None, gt=0, lt=1, description="of this contrast; none: the study's")

    @model_validator(mode="after")
    def _average_exists(self) -> Primary:
        averages = METRICS[self.metric].averages
        if self.label in AVERAGES and self.label not in averages:
            known = f"the averages {', '.join(averages)}" if averages else "a label: it has no average"
            raise ValueError(f"label is {self.label!r}, but {self.metric} has {known}")
        return self


def _one_or_several(value: object) -> str:
    return "several" if isinstance(value, list) else "one"


Primaries = Annotated[
    Annotated[Primary, Tag("one")] | Annotated[list[Primary], Field(min_length=1), Tag("several")],
    Discriminator(_one_or_several),
]
"""One contrast, which is not adjusted; or a list, which form one Holm family."""


class Analysis(BaseModel):
    """How to analyse the runs of a study. Arms are given by their name or their id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    baseline: str | None = Field(default=None, description="arm that the others are compared with")
    primary: Primaries | None = None
    seeds: Literal["nested", "crossed"] = "nested"
    degrees_of_freedom: Literal["satterthwaite", "hillis"] = Field(
        default="satterthwaite", description="of the primary analysis; hillis: as other software, to compare with it"
    )
    margin: float | None = Field(default=None, gt=0, lt=1, description="equivalence margin, as a fraction")
    non_inferiority_level: float | None = Field(
        default=None, gt=0, lt=0.5, description="one-sided level of non-inferiority, e.g. 0.025; none: 1 - level"
    )
    study_family: Literal["holm", "bonferroni"] | None = Field(
        default=None, description="one family over the whole study, with simultaneous limits"
    )
    threshold_rule: Annotated[str, AfterValidator(check_rule)] = Field(
        default="max_f1", description="max_f1, youden, sensitivity=0.9 or fixed=0.5; see thresholds.choose"
    )
    thresholds: Literal["fixed", "refit"] = Field(
        default="fixed", description="refit: choose them again in each bootstrap replicate, on resampled validation"
    )
    resample: Literal["patients", "stratified"] = Field(
        default="patients", description="stratified: by the rarest label that a patient has; see strata.patient_strata"
    )
    labels_defined: Literal["all", "defined"] = Field(
        default="all", description="an average with a label that has no value: null, or over the labels that have one"
    )
    average_labels: list[str] = Field(
        default_factory=list, description="labels that macro and weighted averages are over; empty: all"
    )
    confirmatory_labels: list[str] = Field(default_factory=list, description="tested in one Holm family, not explored")
    specificity: float = Field(default=0.9, gt=0, lt=1, description="of sensitivity_at_specificity")
    add: list[str] = Field(default_factory=list, description="metrics, intervals and tests besides the default ones")
    ordered: bool = Field(default=False, description="classes are ordered")
    independent_images: bool = Field(default=False, description="one image a patient, so no patient_id is needed")
    identical_runs: bool = Field(default=False, description="runs may have identical predictions")
    label_latex: dict[str, LabelLatex] = Field(default_factory=dict)
    reference: list[Reference] = Field(default_factory=list, description="published numbers to set beside ours")

    @model_validator(mode="after")
    def _something_to_refit(self) -> Analysis:
        if self.thresholds == "refit" and self.threshold_rule.startswith("fixed"):
            raise ValueError(
                f"thresholds = 'refit' chooses them again, but threshold_rule = {self.threshold_rule!r} chooses none; "
                "expected max_f1, youden or sensitivity=0.9"
            )
        return self

    @model_validator(mode="after")
    def _each_label_once(self) -> Analysis:
        for key in ("average_labels", "confirmatory_labels"):
            labels = getattr(self, key)
            if twice := [label for label in dict.fromkeys(labels) if labels.count(label) > 1]:
                raise ValueError(f"{key} names {twice[0]!r} twice; expected each label once")
        return self

    @model_validator(mode="after")
    def _each_primary_once(self) -> Analysis:
        directions: dict[frozenset[str], str] = {}
        seen = set()
        for primary in self.primaries:
            contrast = (primary.arm_a, primary.arm_b, primary.metric, primary.label)
            first = directions.setdefault(frozenset(contrast[:2]), primary.arm_a)
            if first != primary.arm_a or contrast in seen:
                raise ValueError(
                    f"primary names {primary.arm_a} - {primary.arm_b} on {primary.metric} {primary.label} "
                    + ("twice" if contrast in seen else f"and also {primary.arm_b} - {primary.arm_a}")
                    + "; expected each contrast once, and two arms always in one order"
                )
            seen.add(contrast)
        return self

    @property
    def requested(self) -> list[str]:
        """What is computed besides the defaults: `add`, and the metrics and averages of the primary contrasts."""
        of_primaries = []
        for primary in self.primaries:
            metric = METRICS[primary.metric]
            if not metric.default:
                of_primaries.append("calibration" if metric.kind == "calibration" else primary.metric)
            if primary.label in AVERAGES and not AVERAGES[primary.label].default:
                of_primaries.append(primary.label)
        return list(dict.fromkeys([*self.add, *of_primaries]))

    @property
    def primaries(self) -> tuple[Primary, ...]:
        """The primary contrasts; empty if none was named."""
        return tuple(self.primaries_by_key.values())

    @property
    def primaries_by_key(self) -> dict[str, Primary]:
        """The primary contrasts by their key in the file: `primary`, or `primary.0` and so on."""
        if isinstance(self.primary, list):
            return {f"primary.{k}": primary for k, primary in enumerate(self.primary)}
        return {} if self.primary is None else {"primary": self.primary}


@dataclass(frozen=True)
class Declaration:
    """An analysis, and where it was declared."""

    analysis: Analysis
    study: str | None = None
    sha256: str | None = None  # of the study file's text
    recorded: bool = False  # by medkt train, beside the runs
    replaced: bool = False  # its primary contrast was changed after the first runs had finished
    notes: tuple[str, ...] = ()
    margin_at_evaluation: bool = False  # not by the study file

    def with_analysis(self, analysis: Analysis) -> Declaration:
        """The same declaration with another analysis."""
        return replace(self, analysis=analysis)

    @property
    def margin_from(self) -> Literal["study file", "evaluation"] | None:
        """Where the margin was given; None: there is none."""
        if self.analysis.margin is None:
            return None
        return "evaluation" if self.margin_at_evaluation else "study file"

    @property
    def when(self) -> Literal["before", "after", "unknown"]:
        """Whether the analysis was declared before test predictions existed, as far as it is recorded."""
        if not self.recorded:
            return "unknown"
        return "after" if self.replaced else "before"


def read_declaration(runs: Path | None, study: Path | None) -> Declaration:
    """Analysis from `study` where given, else from `runs/study.json` where there is such a folder, else the defaults.

    Raises
    ------
    InputError
        If a file cannot be read, has no `[analysis]`, or `[analysis]` holds an unknown key or a wrong value.
    """
    if study is not None:
        text = read_text(study, "a study file")
        table = parse_toml(text, str(study), "a study file")
        name = str(table.get("name", study.stem))
        _check_analysis_is_there(table, study)
        analysis = validated(Analysis, table.get("analysis", {}), f"{study}: [analysis]")
        return Declaration(analysis, name, hashlib.sha256(text.encode()).hexdigest())
    recorded = None if runs is None else runs / "study.json"
    if recorded is None or not is_listed(recorded):
        return Declaration(Analysis())
    table = read_json(recorded, "what medkt train wrote")
    try:
        analysis, name, sha256 = table["analysis"], table.get("name"), table.get("sha256")
        earlier = table.get("earlier", [])
        if not isinstance(name, str | None) or not isinstance(sha256, str | None):
            raise TypeError("name and sha256 are text")
        if not isinstance(earlier, list) or not all(isinstance(file, dict) for file in earlier):
            raise TypeError("earlier is a list of tables")
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{recorded}: not a study.json of medkt train ({error!r}); remove it or give --study"
        ) from error
    parsed = validated(Analysis, analysis, f"{recorded}: analysis")
    replaced = bool(earlier) and not (earlier[0].get("same_contrast") is True or earlier[0].get("sha256") == sha256)
    notes = _notes_on_edits(earlier, replaced=replaced, contrast=parsed.primary is not None)
    return Declaration(parsed, name, sha256, recorded=True, replaced=replaced, notes=notes)


def _check_analysis_is_there(table: Mapping[str, object], study: Path) -> None:
    """Refuse a study file without `[analysis]`, unless all of it is what medkt train reads: it leaves the defaults."""
    unknown = [key for key in table if key not in _OF_TRAINING]
    if "analysis" in table or ("arms" in table and not unknown):
        return
    found = f"it holds {', '.join(map(repr, table))}" if table else "the file is empty"
    misspelt = next((key for key in unknown if nearest(key, ["analysis"])), None)
    misplaced = next((key for key in unknown if key in Analysis.model_fields), None)
    if misspelt is not None:
        hint = f"; did you mean 'analysis' instead of {misspelt!r}?"
    elif misplaced is not None:
        inside = f"[analysis.{misplaced}]" if isinstance(table[misplaced], dict) else "a line [analysis] above it"
        hint = f"; {misplaced!r} belongs into that table: write {inside}"
    else:
        hint = ""
    raise InputError(f"{study}: has no table [analysis], and {found}; expected a table [analysis]{hint}")


def _notes_on_edits(earlier: Sequence[Mapping[str, object]], *, replaced: bool, contrast: bool) -> tuple[str, ...]:
    """Notes on the study files that were replaced after the first runs had finished."""
    if not earlier:
        return ()
    times = "once" if len(earlier) == 1 else f"{len(earlier)} times"
    edited = f"the study file was edited {times} after its first runs had finished"
    if not contrast:
        return (edited,)
    if replaced:
        return (f"{edited}, which changed its primary contrast: restoring the contrast in it keeps the declaration",)
    notes = [f"{edited}; its primary contrast is the one declared before"]
    if earlier[0].get("seeds_added") is True:
        notes.append(
            "seeds were added to the primary contrast after its first runs had finished: if their results were read "
            "in between, its p-value is too small"
        )
    return tuple(notes)
