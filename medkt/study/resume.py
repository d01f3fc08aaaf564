"""What is there already: whole runs of a study, and the study file on record.

In: a study and its `--out`. Out: whether a run may be skipped; `study.json`. A run that is there but was trained
otherwise is an error that shows the difference.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medkt.run import folder as run_folder
from medkt.run.weights import Sources
from medkt.run_settings import RunSettings
from medkt.study.schema import Study
from medkt.training.continuation import first_difference
from medkt_eval.errors import InputError
from medkt_eval.runtime.atomic_files import make_folder, write_text_whole
from medkt_eval.runtime.locations import is_remote
from medkt_eval.runtime.validation import read_text


def check_out(study: Study, out: Path) -> None:
    """Refuse a folder that cannot hold the study's runs.

    Raises
    ------
    InputError
        If `out` is a file, or holds whole runs of a study with another name: evaluation would mix the two.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; expected a folder, or a name that is free")
    if (out / "study.json").is_file():
        name = _read(out / "study.json", json.loads).get("name")
        if name != study.name and any(run_folder.is_whole(folder) for folder in out.iterdir()):
            raise InputError(
                f"--out {out} holds runs of the study {name!r}; give {study.name!r} another --out, since "
                "evaluation would mix them"
            )


def is_whole(run: RunSettings, folder: Path, sources: Sources) -> bool:
    """Whether the run is there, trained with these settings and from these weights; a stale one is an error."""
    if not run_folder.is_whole(folder):
        if not is_remote(folder) and folder.exists():  # elsewhere it is what a killed process left
            raise InputError(f"{folder} exists and is no whole run (it has no run.json); remove or rename it")
        return False
    found = _with_defaults(_read(folder / "config.toml", tomllib.loads))
    wanted = run_folder.without_none(run.model_dump(mode="json"))
    for table in (found, wanted):  # where images and lists lie is no setting of the run; which they are, its hashes say
        for place in ("root", "test_patients", "exclude"):
            table.get("data", {}).pop(place, None)
    difference = first_difference(found, wanted)
    if difference is None:
        recorded = _read(folder / "run.json", json.loads)
        for what, sha256 in (("initialisation", sources.start_sha256(run)), ("teacher", sources.teacher_sha256(run))):
            before = (recorded.get(what) or {}).get("sha256")
            if sha256 is not None and before != sha256:
                difference = f"the weights of its {what} were {str(before)[:12]}..., now they are {sha256[:12]}..."
    if difference is not None:
        raise InputError(
            f"{folder} is whole, but was trained otherwise: {difference}. Remove it to train it again, "
            "give the arm a variant = '...', or use another --out"
        )
    return True


def _with_defaults(found: dict[str, Any]) -> dict[str, Any]:
    """A run's settings with those that it was written too early to name; as they are where they are not valid."""
    try:
        return run_folder.without_none(RunSettings.model_validate(found).model_dump(mode="json"))
    except ValidationError:
        return found


def record_study(study: Study, text: str, sha256: str, out: Path) -> None:
    """`study.json`: what was declared, and when, so that a later change of the declaration shows."""
    path = out / "study.json"
    make_folder(out)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    earlier: list[dict[str, Any]] = []
    if path.is_file():
        before = _read(path, json.loads)
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


def _read(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    """A JSON or TOML file that medkt wrote, or an `InputError` that says what to do with it."""
    text = read_text(path, "a file that medkt train wrote; remove its folder to train the run again")
    try:
        table = parse(text)
    except ValueError as error:
        raise InputError(
            f"{path}: damaged ({error}); remove it, and for a run its whole folder, to make it again"
        ) from error
    if not isinstance(table, dict):
        raise InputError(f"{path}: holds {type(table).__name__}, expected a table; remove it to make it again")
    return table
