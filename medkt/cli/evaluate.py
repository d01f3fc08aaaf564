"""The command `medkt evaluate`."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medkt.cli.options import PATH_OR_URL, NoImages, Scheduler, path_or_url

if TYPE_CHECKING:
    from medkt_eval.runtime.dask_execution import DaskExecution


class Mode(StrEnum):
    """Which arms are compared."""

    default = "default"
    all = "all"


Runs = Annotated[
    Path | None, typer.Argument(parser=path_or_url, help="Folder of run folders, or its URL.", show_default=False)
]
Arm = Annotated[
    list[str] | None,
    typer.Option(
        help="Instead of RUNS: the prediction files of an arm, one per seed, e.g. 'TL=tl_seed*.csv'. "
        "The first arm is the baseline.",
        show_default=False,
    ),
]
Validation = Annotated[
    list[str] | None,
    typer.Option(help="The validation predictions of an arm, for its thresholds; as --arm.", show_default=False),
]
Out = Annotated[
    Path,
    typer.Option(parser=path_or_url, metavar=PATH_OR_URL, help="Folder for results.json and report/, on this machine."),
]
StudyFile = Annotated[Path | None, typer.Option(help="Study file whose \\[analysis] is used.")]
Level = Annotated[float, typer.Option(help="Confidence level of every interval.")]
Replicates = Annotated[int, typer.Option(help="Number of bootstrap replicates; 0 for none.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Comparisons = Annotated[Mode, typer.Option(help="Which arms are compared.")]
Margin = Annotated[
    float | None, typer.Option(help="Margin of equivalence, as a fraction. Default: the study's.", show_default=False)
]
NonInferiorityLevel = Annotated[
    float | None,
    typer.Option(
        help="One-sided level of non-inferiority, e.g. 0.025. Default: the study's, or else 1 - level.",
        show_default=False,
    ),
]
Add = Annotated[
    list[str] | None,
    typer.Option(
        help="A metric, interval or test in addition to the default ones, e.g. sensitivity, permutation, "
        "patients:bootstrap-bca, subgroups (docs/statistics.md lists them).",
        show_default=False,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=COLUMN,...",
        help="Which column of the prediction files holds what, if its name is not that of docs/formats.md, e.g. "
        "image_id=path,patient_id=pid,target=y_true,score=y_prob.",
        show_default=False,
    ),
]
IndependentImages = Annotated[
    bool, typer.Option("--independent-images", help="Every patient has one image: no patient_id is needed.")
]
IdenticalRuns = Annotated[
    bool, typer.Option("--identical-runs", help="Accept runs that have identical predictions, with a note.")
]
SharedImages = Annotated[
    bool,
    typer.Option(
        "--shared-images", help="Leave out test images that not every run has, with a caution that says how many."
    ),
]
NoReport = Annotated[bool, typer.Option("--no-report", help="Write results.json only.")]


def evaluate(
    runs: Runs = None,
    arm: Arm = None,
    validation: Validation = None,
    out: Out = Path("evaluation"),
    study: StudyFile = None,
    level: Level = 0.95,
    replicates: Replicates = 2000,
    seed: Seed = 0,
    comparisons: Comparisons = Mode.default,
    margin: Margin = None,
    non_inferiority_level: NonInferiorityLevel = None,
    add: Add = None,
    columns: Columns = None,
    independent_images: IndependentImages = False,
    identical_runs: IdenticalRuns = False,
    shared_images: SharedImages = False,
    scheduler: Scheduler = None,
    no_report: NoReport = False,
    no_images: NoImages = False,
) -> None:
    """Compute metrics, intervals and tests; write results.json and the report."""
    from medkt_eval.compiled import why_slow
    from medkt_eval.evaluation import evaluate as evaluate_runs
    from medkt_eval.predictions.columns.mapping import parse_columns
    from medkt_eval.predictions.without_run_json import parse_arms
    from medkt_eval.runtime.delivery import delivery
    from medkt_eval.runtime.execution import LOCAL

    _check(runs, arm, out)
    if note := why_slow():
        print(f"medkt: {note}", file=sys.stderr)
    with delivery(out) as new, ExitStack() as stack:
        result = evaluate_runs(
            runs if runs is not None else parse_arms(arm or []),
            validation=parse_arms(validation, "--validation") if validation else None,
            study=study,
            level=level,
            replicates=replicates,
            seed=seed,
            comparisons=comparisons.value,
            add=add or [],
            margin=margin,
            columns=parse_columns(",".join(columns)) if columns else None,
            non_inferiority_level=non_inferiority_level,
            independent_images=independent_images,
            identical_runs=identical_runs,
            shared_images=shared_images,
            command=shlex.join(["medkt", *sys.argv[1:]]),
            execution=LOCAL if scheduler is None else _on_cluster(scheduler, stack),
        )
        stack.close()
        # Before anything is printed: where printing fails, the results are there.
        from medkt.cli.output import results_folder, summary

        written = results_folder.write(result, runs, out, new, report=not no_report, images=not no_images)
    summary.show(result)
    for line in written:
        print(line)


def _check(runs: Path | None, arm: list[str] | None, out: Path) -> None:
    """Check what can be checked before predictions are read."""
    from medkt.cli.output.out_folder import check_evaluation
    from medkt_eval.errors import InputError
    from medkt_eval.runtime.locations import is_remote

    if (runs is None) == (not arm):
        raise InputError(
            "evaluate needs either a folder of runs (medkt evaluate runs/) or prediction files "
            "(--arm 'TL=tl_seed*.csv' --arm 'AT=at_seed*.csv'), and not both"
        )
    if is_remote(out):
        raise InputError(f"--out {out}: results and report are written on this machine; expected a folder here")
    check_evaluation(out)


def _on_cluster(scheduler: str, stack: ExitStack) -> DaskExecution:
    """Open a Dask cluster, which `stack` closes."""
    from medkt.study.cluster.scheduler import open_client
    from medkt_eval.runtime.dask_execution import DaskExecution

    return DaskExecution(stack.enter_context(open_client(scheduler, partial(print, file=sys.stderr))))
