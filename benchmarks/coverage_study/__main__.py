"""Run the cells of cells.toml and print what was found, as tables in markdown.

    python -m benchmarks.coverage_study                            all cells: 40 minutes on two cores
    python -m benchmarks.coverage_study --cells "k=3, 1:1"         some of them
    python -m benchmarks.coverage_study --cells none               the tables of what is in --out so far

Each cell is written to --out (JSON) when it is done; the same cell with the same settings and number of studies is not
run again, so that an interrupted run goes on where it was. After a change of medkt_eval give another --out. Results do
not depend on --processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks.coverage_study.measure import analyse
from benchmarks.coverage_study.simulate import CELLS, SHARES, Cell, read_cells
from benchmarks.coverage_study.tables import printed, summary


def settings_of(cell: Cell, studies: int) -> str:
    """What a cell's result depends on, besides the code."""
    text = json.dumps([asdict(cell), SHARES, studies], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run(cell: Cell, studies: int, processes: int) -> dict:
    """Simulate and summarise one cell."""
    start = time.perf_counter()
    if processes == 1:
        outcomes = [analyse(cell, number) for number in range(studies)]
    else:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            outcomes = pool.map(partial(analyse, cell), range(studies), chunksize=10)
    found = summary(cell, [outcome for study in outcomes for outcome in study])
    return found | {"seconds": round(time.perf_counter() - start, 1), "studies": studies}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is not in --out yet, then print all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", metavar="NAME", help="names in cells.toml; default: all")
    parser.add_argument("--studies", type=int, default=2000, help="a cell (default 2000)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("coverage.json"))
    given = parser.parse_args(arguments)
    cells = read_cells()
    wanted = [] if given.cells == ["none"] else given.cells or list(cells)
    if unknown := [name for name in wanted if name not in cells]:
        parser.error(f"{CELLS.name} has no cell {unknown[0]!r}; expected some of: {'; '.join(cells)}")
    done = json.loads(given.out.read_text(encoding="utf-8")) if given.out.is_file() else {}
    for name in wanted:
        settings = settings_of(cells[name], given.studies)
        if done.get(name, {}).get("settings") != settings:
            done[name] = {"settings": settings} | run(cells[name], given.studies, given.processes)
            given.out.write_text(json.dumps(done, indent=1), encoding="utf-8")
            print(f"{name}: {done[name]['seconds']:.0f} s", flush=True)
    print(printed([cells[name] for name in cells if name in done], done))


if __name__ == "__main__":
    main()
