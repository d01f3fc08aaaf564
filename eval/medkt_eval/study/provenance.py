"""Provenance: the `settings` and `inputs` of results.json, from which an evaluation can be repeated.

In: the inputs, the options and the request of an evaluation. Out: `Settings` and `Input` rows.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata

from medkt_eval.results.settings import Input, Settings, Software
from medkt_eval.study.inputs import Inputs
from medkt_eval.study.options import EvaluationOptions
from medkt_eval.study.primary import adjustments, primary_by_id
from medkt_eval.study.requests import Request

PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "statsmodels", "numba")  # that numbers depend on


def input_rows(inputs: Inputs) -> list[Input]:
    """The prediction file of each run, with its hash."""
    return [Input(run_id=run.manifest.run_id, sha256=run.sha256()) for run in inputs.runs]


def settings_of(
    inputs: Inputs,
    request: Request,
    baselines: Mapping[tuple[str, int | None, str], str],
    options: EvaluationOptions,
    notes: Sequence[str],
) -> Settings:
    """Every choice of the analysis, as it was used.

    Parameters
    ----------
    inputs : Inputs
    request : Request
    baselines : mapping of (data set, training size, student) to arm id
    options : EvaluationOptions
    notes : sequence of str
        What the reader must know.
    """
    declaration = inputs.declaration
    return Settings(
        level=options.level,
        replicates=options.replicates or None,
        seed=options.seed if options.replicates else None,
        adjustment=adjustments(declaration.analysis),
        baseline={"/".join(str(part) for part in key): arm for key, arm in baselines.items()},
        comparisons=options.comparisons,
        declared=declaration.when,
        margin_from=declaration.margin_from,
        study=declaration.study,
        study_sha256=declaration.sha256,
        software=Software(
            medkt=metadata.version("medkt"),
            python=platform.python_version(),
            packages={name: metadata.version(name) for name in PACKAGES},
        ),
        command=options.command,
        notes=list(notes),
        add=list(request.names),
        **inputs.analysis.model_dump(exclude={"baseline", "primary", "add", "identical_runs"}),
        primary=primary_by_id(declaration.analysis, inputs.arms),
    )
