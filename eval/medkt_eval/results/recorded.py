"""Rows of results.json on how the arms came about: tuning, training, seeds, networks, pictures, published numbers.

In: what the runs recorded, and the study file's `reference`. Out: rows of `EvaluationResult`. A report shows only what
a run or the study file holds.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Row(BaseModel):
    """A row of results.json: without NaN or infinity, and frozen."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Reference(BaseModel):
    """A published number to compare with: one cell of a paper's table, as a fraction, not in percent."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    source: str = Field(min_length=1, description="whose number it is, as a reader is to see it")
    dataset: str
    train_size: int | None = None
    method: str
    student: str
    teacher: str | None = None
    unfrozen: str = "all"
    metric: str = "auc"
    label: str = "macro"
    value: float = Field(ge=0, le=1)
    half_width: float | None = Field(default=None, ge=0, le=1, description="of its published interval")
    n_seeds: int | None = Field(default=None, ge=1, description="repetitions it is a mean over")


class Tuning(Row):
    """One setting of a tuning grid and what it reached on the validation images: Table III and its curve."""

    grid: str
    dataset: str
    train_size: int | None
    arm: str = Field(description="the run id without its seed; of the settings not chosen it is in no other list")
    method: str
    student: str
    teacher: str | None
    unfrozen: str | None
    varied: dict[str, Any] = Field(description="the settings in which the arms of the grid differ")
    metric: str
    label: str
    seeds: list[int]
    values: list[float] = Field(description="validation metric of each seed's selected epoch")
    value: float = Field(description="their mean, by which the setting is chosen")
    chosen: bool


class Dynamics(Row):
    """How training went, measured on its learning curves: one arm's mean over seeds, or arm a minus arm b."""

    dataset: str
    train_size: int | None
    arm_a: str
    arm_b: str | None = Field(description="null: arm_a's own mean")
    measure: Literal["peak_epoch", "loss_after_peak", "roughness"]
    metric: str = Field(description="the validation metric of the curves")
    label: str
    value: float | None = Field(description="mean over seeds, or difference of means; epochs, or fractions")
    values_a: list[float] = Field(description="seed by seed")
    values_b: list[float] | None = None
    last_epoch: float | None = Field(
        default=None, description="of those that all these runs have; a peak there may not be one"
    )
    se: float | None
    low: float | None
    high: float | None
    level: float
    test: str = Field(description="t-welch or t-paired; of one arm: t")
    df: float | None
    p_value: float | None
    undefined_because: str | None = None


class SeedCheck(Row):
    """Whether a run may have failed, and whether it is far from its arm's other seeds; it is kept in any case."""

    run_id: str
    dataset: str
    arm: str
    seed: int
    validation_auc: float | None = Field(description="macro, over the labels that have one")
    low: float | None = Field(description="of the validation AUC, over patients")
    high: float | None
    level: float
    interval: str
    diverged_because: str | None = Field(description="what its records say; null: they show no divergence")
    failed: bool | None = Field(description="it diverged, or low is 0.5 or less; null: neither is known")
    metric: str = Field(description="of value, by which seeds are outlying: the primary contrast's, or auc")
    label: str
    value: float | None = Field(description="on the test images")
    deviations: float | None = Field(
        description="median absolute deviations from the arm's median; null: under 4 seeds, or that deviation is 0"
    )
    outlying: bool | None = Field(description="more than 5 such deviations")
    undefined_because: str | None = Field(default=None, description="why there is no interval of the validation AUC")


class FailureRate(Row):
    """How many runs of an arm may have failed, and the largest failure rate that so few runs do not exclude."""

    dataset: str
    arm: str
    n_seeds: int
    n_checked: int = Field(description="runs of which it is known; see seed_checks")
    n_failed: int
    high: float | None = Field(description="exact one-sided limit (Clopper-Pearson)")
    level: float
    undefined_because: str | None = None


