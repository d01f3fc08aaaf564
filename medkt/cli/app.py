"""The command line: train, evaluate, report, table, plan, example, data, teacher.

Each command imports what it needs inside itself, so that `medkt --help` answers at once and evaluation needs no torch.
Exit 0: done. 2: the user's input is wrong, one line on standard error says what and where. 1: anything else.
"""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import ExitStack
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from medkt import __version__
from medkt.cli.data import data_app
from medkt.cli.example import example
from medkt.cli.shared import PLACE, fail, place_given
from medkt.cli.teacher import teacher_app

_NO_IMAGES = "Leave the pictures of test images out of the page."
_PLAIN = "LaTeX tables without siunitx."
app = typer.Typer(
    help="Does one way of transferring knowledge beat another on a medical imaging task, by how much, and how surely?",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class TableFormat(StrEnum):
    """What a table can be rendered as."""

    latex = "latex"
    html = "html"
    csv = "csv"
    markdown = "markdown"


class Mode(StrEnum):
    """Which arms are compared."""

    default = "default"
    all = "all"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"medkt {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


@app.command()
def train(
    study: Annotated[
        Path | None, typer.Argument(help="Study file (TOML), or 'paper' for the paper's. Without one: the demo study.")
    ] = None,
    out: Annotated[Path, typer.Option(parser=place_given, metavar=PLACE, help="Where the run folders go.")] = Path(
        "runs"
    ),
    only: Annotated[str | None, typer.Option(help="Pattern of the run ids to train, e.g. '*-s0'.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs side by side. Default: as the cores allow.")] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder of decoded images. Default: MEDKT_CACHE, else ~/.cache/medkt.", show_default=False),
    ] = None,
    checkpoint_minutes: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Save a run's place whenever so many minutes have passed. Default: after each epoch.",
            show_default=False,
        ),
    ] = None,
    accept_other_threads: Annotated[
        bool,
        typer.Option(
            "--accept-other-threads",
            help="Go on with a run that was begun with other threads or elsewhere; its bits will differ.",
        ),
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Train on a Dask cluster: tcp://HOST:8786, local:N, slurm:cluster.toml (docs/clusters.md).",
            show_default=False,
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Folder for TensorBoard's copy of the histories.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs and the hours they take; no more.")] = False,
    images_per_second: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="With --dry-run: the rate of a step of transfer learning. Default: timed here.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train every run of a study; what is whole is kept, and what was stopped goes on where it stood."""
    # Before torch is imported: two threads that wait busily collapse as soon as anything else uses a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from medkt.study.schema import read_study, shipped_study

    shipped = None if study is not None and study.is_file() else shipped_study("demo" if study is None else str(study))
    settings, text, sha256 = read_study(shipped or study or Path())
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        fail('training needs torch: pip install "medkt[train]" (from a checkout: pip install ".[train]")', 2)
    if dry_run:
        from medkt.study import dry_run as dry

        dry.show(dry.dry_run(settings, images_per_second=images_per_second, tell=partial(print, file=sys.stderr)))
        return

    from rich.console import Console

    from medkt.observers import progress
    from medkt.observers.observer import Observer, Together
    from medkt.observers.tensorboard import TensorBoard
    from medkt.run.worker import Resuming
    from medkt.study.dask_cluster import open_client
    from medkt.study.side_by_side import Stopped
    from medkt.study.study import train_study
    from medkt.training.shards import AnotherFailed, opened
    from medkt_eval.errors import InputError

    try:
        with ExitStack() as stack:
            shards, client, observers = stack.enter_context(opened()), None, list[Observer]()
            if scheduler is not None:
                client = stack.enter_context(open_client(scheduler, partial(print, file=sys.stderr)))
            if shards.leads:
                observers.append(stack.enter_context(progress.observer(Console(stderr=True))))
                observers += [] if tensorboard is None else [TensorBoard(tensorboard)]
            whole = train_study(
                settings,
                text=text,
                sha256=sha256,
                folder=Path() if shipped else (study or Path()).parent,
                out=out,
                only=only,
                jobs=jobs,
                observer=Together(*observers),
                cache=cache,
                resuming=Resuming(checkpoint_minutes, accept_other_threads),
                client=client,
                shards=shards,
            )
    except (KeyboardInterrupt, Stopped):
        fail(f"interrupted. What was done is kept in {out}; the same command goes on where it stopped", 1, once=True)
    except AnotherFailed as failed:
        status = 2 if isinstance(failed.__cause__, InputError) else 1
        fail(f"{failed}. What was saved is kept; the same command goes on from there", status, once=True)
    if shards.leads:
        print(f"{len(whole)} runs in {out}. Next: medkt evaluate {shlex.quote(str(out))}")


@app.command()
def evaluate(
    runs: Annotated[
        Path | None, typer.Argument(parser=place_given, help="Folder of run folders, or its URL.", show_default=False)
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="Instead of RUNS: an arm's prediction files, one a seed, e.g. 'TL=tl_seed*.csv'; the first "
            "arm is the baseline.",
            show_default=False,
        ),
    ] = None,
    validation: Annotated[
        list[str] | None, typer.Option(help="Its validation predictions, for thresholds, likewise.", show_default=False)
    ] = None,
    out: Annotated[
        Path, typer.Option(parser=place_given, metavar=PLACE, help="Where results.json and report/ go: a folder here.")
    ] = Path("evaluation"),
    study: Annotated[Path | None, typer.Option(help="Study file whose [analysis] is used.")] = None,
    level: Annotated[float, typer.Option(help="Confidence level of every interval.")] = 0.95,
    replicates: Annotated[int, typer.Option(help="Bootstrap replicates; 0: none.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of all random numbers.")] = 0,
    comparisons: Annotated[Mode, typer.Option(help="Which arms are compared.")] = Mode.default,
    margin: Annotated[
        float | None, typer.Option(help="Margin of equivalence, as a fraction; else the study's.", show_default=False)
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(
            help="A metric, interval or test besides the default ones, e.g. sensitivity, permutation, "
            "patients:bootstrap-bca, subgroups (docs/statistics.md lists them).",
            show_default=False,
        ),
    ] = None,
    independent_images: Annotated[
        bool, typer.Option("--independent-images", help="Every patient has one image: no patient_id needed.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Compute on a Dask cluster: tcp://HOST:8786, local:N, slurm:cluster.toml (docs/clusters.md).",
            show_default=False,
        ),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write results.json alone.")] = False,
    no_images: Annotated[bool, typer.Option("--no-images", help=_NO_IMAGES)] = False,
) -> None:
    """Compute metrics, intervals and tests; write results.json and the report."""
    from medkt.study.dask_cluster import open_client
    from medkt_eval.errors import InputError
    from medkt_eval.evaluation import evaluate as evaluate_runs
    from medkt_eval.predictions.without_run_json import parse_arms
    from medkt_eval.runtime.dask_execution import DaskExecution
    from medkt_eval.runtime.execution import HERE
    from medkt_eval.runtime.locations import is_remote
    from medkt_eval.training_records.pictures import carry

    if (runs is None) == (not arm):
        raise InputError(
            "evaluate needs either a folder of runs (medkt evaluate runs/) or prediction files "
            "(--arm 'TL=tl_seed*.csv' --arm 'AT=at_seed*.csv'), and not both"
        )
    if is_remote(out):
        raise InputError(f"--out {out}: results and report are written on this machine; expected a folder here")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; expected a folder, or a name that is free")
    with ExitStack() as stack:
        execution = HERE
        if scheduler is not None:
            execution = DaskExecution(stack.enter_context(open_client(scheduler, partial(print, file=sys.stderr))))
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
            independent_images=independent_images,
            command=shlex.join(["medkt", *sys.argv[1:]]),
            execution=execution,
        )
    out.mkdir(parents=True, exist_ok=True)
    carry(result, runs, out)
    result.write(out / "results.json")

    from medkt.cli import summary

    summary.show(result)
    print(f"Results: {out / 'results.json'}")
    if not no_report:
        from medkt_reports.build import write_report

        write_report(result, out / "report", images=None if no_images else out)
        print(f"Report:  {out / 'report' / 'index.html'}")


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="results.json of an evaluation.")],
    out: Annotated[Path | None, typer.Option(help="Where it goes. Default: report/ beside results.json.")] = None,
    templates: Annotated[Path | None, typer.Option(help="Folder of templates to use instead of medkt's.")] = None,
    no_images: Annotated[bool, typer.Option("--no-images", help=_NO_IMAGES)] = False,
    plain: Annotated[bool, typer.Option("--plain", help=_PLAIN)] = False,
) -> None:
    """Write the report of an evaluation again, from results.json alone."""
    from medkt_eval.results.schema import EvaluationResult
    from medkt_reports.build import write_report

    folder = out or results.parent / "report"
    images = None if no_images else results.parent
    write_report(EvaluationResult.read(results), folder, images=images, templates=templates, plain_latex=plain)
    print(f"Report:  {folder / 'index.html'}")


