"""All runs of a study, in an order in which they can be trained, and what each needs to be there.

In: a `Study`. Out: `RunSettings`, teachers first. Nothing is read or written.
"""

from __future__ import annotations

from collections.abc import Sequence

from medkt import config
from medkt.config import RANDOM, RunSettings, Study
from medkt_eval.errors import InputError


def plan(study: Study) -> list[RunSettings]:
    """All runs of a study in the order in which they can be trained.

    Raises
    ------
    InputError
        If teachers need each other in a circle, or two arms would have the same run id.
    """
    runs = [_teacher_run(study, name) for name in _teachers_in_order(study)]
    for arm in study.arms:
        size = arm.train_size if arm.train_size is not None else study.data[arm.data].train_size
        variant = arm.variant or "-".join(
            ([] if arm.unfrozen == "all" else [arm.unfrozen])
            + (["random"] if arm.method == "attention_transfer" and arm.initialisation == RANDOM else [])
        )
        parts = [
            arm.data,
            _short(size),
            arm.method,
            arm.student,
            arm.teacher or "none",
            *([variant] if variant else []),
        ]
        for seed in arm.seeds:
            runs.append(
                RunSettings(
                    run_id="-".join([*parts, f"s{seed}"]), role="arm", name=arm.name, dataset=arm.data,
                    data=study.data[arm.data], train_size=size, method=arm.method, student=arm.student, seed=seed,
                    initialisation=arm.initialisation, unfrozen=arm.unfrozen, teacher=arm.teacher,
                    attention_loss=arm.attention_loss if arm.teacher else None, beta=arm.beta,
                    training=study.training,
                )
            )  # fmt: skip
    seen: dict[str, RunSettings] = {}
    for run in runs:
        if seen.setdefault(run.run_id, run) is not run:
            raise InputError(f"{seen[run.run_id].name!r} and {run.name!r} would both write {run.run_id}; give an arm a "
                             "variant = '...' that says what differs, or a teacher another seed")  # fmt: skip
    _check_declared(study, runs)
    return runs


def _teacher_run(study: Study, name: str) -> RunSettings:
    teacher = study.teachers[name]
    assert teacher.data is not None  # only trained teachers come here
    data = study.data[teacher.data]
    parts = (teacher.data, _short(data.train_size), "supervised", teacher.architecture, "none", f"s{teacher.seed}")
    return RunSettings(
        run_id="-".join(parts),
        role="teacher",
        name=name,
        dataset=teacher.data,
        data=data,
        train_size=data.train_size,
        method="supervised",
        student=teacher.architecture,
        seed=teacher.seed,
        initialisation=teacher.initialisation,
        training=config.changed(study.training, teacher.training, f"[teachers.{name}.training]"),
    )


def _teachers_in_order(study: Study) -> list[str]:
    """Teachers that this study trains, each after the one it starts from."""
    ordered: list[str] = []

    def add(name: str, after: tuple[str, ...]) -> None:
        if name in after:
            raise InputError(f"teachers start from each other in a circle: {' -> '.join((*after, name))}; let one of "
                             "them start from 'random', 'imagenet' or a file")  # fmt: skip
        start = study.teachers[name].initialisation
        if start in study.teachers:
            add(start, (*after, name))
        if study.teachers[name].data is not None and name not in ordered:
            ordered.append(name)

    for name in study.teachers:
        add(name, ())
    return ordered


def _check_declared(study: Study, runs: Sequence[RunSettings]) -> None:
    """The arms that [analysis] names are arms of this study."""
    arms = {text for run in runs if run.role == "arm" for text in (run.name, run.run_id.removesuffix(f"-s{run.seed}"))}
    primary = study.analysis.primary
    named = {"baseline": study.analysis.baseline, "primary.arm_a": primary.arm_a if primary else None,
             "primary.arm_b": primary.arm_b if primary else None}  # fmt: skip
    for key, name in named.items():
        if name is not None and name not in arms:
            known = ", ".join(dict.fromkeys(arm.name for arm in study.arms))
            raise InputError(f"[analysis] {key} is {name!r}, which is no arm of this study; expected one of {known}")


def _short(size: int | None) -> str:
    """Training-set size in a run id, as the paper writes it: 5000 is 5k."""
    if size is None:
        return "all"
    return f"{size // 1000}k" if size % 1000 == 0 else str(size)
