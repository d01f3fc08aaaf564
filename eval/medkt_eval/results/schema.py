"""The typed results of an evaluation and their file, results.json (format 1).

In: what evaluation.py computed. Out: results.json, from which every table, figure and sentence of a report is drawn.
Fractions lie in 0-1. A value that does not exist is null and `undefined_because` says why: never 0, never NaN.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medkt_eval.errors import InputError
from medkt_eval.results.cross_checks import first_fault
from medkt_eval.results.recorded import (
    Architecture,
    Dynamics,
    FailureRate,
    Picture,
    Row,
    SeedCheck,
    SeedCorrelation,
    SizeEffect,
    StudyFamilyMember,
    TeacherAuc,
    Tuning,
)
from medkt_eval.results.settings import Input, Settings
from medkt_eval.runtime.atomic_files import write_text_atomically
from medkt_eval.runtime.reading.text import read_text

FORMAT = 1
MOST_BYTES = 256 * 2**20  # ten times the largest results.json that is known
_CONTROL = re.compile(r"\\+u(?:00(?:0[0-8bcefBCEF]|1[0-9a-fA-F])|[fF]{3}[eEfF])")
"""Characters that SVG cannot hold, as JSON escapes them, if the number of backslashes is odd."""

Scope = Literal["seeds", "patients", "seeds+patients", "images"]


class Split(Row):
    """One part of a data set."""

    n_images: int | None = None
    n_patients: int | None = None
    sha256: str | None = Field(default=None, description="of the sorted image ids")
    n_positive: dict[str, int] = Field(default_factory=dict, description="label -> images with it (or of that class)")


class Dataset(Row):
    """A data set as its runs recorded it: Tables I and II."""

    dataset: str
    task: Literal["multilabel", "multiclass"]
    labels: list[str]
    splits: dict[str, Split] = Field(description="'train <size>', 'validation', 'test'")
    synthetic: bool = False
    source: str = ""
    labelling: str = ""
    views: str = ""
    patients_in_two_splits: int | None = None
    training_sample: Literal["fixed", "redrawn with each seed", "mixed", "unknown"] = Field(
        default="unknown", description="over the seeds of each arm; mixed: fixed in some, redrawn in others"
    )


class Arm(Row):
    """What is compared: the fields of `arm` in run.json, and what its runs had in common."""

    arm: str = Field(description="the run id without its seed")
    name: str = Field(description="for people")
    role: Literal["arm", "teacher"] = "arm"
    dataset: str
    task: Literal["multilabel", "multiclass"]
    train_size: int | None
    method: str
    student: str
    teacher: str | None
    unfrozen: str | None
    trainable_parameters: int | None
    total_parameters: int | None
    settings: dict[str, Any]
    seeds: list[int]
    seconds: list[float | None] = Field(default_factory=list, description="training time of each run")
    training_sha256: list[str | None] = Field(default_factory=list, description="of each run's training image ids")
    validation_sha256: list[str | None] = Field(default_factory=list, description="of each run's validation image ids")
    teacher_sha256: list[str | None] = Field(default_factory=list, description="of the weights of each run's teacher")
    selection: list[dict[str, Any] | None] = Field(default_factory=list, description="each run's selected epoch")
    settings_tried: int = Field(default=1, description="of the tuning grid that it won; 1: it was not tuned here")
    selected_on_these_seeds: bool = Field(default=False, description="it won its grid on the seeds it is compared on")

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Ids of its runs, in the order of `seeds`."""
        return tuple(f"{self.arm}-s{seed}" for seed in self.seeds)


class RunValue(Row):
    """A metric of one run on the test images."""

    run_id: str
    dataset: str
    arm: str
    seed: int
    metric: str
    label: str
    group: str | None = None
    value: float | None
    n_images: int
    n_positive: int | None
    undefined_because: str | None = None


