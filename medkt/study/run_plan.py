"""All runs of a study, in an order in which they can be trained.

In: a `Study`. Out: `RunSettings`, teachers first. Nothing is read or written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from medkt.run_settings import RunSettings
from medkt.settings import RANDOM, Architecture
from medkt.study.schema import ArmSettings, Study, changed
from medkt.transfer.settings import TaughtSettings
from medkt.transfer.supervised import Supervised
from medkt_eval.errors import InputError
from medkt_eval.runtime.nearest_name import expected_one_of


def plan(study: Study) -> list[RunSettings]:
    """List all runs of a study, in an order in which they can be trained.

    An arm with several betas is a grid: it has a run for each beta and seed, whose id ends in, for example,
    `-beta20-s0`. The runs' `grid` is the arm's id without the beta. The analysis may name the best of them by the arm's
    name or by that id.

    Raises
    ------
    InputError
        If teachers start from each other in a circle, two arms would have the same run id or grid, or the analysis
        names an unknown arm or more than one contrast.
    """
    runs = [_teacher_run(study, name) for name in _teachers_in_order(study)]
    for arm in study.arms:
        runs += _arm_runs(study, arm)
    _check_ids(runs)
    _check_declared(study, [run for run in runs if run.role == "arm"])
    return runs


def arm_id(run: RunSettings) -> str:
    """Return the id of a run's arm: the run id without the seed; for a grid, also without the beta."""
    return run.grid or run.run_id.removesuffix(f"-s{run.seed}")


def _arm_runs(study: Study, arm: ArmSettings) -> list[RunSettings]:
    """List the runs of an arm: one for each beta and seed."""
    size = arm.train_size if arm.train_size is not None else study.data[arm.data].train_size
    parts = [arm.data, _short(size), arm.method, arm.student, arm.teacher or "none", *_variant(arm)]
    betas: list[float | None] = [*arm.transfer.betas] if isinstance(arm.transfer, TaughtSettings) else [None]
    grid = "-".join(parts) if len(betas) > 1 else None
    return [
        RunSettings(
            run_id="-".join([*parts, *([] if grid is None or beta is None else [_beta(beta)]), f"s{seed}"]),
            role="arm",
            name=arm.name,
            dataset=arm.data,
            data=study.data[arm.data],
            train_size=size,
            method=arm.method,
            student=arm.student,
            seed=seed,
            initialisation=arm.initialisation,
            unfrozen=arm.unfrozen,
            teacher=arm.teacher,
            transfer=arm.transfer if beta is None else arm.transfer.model_copy(update={"beta": beta}),
            grid=grid,
            training=study.training,
        )
        for beta in betas
        for seed in arm.seeds
    ]


def _beta(beta: float) -> str:
    """Write beta as in a run id: 20 is beta20, 0.1 is beta0.1."""
    return f"beta{np.format_float_positional(beta, trim='-')}"


def _variant(arm: ArmSettings) -> list[str]:
    """Return the parts of an arm's run id that say what its other parts do not."""
    if arm.variant is not None:
        return [arm.variant]
    if isinstance(arm.unfrozen, list):
        raise InputError(
            f"arm {arm.name!r}: unfrozen lists layers, which cannot be part of a run id; give it a variant = '...'"
        )
    random = isinstance(arm.transfer, TaughtSettings) and arm.initialisation == RANDOM
    return ([] if arm.unfrozen == "all" else [arm.unfrozen]) + (["random"] if random else [])


def _teacher_run(study: Study, name: str) -> RunSettings:
    teacher = study.teachers[name]
    assert teacher.data is not None  # only trained teachers come here
    student = cast(Architecture, teacher.architecture)  # of a trained teacher, checked in config.py
    data = study.data[teacher.data]
    parts = (teacher.data, _short(data.train_size), "supervised", student, "none", f"s{teacher.seed}")
    return RunSettings(
        run_id="-".join(parts),
        role="teacher",
        name=name,
        dataset=teacher.data,
        data=data,
        train_size=data.train_size,
        method="supervised",
        student=student,
        seed=teacher.seed,
        initialisation=teacher.initialisation,
        transfer=Supervised(method="supervised"),
        training=changed(study.training, teacher.training, f"[teachers.{name}.training]"),
    )


