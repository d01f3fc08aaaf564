"""`study.json`: what a study declared, and when. An edit that leaves the primary contrast as it was keeps it declared.

In: a study file and its output folder. Out: `study.json` in it; a warning where an edit changes what the primary
contrast depends on after runs have finished.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medkt.data.settings import PATHS
from medkt.run import folder as run_folder
from medkt.run_settings import RunSettings
from medkt.study.existing_runs import read_own
from medkt.study.run_plan import arm_id, plan
from medkt.study.schema import Study
from medkt.study.study_file import StudyFile
from medkt.training.checkpoints.resuming import first_difference
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import make_folder, write_text_atomically
from medkt_eval.runtime.reading.text import parse_toml, read_json
from medkt_eval.runtime.validation import validated

# Keys of [analysis] that change no number of the primary contrast.
_OTHER_KEYS = {
    "primary", "baseline", "confirmatory_labels", "add", "identical_runs", "label_latex", "reference"
}  # fmt: skip
_UNREADABLE = "the text of the earlier file cannot be read"


def record_study(file: StudyFile, out: Path) -> str | None:
    """Write `study.json` into `out`, before the first run begins.

    Returns
    -------
    str or None
        A warning if this file replaces one that declared another primary contrast before the first run had finished.
    """
    path = out / "study.json"
    make_folder(out)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    earlier: list[dict[str, Any]] = []
    if path.is_file():
        before = read_own(path, read_json)
        earlier = before.get("earlier", [])
        if before.get("sha256") == file.sha256:
            return None
        if any(run_folder.is_finished(folder) for folder in out.iterdir() if folder.is_dir()):
            replaced = {key: before.get(key) for key in ("sha256", "declared", "text")}
            earlier = [*earlier, {**replaced, "replaced": now}]
    warning = None
    if earlier:
        first = earlier[0]
        study = file.study if first.get("sha256") == file.sha256 else _read_again(first)
        difference = _UNREADABLE if study is None else contrast_difference(study, file.study)
        first["same_contrast"] = difference is None
        first["seeds_added"] = study is not None and difference is None and _seeds(study) != _seeds(file.study)
        warning = None if difference is None else _warning(file.study, difference, path)
    content = {
        "format": 1,
        "name": file.study.name,
        "declared": now,
        "sha256": file.sha256,
        "text": file.text,
        "analysis": file.study.analysis.model_dump(mode="json"),
        "earlier": earlier,
    }
    write_text_atomically(path, json.dumps(content, indent=1) + "\n")
    return warning


def contrast_difference(before: Study, now: Study) -> str | None:
    """Say how two studies differ in what the primary contrast depends on; None if they do not.

    It depends on the settings and the data of its arms and their teachers, on the metric, the label and the margin, and
    on the rest of the analysis that its numbers come from. Added seeds change nothing; removed ones do. Without a
    primary contrast, what is declared is the analysis: its margin, labels and family.
    """
    if bool(before.analysis.primaries) != bool(now.analysis.primaries):
        return f"it names {'no' if before.analysis.primaries else 'a'} primary contrast"
    difference = first_difference(_depends_on(before), _depends_on(now))
    if difference is not None:
        return difference
    seeds = _seeds(now)
    for arm, of_arm in _seeds(before).items():
        if of_arm - seeds[arm]:
            return f"seed {min(of_arm - seeds[arm])} of {arm} is removed"
    return None


def _warning(study: Study, difference: str, path: Path) -> str:
    subject = "the primary contrast" if study.analysis.primary else "what it declares"
    return (
        f"WARNING: the study file changes {subject} after runs have finished: {difference}. Results will call it "
        "exploratory. To keep the earlier declaration, undo this change and run the command again, or give the changed "
        f"study another --out. {path} holds the text of the earlier file"
    )


def _read_again(earlier: dict[str, Any]) -> Study | None:
    """Read the recorded text of a study file. medkt 0.1 recorded no text of files that were replaced."""
    try:
        table = parse_toml(str(earlier["text"]), "study.json", "the text of a study file")
        return validated(Study, table, "study.json")
    except (KeyError, InputError):
        return None


def _depends_on(study: Study) -> dict[str, Any]:
    """Everything that the primary contrasts depend on; without one, what the analysis declares."""
    if not study.analysis.primaries:
        other = _OTHER_KEYS - {"confirmatory_labels"}
        return {"analysis": study.analysis.model_dump(mode="json", exclude=other)}
    arms = _arms(study)
    contrasts = [
        {**primary.model_dump(mode="json"), "arm_a": _ids(arms, primary.arm_a), "arm_b": _ids(arms, primary.arm_b)}
        for primary in study.analysis.primaries
    ]
    contrasts.sort(key=str)  # their order in the file does not matter
    teachers = [run for run in plan(study) if run.role == "teacher"]
    needed = {name for run in arms for name in (run.teacher, run.initialisation)}
    for run in reversed(teachers):  # each stands after the one that it starts from
        needed |= {run.initialisation} if run.name in needed else set()
    return {
        "analysis": study.analysis.model_dump(mode="json", exclude=_OTHER_KEYS),
        "arms": {_without_seed(run): _settings(run) for run in arms},
        "teachers": {
            name: teacher.model_dump(mode="json", exclude={"training"})
            for name, teacher in study.teachers.items()
            if name in needed
        },
        "trained teachers": {run.name: _settings(run) for run in teachers if run.name in needed},
        **{f"primary.{k}": contrast for k, contrast in enumerate(contrasts)},
    }


def _arms(study: Study) -> list[RunSettings]:
    """The runs of the arms that primary contrasts name."""
    named = {name for primary in study.analysis.primaries for name in (primary.arm_a, primary.arm_b)}
    return [run for run in plan(study) if run.role == "arm" and named & {run.name, arm_id(run)}]


def _ids(arms: list[RunSettings], name: str) -> str:
    return ", ".join(sorted({arm_id(run) for run in arms if name in (run.name, arm_id(run))}))


def _seeds(study: Study) -> dict[str, set[int]]:
    seeds: dict[str, set[int]] = {}
    for run in _arms(study):
        seeds.setdefault(_without_seed(run), set()).add(run.seed)
    return seeds


def _without_seed(run: RunSettings) -> str:
    return run.run_id.removesuffix(f"-s{run.seed}")


def _settings(run: RunSettings) -> dict[str, Any]:
    """The settings of a run, without its names, its seed, the machine, and where its files are."""
    settings = run.model_dump(mode="json", exclude={"run_id", "name", "grid", "seed"})
    settings["training"].pop("threads_per_run")
    for path in PATHS:
        settings["data"].pop(path, None)
    return settings