class Estimate(Row):
    """An arm's metric, the mean over its seeds, with one interval."""

    dataset: str
    arm: str
    metric: str
    label: str
    group: str | None = None
    value: float | None
    se: float | None
    low: float | None
    high: float | None
    level: float
    interval: str = Field(description="scope:method, see docs/statistics.md")
    df: float | None
    n_seeds: int
    n_patients: int | None
    n_images: int
    n_positive: int | None
    undefined_replicates: int | None = Field(default=None, description="of the bootstrap; null where none were drawn")
    note: str | None = Field(default=None, description="what the reader of this interval must know")
    undefined_because: str | None = None


class Comparison(Row):
    """Arm a minus arm b on one metric, with one test."""

    dataset: str
    arm_a: str
    arm_b: str = Field(description="the baseline, where one of the two is")
    metric: str
    label: str
    group: str | None = None
    difference: float | None
    se: float | None
    low: float | None
    high: float | None
    level: float
    test: str
    scope: Scope
    statistic: float | None
    df: float | None
    df_hillis: float | None = None
    p_value: float | None
    p_adjusted: float | None
    adjustment: str | None = Field(description="null: not adjusted")
    family: str | None
    kind: Literal["declared", "all", "table"] = Field(
        default="declared",
        description="declared beforehand or by default; asked for with --comparisons all; or for a table's marks",
    )
    primary: bool = False
    secondary: bool = Field(default=False, description="on another metric than the study's main one")
    margin: float | None = Field(default=None, description="what it was tested against, where it was")
    probability_a_above_b: float | None = Field(
        default=None, description="P(A > B) over pairs of seeds, or over replicates and pairs; see docs/statistics.md"
    )
    probability_descriptive: bool | None = Field(
        default=None, description="whether P(A > B) only describes these runs: an arm has fewer than 29"
    )
    low_bonferroni: float | None = Field(default=None, description="at 1 - (1 - level) / family size, on request")
    high_bonferroni: float | None = None
    n_seeds_a: int
    n_seeds_b: int
    n_patients: int | None
    n_images: int
    n_positive: int | None = None
    undefined_replicates: int | None = Field(default=None, description="of the bootstrap; null where none were drawn")
    note: str | None = Field(default=None, description="what binds this test, e.g. the smallest p it can give")
    undefined_because: str | None = None


class VarianceComponent(Row):
    """What a difference's variance is made of, for planning: see docs/statistics.md."""

    dataset: str
    arm_a: str
    arm_b: str
    metric: str
    label: str
    component: str
    value: float | None
    n_seeds_a: int
    n_seeds_b: int
    n_patients: int
    df_patients: float
    undefined_because: str | None = None


class Omnibus(Row):
    """A test of all arms at once, or of arms over several data sets."""

    test: Literal["box-f", "friedman"]
    scope: Scope | Literal["data sets"]
    datasets: list[str]
    train_size: int | None = None
    arms: list[str] = Field(description="ids; for several data sets: names")
    metric: str
    label: str
    statistic: float | None
    df1: float | None
    df2: float | None
    p_value: float | None
    mean_ranks: list[float] | None = Field(default=None, description="of the arms, 1 is best")
    critical_difference: float | None = Field(default=None, description="of two mean ranks (Nemenyi)")
    p_nemenyi: list[list[float]] | None = None
    descriptive: bool = Field(default=False, description="too few data sets to test: read it as a description")
    undefined_because: str | None = None


class Gap(Row):
    """A metric on a group's images less that on all other images that name a group; or two arms' difference in it."""

    dataset: str
    group: str = Field(description="'sex=F'")
    arm_a: str
    arm_b: str | None = Field(description="null: the gap of arm_a; else arm_a's gap less arm_b's")
    metric: str
    label: str
    difference: float | None
    se: float | None
    low: float | None
    high: float | None
    level: float
    test: str
    scope: Scope
    statistic: float | None
    df: float | None
    p_value: float | None
    p_adjusted: float | None
    adjustment: str
    family: str
    n_patients: int | None
    n_images: int = Field(description="of the group")
    undefined_because: str | None = None