def _teachers_in_order(study: Study) -> list[str]:
    """List the teachers that this study trains, each after the one that it starts from."""
    ordered: list[str] = []

    def add(name: str, after: tuple[str, ...]) -> None:
        if name in after:
            raise InputError(
                f"teachers start from each other in a circle: {' -> '.join((*after, name))}; let one of them start "
                "from 'random', 'imagenet' or a file"
            )
        start = study.teachers[name].initialisation
        if start in study.teachers:
            add(start, (*after, name))
        if study.teachers[name].data is not None and name not in ordered:
            ordered.append(name)

    for name in study.teachers:
        add(name, ())
    return ordered


def _check_ids(runs: Sequence[RunSettings]) -> None:
    """Check that no two arms write the same run or have the same grid."""
    seen: dict[str, RunSettings] = {}
    for run in runs:
        first = seen.setdefault(run.run_id, run)
        if first is not run:
            raise InputError(
                f"{first.name!r} and {run.name!r} would both write {run.run_id}; give an arm a "
                "variant = '...' that says what differs, or a teacher another seed"
            )
    arms: dict[str, RunSettings] = {}
    for run in runs:
        first = arms.setdefault(arm_id(run), run)
        if (first.name, first.grid) != (run.name, run.grid):
            raise InputError(
                f"{first.name!r} and {run.name!r} would both be {arm_id(run)}; give one of them a "
                "variant = '...' that says what differs"
            )


def _check_declared(study: Study, runs: Sequence[RunSettings]) -> None:
    """Check that [analysis] names arms of this study, and that each primary contrast is a single one."""
    named = {"baseline": study.analysis.baseline}
    for key, primary in study.analysis.primaries_by_key.items():
        named |= {f"{key}.arm_a": primary.arm_a, f"{key}.arm_b": primary.arm_b}
    for key, name in named.items():
        if name is not None and not _arms_named(name, runs):
            known = expected_one_of(name, [arm.name for arm in study.arms])
            raise InputError(f"[analysis] {key} is {name!r}, which is no arm of this study; {known}")
    keys: dict[tuple[frozenset[str], str, str], str] = {}
    left_arms: dict[frozenset[str], str] = {}
    for key, primary in study.analysis.primaries_by_key.items():
        a, b = _arms_named(primary.arm_a, runs), _arms_named(primary.arm_b, runs)
        pairs = [(arm_a, arm_b) for arm_a, set_a in a.items() for arm_b, set_b in b.items() if set_a == set_b]
        pairs = [(arm_a, arm_b) for arm_a, arm_b in pairs if arm_a != arm_b]
        if len(pairs) != 1:
            listed = f" ({', '.join(f'{arm_a} - {arm_b}' for arm_a, arm_b in pairs)})" if pairs else ""
            raise InputError(
                f"[analysis] {key}, {primary.arm_a} - {primary.arm_b}, is {len(pairs)} contrasts of one "
                f"data set and training size{listed}; expected one: name both arms by their ids"
            )
        earlier = keys.setdefault((frozenset(pairs[0]), primary.metric, primary.label), key)
        if earlier != key:
            raise InputError(
                f"[analysis] {key}, {primary.arm_a} - {primary.arm_b}, is the same contrast as {earlier}; expected "
                "each contrast once"
            )
        (arm_a, arm_b), pair = pairs[0], frozenset(pairs[0])
        if left_arms.setdefault(pair, arm_a) != arm_a:
            raise InputError(
                f"[analysis] {key}, {primary.arm_a} - {primary.arm_b}: another primary contrast is {arm_b} - {arm_a}; "
                "expected two arms always in one order"
            )


def _arms_named(text: str, runs: Sequence[RunSettings]) -> dict[str, tuple[str, int | None]]:
    """Find the arms of a name or id; return for each id its data set and training size."""
    return {arm_id(run): (run.dataset, run.train_size) for run in runs if text in (run.name, arm_id(run))}


def _short(size: int | None) -> str:
    """Write a training-set size as in a run id and in the paper: 5000 is 5k."""
    if size is None:
        return "all"
    return f"{size // 1000}k" if size % 1000 == 0 else str(size)