class SeedCorrelation(Row):
    """How alike runs of one seed are in two arms: the correlation of their values over the seeds that both have."""

    dataset: str
    arm_a: str
    arm_b: str
    metric: str
    label: str
    value: float | None
    low: float | None = Field(description="Fisher's interval; null below four seeds")
    high: float | None
    level: float
    n_seeds: int = Field(description="shared by both arms")
    undefined_because: str | None = Field(default=None, description="why there is no correlation, or no interval of it")


class StudyFamilyMember(Row):
    """A comparison in the one family of the whole study, with limits that hold for all members at once."""

    dataset: str
    arm_a: str
    arm_b: str
    metric: str
    label: str
    family: str | None = Field(description="the family of the same comparison in comparisons")
    difference: float | None
    p_value: float | None = Field(description="not adjusted")
    p_adjusted: float | None
    low: float | None
    high: float | None
    level: float = Field(description="of all limits at once")
    method: Literal["holm", "bonferroni"] = Field(
        description="holm: in each direction, with the limits of Strassburger-Bretz and Guilbaud"
    )
    size: int = Field(description="members; those without a p-value count, too")
    undefined_because: str | None = None


class LogitSizeEffect(Row):
    """A size effect on the logit scale: differences of logits of the arms' means."""

    difference_small: float | None
    difference_large: float | None
    difference: float | None = Field(description="small minus large: above 0, the advantage fades")
    se: float | None
    low: float | None
    high: float | None
    statistic: float | None
    df: float | None
    p_value: float | None
    p_adjusted: float | None = Field(description="by Holm, in a family of its own")
    undefined_because: str | None = None


class SizeEffect(Row):
    """How much larger a difference between two arms is on the small training set than on the large one."""

    dataset: str
    metric: str
    label: str
    arms_small: tuple[str, str] = Field(description="arm a and arm b at the smallest training size")
    arms_large: tuple[str, str] = Field(description="the same two recipes at the largest")
    size_small: int
    size_large: int
    difference_small: float | None = Field(description="a - b")
    difference_large: float | None
    difference: float | None = Field(description="difference_small - difference_large: above 0, the advantage fades")
    se: float | None
    low: float | None
    high: float | None
    level: float
    test: str
    scope: Literal["seeds+patients"]
    statistic: float | None
    df: float | None
    p_value: float | None
    p_adjusted: float | None
    adjustment: str
    family: str
    n_patients: int | None
    undefined_because: str | None = None
    logit: LogitSizeEffect | None = Field(default=None, description="null: the metric does not lie between 0 and 1")


class TeacherAuc(Row):
    """A teacher's own AUC on its students' test images, for one label."""

    dataset: str
    teacher: str = Field(description="its name in the study")
    architecture: str | None
    sha256: str | None = Field(description="of its weights")
    label: str
    auc: float | None
    split: str
    undefined_because: str | None = None


class Stage(Row):
    """One row of an architecture: what it does and what comes out of it."""

    name: str
    operations: list[str] = Field(description="'7 × 7 convolution, stride 2'")
    repeats: int = 1
    channels: int
    height: int | None = Field(description="of its output; null after pooling to a vector")
    width: int | None
    parameters: int
    tap: bool = Field(default=False, description="attention is compared here")


class Architecture(Row):
    """A student's network, read off the model that was trained: Table VI."""

    student: str
    dataset: str
    run_id: str
    image_size_px: int
    n_outputs: int
    total_parameters: int
    stages: list[Stage]


class Picture(Row):
    """A small picture that a run kept: a test image, or a map of attention on one."""

    kind: Literal["sample", "attention"]
    dataset: str
    run_id: str
    arm: str
    image_id: str
    shows: list[str] = Field(description="labels of the image; for multi-class its class")
    layer: Literal["image", "student", "teacher"]
    of: str = Field(default="", description="of a map: the network and layer it was read at")
    file: str = Field(description="relative to the folder of results.json, '/' between parts")
    sha256: str
    width_px: int
    height_px: int
