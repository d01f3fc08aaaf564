"""Run the cells of cells.toml and further.toml, and print the results as tables in markdown.

    python -m benchmarks.coverage_study                            all cells: 55 minutes on two cores
    python -m benchmarks.coverage_study --cells "k=3, 1:1"         one cell
    python -m benchmarks.coverage_study --cells none               only the tables of the cells in --out

Each cell is written to --out (JSON) when it is done. You can stop the script and start it again: a cell with the same
settings and number of studies does not run twice. After a change of medkt_eval, use another --out. Results do not
depend on --processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

from benchmarks.coverage_study.further_cells import FURTHER, FurtherCell, read_further
from benchmarks.coverage_study.further_tables import further_printed
from benchmarks.coverage_study.measure import analyse
from benchmarks.coverage_study.procedures import analyse_further
from benchmarks.coverage_study.simulate import CELLS, SHARES, Cell, read_cells
from benchmarks.coverage_study.tables import printed, summary


def settings_of(cell: Cell, studies: int) -> str:
    """Return a hash of everything that determines a cell's result, except the code."""
    text = json.dumps([asdict(cell), SHARES, studies], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run(cell: Cell, studies: int, pool: Pool | None) -> dict:
    """Simulate and summarise one cell."""
    start = time.perf_counter()
    analyse_study = partial(analyse_further if isinstance(cell, FurtherCell) else analyse, cell)
    outcomes = (
        map(analyse_study, range(studies)) if pool is None else pool.imap(analyse_study, range(studies), chunksize=10)
    )
    counts = summary(cell, [outcome for study in outcomes for outcome in study])
    return counts | {"seconds": round(time.perf_counter() - start, 1), "studies": studies}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cells that are not in --out, then print the tables of all cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", metavar="NAME", help="names in the two files; default: all")
    parser.add_argument("--studies", type=int, default=2000, help="a cell, at most (default 2000)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("coverage.json"))
    options = parser.parse_args(arguments)
    cells = read_cells() | read_further()
    selected = [] if options.cells == ["none"] else options.cells or list(cells)
    if unknown := [name for name in selected if name not in cells]:
        files = f"{CELLS.name} and {FURTHER.name} have"
        parser.error(f"{files} no cell {unknown[0]!r}; expected some of: {'; '.join(cells)}")
    done = json.loads(options.out.read_text(encoding="utf-8")) if options.out.is_file() else {}
    with ExitStack() as stack:
        pool = None
        for name in selected:
            cell = cells[name]
            studies = min(options.studies, cell.studies) if isinstance(cell, FurtherCell) else options.studies
            settings = settings_of(cell, studies)
            if done.get(name, {}).get("settings") == settings:
                continue
            if pool is None and options.processes > 1:
                pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(options.processes))
            done[name] = {"settings": settings} | run(cell, studies, pool)
            options.out.write_text(json.dumps(done, indent=1), encoding="utf-8")
            print(f"{name}: {done[name]['seconds']:.0f} s", flush=True)
    finished = [cells[name] for name in cells if name in done]
    texts = [
        printed([cell for cell in finished if not isinstance(cell, FurtherCell)], done),
        further_printed([cell for cell in finished if isinstance(cell, FurtherCell)], done),
    ]
    print("\n\n".join(text for text in texts if text) or "no cell is done yet")


if __name__ == "__main__":
    main()
