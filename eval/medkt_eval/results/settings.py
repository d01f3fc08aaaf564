"""How the results came about: the prediction files that were read, the software, and every choice of the analysis.

In: the study's `[analysis]`, the options of the evaluation. Out: `inputs` and `settings` of results.json.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from medkt_eval.results.label_latex import LabelLatex
from medkt_eval.results.recorded import Reference, Row


class Input(Row):
    """A prediction file that was read."""

    run_id: str
    sha256: str


class Software(Row):
    """What computed the results."""

    medkt: str
    python: str
    packages: dict[str, str]


class Settings(Row):
    """Every choice the analysis made, as used."""

    level: float = Field(description="confidence level of every interval")
    replicates: int | None = Field(default=None, description="bootstrap replicates; null where none were drawn")
    seed: int | None = Field(default=None, description="seed of the random numbers; null where none were drawn")
    adjustment: dict[str, str] = Field(description="family pattern -> method of adjustment")
    margin: float | None = None
    margin_from: Literal["study file", "evaluation"] | None = Field(
        default=None, description="evaluation: it was given when predictions existed; null: none, or not recorded"
    )
    non_inferiority_level: float | None = Field(
        default=None, description="one-sided level of non-inferiority; null: 1 - level, as equivalence"
    )
    study_family: Literal["holm", "bonferroni"] | None = Field(
        default=None, description="how the one family of the whole study is adjusted; null: there is none"
    )
    seeds: Literal["nested", "crossed"] = "nested"
    degrees_of_freedom: Literal["satterthwaite", "hillis"] = "satterthwaite"
    baseline: dict[str, str] = Field(default_factory=dict, description="data set and training size -> baseline arm")
    comparisons: Literal["default", "all"] = "default"
    primary: dict[str, Any] | list[dict[str, Any]] | None = Field(
        default=None, description="the contrast named in the study file, or a list of several; see declared"
    )
    threshold_rule: str = "max_f1"
    thresholds: Literal["fixed", "refit"] = Field(
        default="fixed", description="refit: chosen again in each replicate, on resampled validation patients"
    )
    resample: Literal["patients", "stratified"] = Field(
        default="patients", description="how replicates draw patients; stratified: by their rarest label"
    )
    labels_defined: Literal["all", "defined"] = "all"
    average_labels: list[str] = Field(
        default_factory=list, description="labels that macro and weighted averages are over; empty: all"
    )
    confirmatory_labels: list[str] = Field(
        default_factory=list, description="one Holm family over labels x comparisons"
    )
    specificity: float = Field(default=0.9, description="of sensitivity_at_specificity")
    add: list[str] = Field(
        default_factory=list, description="metrics, intervals and tests asked for besides the default"
    )
    ordered: bool = False
    independent_images: bool = False
    label_latex: dict[str, LabelLatex] = Field(default_factory=dict)
    reference: list[Reference] = Field(default_factory=list, description="published numbers to set beside ours")
    declared: Literal["before", "after", "unknown"] = Field(
        default="unknown", description="when the primary contrast was named: before any run had finished, or after"
    )
    study: str | None = Field(default=None, description="the study file's name")
    study_sha256: str | None = None
    software: Software | None = None
    command: str | None = None
    notes: list[str] = Field(default_factory=list, description="what the reader of a report must know")

    @property
    def primaries(self) -> list[dict[str, Any]]:
        """The primary contrasts; empty if none was named."""
        if self.primary is None:
            return []
        return self.primary if isinstance(self.primary, list) else [self.primary]