@app.command()
def table(
    results: Annotated[Path, typer.Argument(help="results.json of an evaluation.")],
    table: Annotated[str, typer.Option(help="I to VI, comparisons, labels, reference, subgroups, ...")],
    format: Annotated[TableFormat, typer.Option(help="What to print.")] = TableFormat.latex,  # noqa: A002
    plain: Annotated[bool, typer.Option("--plain", help=_PLAIN)] = False,
) -> None:
    """Print one table to standard output."""
    from medkt_eval.results.schema import EvaluationResult
    from medkt_reports.build import table as render

    print(render(EvaluationResult.read(results), table, format.value, plain_latex=plain))


@app.command()
def plan(
    results: Annotated[Path, typer.Argument(help="results.json of a pilot study.")],
    effect: Annotated[float, typer.Option(help="The difference that would matter, as a fraction, e.g. 0.02.")],
    power: Annotated[float, typer.Option(help="Wanted probability to find it.")] = 0.8,
    level: Annotated[
        float | None, typer.Option(help="Confidence level of the test; else the pilot's.", show_default=False)
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Metric; else the primary contrast's, or auc.", show_default=False)
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Label or average; else the primary contrast's, or macro.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table (CSV) and the figures.", show_default=False)
    ] = None,
) -> None:
    """Seeds and patients needed to find a difference that would matter, and the power of what was run."""
    from medkt.cli import plan as plans
    from medkt_eval.planning.sample_size import plan as make_plan
    from medkt_eval.results.schema import EvaluationResult

    result = EvaluationResult.read(results)
    made = make_plan(result, effect=effect, power=power, level=level, metric=metric, label=label)
    plans.show(made, result)
    if out is not None:
        for path in plans.write(made, result, out):
            print(path)


app.command()(example)
app.add_typer(teacher_app, name="teacher")
app.add_typer(data_app, name="data")


def main() -> None:
    """Run the command line; turn what is known to go wrong into one line and an exit status."""
    from medkt.errors import TrainingError
    from medkt_eval.errors import InputError
    from medkt_eval.runtime.locations import of_storage

    try:
        app()
    except InputError as error:
        fail(str(error), 2, once=True)
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror or error}. What was whole before is kept", 1)
    except TrainingError as error:
        fail(str(error), 1)
    except Exception as error:
        if not of_storage(error):
            raise
        fail(f"object storage: {error}. What was whole before is kept", 1)


if __name__ == "__main__":
    main()
