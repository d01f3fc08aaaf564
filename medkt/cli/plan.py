"""The command `medkt plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plan(
    results: Annotated[Path, typer.Argument(help="results.json of a pilot study.")],
    effect: Annotated[float, typer.Option(help="The smallest difference that matters, as a fraction, e.g. 0.02.")],
    power: Annotated[float, typer.Option(help="The power to find it.")] = 0.8,
    level: Annotated[
        float | None, typer.Option(help="Confidence level of the test. Default: the pilot's.", show_default=False)
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="Metric. Default: the primary contrast's, or auc.", show_default=False)
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="Label or average. Default: the primary contrast's, or macro.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table (CSV) and the figures.", show_default=False)
    ] = None,
) -> None:
    """Compute the seeds and patients needed to find a difference that matters, and the power of the pilot."""
    from medkt.cli.output import plan as output
    from medkt_eval.planning.sample_size import plan as plan_study
    from medkt_eval.results.schema import EvaluationResult

    pilot = EvaluationResult.read(results)
    study_plan = plan_study(pilot, effect=effect, power=power, level=level, metric=metric, label=label)
    written = [] if out is None else output.write(study_plan, pilot, out)
    output.show(study_plan, pilot)
    for path in written:
        print(path)