class Threshold(Row):
    """The threshold of one run and label, chosen on its validation predictions."""

    run_id: str
    label: str
    rule: str
    value: float | None
    undefined_because: str | None = None


class Curve(Row):
    """A curve with its band: a metric against epochs or training-set size, ROC, reliability, ..."""

    curve: Literal["learning", "data-size", "roc", "precision-recall", "reliability", "net-benefit"]
    dataset: str
    arm: str = Field(description="of a data-size curve: the arm of its largest training size")
    arms: list[str] | None = Field(default=None, description="of a data-size curve: the arm at each x")
    run_id: str | None = Field(default=None, description="one run's curve; null: the mean over seeds")
    metric: str
    label: str
    x_name: str
    x: list[float]
    y: list[float | None]
    low: list[float | None] | None = None
    high: list[float | None] | None = None
    interval: str | None = None
    level: float | None = None
    reference: list[float] | None = Field(default=None, description="what y is read against: perfect, treat all, ...")
    n_seeds: int


class EvaluationResult(BaseModel):
    """The content of results.json: all results of an evaluation."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    format: int = FORMAT
    created: str = Field(description="UTC, ISO 8601")
    inputs: list[Input]
    settings: Settings
    datasets: list[Dataset]
    arms: list[Arm]
    runs: list[RunValue]
    estimates: list[Estimate]
    comparisons: list[Comparison]
    study_family: list[StudyFamilyMember] = Field(default_factory=list, description="on request")
    thresholds: list[Threshold] = Field(default_factory=list)
    variance_components: list[VarianceComponent] = Field(default_factory=list)
    seed_correlations: list[SeedCorrelation] = Field(default_factory=list, description="of runs of one seed")
    omnibus: list[Omnibus] = Field(default_factory=list)
    gaps: list[Gap] = Field(default_factory=list, description="between subgroups, where they were asked for")
    size_effects: list[SizeEffect] = Field(default_factory=list, description="where arms have two training sizes")
    curves: list[Curve] = Field(default_factory=list)
    teachers: list[TeacherAuc] = Field(
        default_factory=list, description="their own AUC on the target, as runs recorded it"
    )
    tuning: list[Tuning] = Field(default_factory=list, description="every setting of every grid")
    seed_checks: list[SeedCheck] = Field(default_factory=list, description="of every run: failed, or outlying?")
    failure_rates: list[FailureRate] = Field(default_factory=list, description="of every arm")
    dynamics: list[Dynamics] = Field(default_factory=list, description="peak, loss after it, roughness of training")
    architectures: list[Architecture] = Field(default_factory=list)
    pictures: list[Picture] = Field(default_factory=list)

    def text(self) -> str:
        """Return the text of results.json."""
        return self.model_dump_json(indent=1) + "\n"

    def write(self, path: Path) -> None:
        """Write results.json; an interrupted write leaves no file."""
        write_text_atomically(path, self.text())

    @classmethod
    def read(cls, path: Path) -> EvaluationResult:
        """Read results.json.

        Raises
        ------
        InputError
            If the file is absent, too large, not results.json of format 1, or does not hang together.
        """
        expected = "a results.json that medkt evaluate wrote"
        text = read_text(path, expected, most=MOST_BYTES)
        for found in _CONTROL.finditer(text):
            if found[0].count("\\") % 2:
                line = text.count("\n", 0, found.start()) + 1
                raise InputError(
                    f"{path}: line {line} holds the character U+{found[0][-4:].upper()}; expected {expected}"
                )
        try:
            result = cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole file"
            raise InputError(f"{path}: {where}: {first['msg']}; expected results.json of format {FORMAT}") from error
        if result.format != FORMAT:
            raise InputError(f"{path}: format is {result.format}; this medkt reads format {FORMAT}")
        if fault := first_fault(result):
            raise InputError(f"{path}: {fault}; the file was changed after medkt evaluate wrote it: evaluate again")
        return result
