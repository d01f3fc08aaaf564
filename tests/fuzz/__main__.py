"""Fuzz the command line: `python -m tests.fuzz --inputs 500 --seed 0 --keep /tmp/fuzz`.

Prints a line for each input that fails, with the seed that makes it again, and keeps its folder. Exit status 1 if any
input fails, or if the time is over before all inputs were tried.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import matplotlib
import torch

from tests.fuzz import execution, valid
from tests.fuzz.cases import Valid, prepare

COMPILING_S = 400  # the first evaluation of a checkout compiles every kernel
ADDED = [
    word for name in ("subgroups", "permutation", "patients:jackknife", "mcnemar", "max-t") for word in ("--add", name)
]


def main() -> int:
    """Parse the arguments, run the inputs and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first input; the others follow")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--keep", type=Path, help="folder for the inputs that fail")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="medkt-fuzz-") as folder:
        _settle(Path(folder))
        began = time.monotonic()
        statuses, failures = _fuzz(given, Path(folder), began + 60 * given.minutes)
        print(
            f"{statuses.total()} inputs, {statuses[0]} accepted, {statuses[2]} refused, {failures} failures, "
            f"{time.monotonic() - began:.0f} s"
        )
        return 1 if failures or statuses.total() < given.inputs else 0


def _settle(folder: Path) -> None:
    """Give the commands folders of their own for caches, one thread each, and import what they import."""
    os.environ["MPLCONFIGDIR"] = matplotlib.get_configdir()  # finding the fonts takes half a minute
    for name in ("HOME", "MEDKT_CACHE"):
        (folder / name).mkdir()
        os.environ[name] = str(folder / name)
    torch.set_num_threads(1)
    # Imported here once, before the forks.
    import medkt_reports.build  # noqa: F401


def _fuzz(given: argparse.Namespace, folder: Path, until: float) -> tuple[Counter[int], int]:
    """Run the inputs, `workers` at a time. Returns how often each exit status came, and how many inputs failed."""
    prepared = _valid(folder)
    seeds, running, failures = iter(range(given.seed, given.seed + given.inputs)), [], 0
    statuses = Counter[int]()
    while True:
        while len(running) < given.workers and time.monotonic() < until and (seed := next(seeds, None)) is not None:
            case = folder / f"case-{seed}"
            case.mkdir()
            running.append(execution.start(seed, case, prepare(seed, case, prepared)))
        if not running:
            return statuses, failures
        for child in list(running):
            outcome = execution.ended(child)
            if outcome is None:
                continue
            running.remove(child)
            status, wrong = outcome
            statuses[status] += 1
            failures += bool(wrong)
            if wrong:
                print(f"seed {child.seed}: {child.command}: {wrong}", flush=True)
            _clear(child, given.keep if wrong else None)
        time.sleep(0.02)


def _clear(child: execution.Child, keep: Path | None) -> None:
    for path in (child.folder, *(child.folder.parent / f"{child.folder.name}.{name}" for name in ("stdout", "stderr"))):
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.move(path, keep / path.name)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if keep is not None:
        (keep / f"{child.folder.name}.command").write_text(json.dumps(child.command))


def _valid(folder: Path) -> Valid:
    """Evaluate valid runs for their results.json, and build a network for its weights."""
    from medkt.teachers.networks import build

    valid.write_runs(folder / "valid" / "runs")
    child = execution.start(-1, folder / "valid", ["evaluate", "runs", "--out", "out", "--replicates", "100", *ADDED])
    while (outcome := execution.ended(child, COMPILING_S)) is None:
        time.sleep(0.05)
    results = folder / "valid" / "out" / "results.json"
    if outcome != (0, ""):
        raise SystemExit(f"the valid runs cannot be evaluated: {outcome}, {(folder / 'valid.stderr').read_text()}")
    return Valid(json.loads(results.read_text(encoding="utf-8")), dict(build("densenet40", 2).state_dict()))


if __name__ == "__main__":
    sys.exit(main())
