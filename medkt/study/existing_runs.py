"""What `--out` already holds: finished runs, and `study.json`.

In: a study and its output folder. Out: whether a run is finished. A finished run that was trained with other settings
is an error that shows the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from medkt.data.settings import PATHS
from medkt.run import folder as run_folder
from medkt.run.weights import WeightSources
from medkt.run_settings import RunSettings
from medkt.study.schema import Study
from medkt.training.checkpoints.resuming import first_difference
from medkt_eval.errors import InputError
from medkt_eval.runtime.locations import is_remote
from medkt_eval.runtime.reading.text import read_json, read_toml


def check_out(study: Study, out: Path) -> None:
    """Refuse a folder that cannot hold the study's runs.

    Raises
    ------
    InputError
        If `out` is a file, or holds finished runs of a study with another name, which evaluation would mix.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; expected a folder, or a name that does not exist")
    if (out / "study.json").is_file():
        name = read_own(out / "study.json", read_json).get("name")
        if name != study.name and any(run_folder.is_finished(folder) for folder in out.iterdir()):
            raise InputError(
                f"--out {out} holds runs of the study {name!r}; give {study.name!r} another --out, because "
                "evaluation would mix them"
            )


def is_finished(run: RunSettings, folder: Path, sources: WeightSources) -> bool:
    """Return whether a run is finished.

    Raises
    ------
    InputError
        If it was trained with other settings or from other weights, or its folder is incomplete.
    """
    if not run_folder.is_finished(folder):
        if not is_remote(folder) and folder.exists():  # in object storage, a killed process leaves such a folder
            raise InputError(f"{folder} exists but holds no finished run (it has no run.json); remove or rename it")
        return False
    before = _with_defaults(read_own(folder / "config.toml", read_toml))
    now = run_folder.without_none(run.model_dump(mode="json"))
    for table in (before, now):  # images and lists may have moved; the hashes say whether they are the same
        for path in PATHS:
            table.get("data", {}).pop(path, None)
    difference = first_difference(before, now)
    if difference is None:
        recorded = read_own(folder / "run.json", read_json)
        for what, sha256 in (("initialisation", sources.start_sha256(run)), ("teacher", sources.teacher_sha256(run))):
            old_sha256 = (recorded.get(what) or {}).get("sha256")
            if sha256 is not None and old_sha256 != sha256:
                difference = f"the weights of its {what} were {str(old_sha256)[:12]}..., now they are {sha256[:12]}..."
    if difference is not None:
        raise InputError(
            f"{folder} is finished, but was trained with other settings: {difference}. Remove it to train it again, "
            "give the arm a variant = '...', or use another --out"
        )
    return True


def _with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Add the defaults of settings that an earlier version did not have; return invalid settings as they are."""
    try:
        return run_folder.without_none(RunSettings.model_validate(settings).model_dump(mode="json"))
    except ValidationError:
        return settings


def read_own(path: Path, read: Callable[[Path, str], Any]) -> dict[str, Any]:
    """Read a JSON or TOML file that medkt wrote; an error says what to do with the file."""
    table = read(path, "what medkt train wrote: remove it (of a run, its folder) to make it again")
    if not isinstance(table, dict):
        raise InputError(f"{path}: holds {type(table).__name__}, expected a table; remove it to make it again")
    return table
