"""A study file becomes runs: teachers first, then the arms, each run in a folder of its own.

In: a `Study`. Out: runs/. Runs that are whole already are not trained again; a run that was left half-way never shows.
"""

from __future__ import annotations

import fnmatch
import json
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Protocol

import torch

from medkt import config, run_folder
from medkt.config import RANDOM, RunSettings, Study
from medkt.loading import Loader, predictions
from medkt.manifest import manifest
from medkt.sources import Sources
from medkt.trainer import train
from medkt_eval.errors import InputError
from medkt_eval.files import write_text_whole


class Observer(Protocol):
    """Who is told how a study goes: a progress bar, a log, or nobody."""

    def plan(self, runs: Sequence[RunSettings], whole: int) -> None:
        """Called once: the runs to train, and how many are whole already."""

    def run(self, run: RunSettings) -> None:
        """A run begins."""

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """An epoch of it is over."""

    def done(self, run: RunSettings, seconds: float) -> None:
        """The run is whole."""


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


def train_study(
    study: Study, *, text: str, sha256: str, folder: Path, out: Path, only: str | None, observer: Observer
) -> list[str]:
    """Train every run of a study that is not whole yet.

    Parameters
    ----------
    study : Study
        What to train.
    text, sha256 : str
        The study file and its hash, recorded in `out/study.json` before the first run begins.
    folder : Path
        Where the study file lies; paths to weights are taken from there.
    out : Path
        runs/.
    only : str or None
        Pattern (with * and ?) of the run ids to train; teachers they need must be whole or match too.
    observer : Observer
        Told how it goes.

    Returns
    -------
    list of str
        Ids of the runs that are whole now.

    Raises
    ------
    InputError
        If the settings or the data are wrong, or a whole run was trained with other settings.
    """
    runs = plan(study)
    chosen = [run for run in runs if only is None or fnmatch.fnmatch(run.run_id, only)]
    if not chosen:
        raise InputError(f"--only {only!r} matches no run; the study's runs are {', '.join(r.run_id for r in runs)}")
    sources = Sources(study, {run.name: run for run in runs if run.role == "teacher"}, folder, out)
    waiting = [run for run in chosen if not _is_whole(run, out / run.run_id, sources)]
    _check_needs(waiting, sources, out)
    _record_study(study, text, sha256, out)
    observer.plan(waiting, len(chosen) - len(waiting))
    loader = Loader({run.dataset: run.data for run in runs}, _train_sizes(runs))
    for run in waiting:
        observer.run(run)
        began = perf_counter()
        if run.training.threads_per_run is not None:
            torch.set_num_threads(run.training.threads_per_run)
        loaded = loader.load(run.dataset, run.train_size, run.training.image_size_px)
        trained = train(
            run,
            loaded.data,
            start=sources.start(run),
            teacher=sources.teacher(run),
            on_epoch=lambda record, run=run: observer.epoch(run, record),
        )
        seconds = perf_counter() - began
        run_folder.write(
            out / run.run_id,
            manifest=manifest(run, loaded, trained, teacher_sha256=sources.teacher_sha256(run), seconds=seconds),
            config=run.model_dump(mode="json"),
            validation=predictions(loaded, "validation", trained.validation_scores),
            test=predictions(loaded, "test", trained.test_scores),
            history=trained.history,
            weights=trained.weights,
        )
        observer.done(run, seconds)
    return [run.run_id for run in runs if run_folder.is_whole(out / run.run_id)]


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


def _train_sizes(runs: Sequence[RunSettings]) -> dict[str, list[int | None]]:
    sizes: dict[str, list[int | None]] = {}
    for run in runs:
        if run.train_size not in sizes.setdefault(run.dataset, []):
            sizes[run.dataset].append(run.train_size)
    return sizes


def _is_whole(run: RunSettings, folder: Path, sources: Sources) -> bool:
    """Whether the run is there, trained with these settings and from these weights; a stale one is an error."""
    if not run_folder.is_whole(folder):
        return False
    found = tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    wanted = run_folder.without_none(run.model_dump(mode="json"))
    for table in (found, wanted):  # where the images lie is no setting of the run; which they are, its hashes say
        table.get("data", {}).pop("root", None)
    difference = _first_difference(found, wanted)
    if difference is None:
        recorded = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        for what, sha256 in (("initialisation", sources.start_sha256(run)), ("teacher", sources.teacher_sha256(run))):
            before = (recorded.get(what) or {}).get("sha256")
            if sha256 is not None and before != sha256:
                difference = f"the weights of its {what} were {str(before)[:12]}..., now they are {sha256[:12]}..."
    if difference is not None:
        raise InputError(f"{folder} is whole, but was trained otherwise: {difference}. Remove it to train it again, "
                         "give the arm a variant = '...', or use another --out")  # fmt: skip
    return True


def _first_difference(found: dict, wanted: dict, where: str = "") -> str | None:
    for key in sorted({*found, *wanted}):
        before, now = found.get(key), wanted.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            inner = _first_difference(before, now, f"{where}{key}.")
            if inner is not None:
                return inner
        elif before != now:
            return f"{where}{key} was {before!r}, now it is {now!r}"
    return None


def _check_needs(waiting: Sequence[RunSettings], sources: Sources, out: Path) -> None:
    """Every weight file exists already or is trained before it is needed."""
    coming: set[str] = set()
    for run in waiting:
        for name in (run.initialisation, run.teacher):
            needed = sources.trained_teachers.get(name or "")
            if needed and needed.run_id not in coming and not run_folder.is_whole(out / needed.run_id):
                raise InputError(f"{run.run_id} needs the teacher {needed.run_id}, which is not in {out} and which "
                                 "--only leaves out; widen --only")  # fmt: skip
        sources.check_given(run)
        coming.add(run.run_id)


def _record_study(study: Study, text: str, sha256: str, out: Path) -> None:
    """`study.json`: what was declared, and when, so that a later change of the declaration shows."""
    path = out / "study.json"
    out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    earlier: list[dict[str, str]] = []
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        earlier = before.get("earlier", [])
        if before.get("sha256") == sha256:
            return
        if any(run_folder.is_whole(folder) for folder in out.iterdir() if folder.is_dir()):
            earlier = [*earlier, {"sha256": before.get("sha256"), "declared": before.get("declared"), "replaced": now}]
    content = {
        "format": 1,
        "name": study.name,
        "declared": now,
        "sha256": sha256,
        "text": text,
        "analysis": study.analysis.model_dump(mode="json"),
        "earlier": earlier,
    }
    write_text_whole(path, json.dumps(content, indent=1) + "\n")
