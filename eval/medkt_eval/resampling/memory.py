"""Whether the replicates of the bootstrap fit into memory.

In: how many runs, metrics and replicates. Out: nothing, or an error that says how many replicates would fit.
"""

from __future__ import annotations

import os

from medkt_eval.errors import InputError

# float64 for each run and replicate: sums over images and rankings, and each metric of a label and of its averages.
# Measured with `medkt example`: 42 with 5 metrics, 55 with 10.
_SUMS, _A_METRIC = 30, 3
_SHARE = 0.8  # of the machine's memory


def check_memory(n_runs: int, n_metrics: int, replicates: int, *, machine_bytes: int | None = None) -> None:
    """Refuse replicates that cannot fit into memory, before the first one is drawn.

    Parameters
    ----------
    n_runs : int
        Runs of the data set that has most.
    n_metrics : int
        Metrics that are computed.
    replicates : int
    machine_bytes : int or None
        Memory of the machine; None: as the system reports it. Nothing is checked if it reports none.

    Raises
    ------
    InputError
        If they need more than 80 % of the memory; says how many would fit.
    """
    machine_bytes = _machine_bytes() if machine_bytes is None else machine_bytes
    each = 8 * n_runs * (_SUMS + _A_METRIC * n_metrics)
    if machine_bytes is not None and each * replicates > _SHARE * machine_bytes:
        fit = int(_SHARE * machine_bytes / each) // 100 * 100
        raise InputError(
            f"--replicates is {replicates:,}: with {n_runs} runs and {n_metrics} metrics they need about "
            f"{each * replicates / 1e9:,.3g} GB of memory, and this machine has {machine_bytes / 1e9:.3g} GB; expected "
            f"at most {fit:,} (2000 is the default)"
        )


def _machine_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on every system
        return None
