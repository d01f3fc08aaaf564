"""Time a bootstrap of macro AUC: medkt_eval's joint patient bootstrap beside four alternatives.

    pip install torchmetrics confidenceinterval   (or the dependency group `benchmark`)
    python benchmarks/bootstrap.py                about two minutes; prints tables in markdown

The workload is 22,274 images x 14 labels, 8,000 patients and 1,000 replicates. A peer runs a few replicates, because
its cost is linear in them. scikit-learn's loop draws patients; the other peers can only draw images. Ours starts from
truth and scores too, so sorting and drawing are inside its time; compiling is reported separately. Every peer has one
thread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

N_IMAGES, N_PATIENTS, REPLICATES, ROUNDS = 22_274, 8_000, 1_000, 3
PREVALENCE = (0.17, 0.1, 0.2, 0.05, 0.15, 0.1, 0.03, 0.09, 0.02, 0.02, 0.015, 0.03, 0.002, 0.1)  # NIH's range
N_LABELS = len(PREVALENCE)
PEER_REPLICATES = 20


def images() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw truth int8 and scores float32, (n_images, n_labels), and patients. Every patient has an image."""
    rng = np.random.default_rng(0)
    truth = (rng.random((N_IMAGES, N_LABELS)) < PREVALENCE).astype(np.int8)
    scores = (truth + rng.normal(size=truth.shape)).astype(np.float32)
    return truth, scores, np.concatenate([np.arange(N_PATIENTS), rng.integers(0, N_PATIENTS, N_IMAGES - N_PATIENTS)])


def ours(threads: int) -> dict[str, float]:
    """Measure the seconds of the first and of the best later call. Run it in its own process for the peak memory."""
    from medkt_eval.metrics.ranking import rank
    from medkt_eval.resampling.bootstrap import resample_ranked
    from medkt_eval.resampling.draws import multiplicities

    truth, scores, patient = images()

    def seconds(replicates: int) -> float:
        multiplicities.cache.clear()
        began = time.perf_counter()
        rankings = [rank(truth[:, k], scores[:, k], patient, N_PATIENTS) for k in range(N_LABELS)]
        replicated = resample_ranked(rankings, replicates=replicates, seed=0, dataset="benchmark", threads=threads)
        replicated.auc.mean(axis=0)
        return time.perf_counter() - began

    first = seconds(1)
    times = [seconds(REPLICATES) for _ in range(ROUNDS)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first": first, "seconds": statistics.median(times), "peak_mb": peak}


def in_a_process(threads: int, cache: str) -> dict[str, float]:
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    command = [sys.executable, __file__, "--ours", str(threads)]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def with_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    truth, scores, patient = images()
    rng = np.random.default_rng(0)
    images_of_patient = np.split(np.argsort(patient, kind="stable"), np.cumsum(np.bincount(patient))[:-1])
    for _ in range(PEER_REPLICATES):
        rows = np.concatenate([images_of_patient[k] for k in rng.integers(0, N_PATIENTS, N_PATIENTS)])
        roc_auc_score(truth[rows], scores[rows])


def with_scipy() -> None:
    from scipy.stats import bootstrap
    from sklearn.metrics import roc_auc_score

    truth, scores, _ = images()
    for k in range(N_LABELS):
        bootstrap(
            (truth[:, k], scores[:, k]),
            roc_auc_score,
            paired=True,
            vectorized=False,
            method="percentile",
            n_resamples=PEER_REPLICATES,
            rng=np.random.default_rng(0),
        )


def with_torchmetrics() -> None:
    import torch
    from torchmetrics.classification import MultilabelAUROC  # pyright: ignore[reportMissingImports]
    from torchmetrics.wrappers import BootStrapper  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(1)
    truth, scores, _ = images()
    base = MultilabelAUROC(num_labels=N_LABELS, thresholds=None)
    resampled = BootStrapper(base, num_bootstraps=PEER_REPLICATES, sampling_strategy="multinomial")
    resampled.update(torch.from_numpy(scores), torch.from_numpy(truth).int())
    resampled.compute()


def with_confidenceinterval() -> None:
    from confidenceinterval import roc_auc_score  # pyright: ignore[reportMissingImports]

    truth, scores, _ = images()
    for k in range(N_LABELS):
        roc_auc_score(
            truth[:, k],
            scores[:, k],
            method="bootstrap_percentile",
            n_resamples=PEER_REPLICATES,
            random_state=np.random.default_rng(0),
        )


PEERS: dict[str, tuple[str, str, Callable[[], None]]] = {
    "scikit-learn": ("loop over roc_auc_score", "patients", with_scikit_learn),
    "scipy": ("stats.bootstrap of roc_auc_score", "images", with_scipy),
    "torchmetrics": ("BootStrapper of MultilabelAUROC", "images", with_torchmetrics),
    "confidenceinterval": ("roc_auc_score, bootstrap_percentile", "images", with_confidenceinterval),
}


def timed(peer: Callable[[], None]) -> float:
    began = time.perf_counter()
    peer()
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        cold = in_a_process(1, cache)
        # This comes before torch is imported, because a child's peak memory starts at its parent's.
        alone = [in_a_process(threads, cache) for threads in (1, 2)]
        for _, _, peer in PEERS.values():
            peer()  # imports its libraries
        rounds = [
            ([in_a_process(threads, cache) for threads in (1, 2)], [timed(peer) for _, _, peer in PEERS.values()])
            for _ in range(ROUNDS)
        ]
    columns = N_IMAGES * N_LABELS
    nanoseconds = [
        statistics.median(times) / (columns * PEER_REPLICATES) * 1e9
        for times in zip(*(peers for _, peers in rounds), strict=True)
    ]
    fastest = min(nanoseconds)
    print(
        f"{platform.machine()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}; medians of {ROUNDS}"
    )
    print("\n| Bootstrap | Draws | ns / (image x label x replicate) | Fastest peer / this | s for 1,000 | Peak MB |")
    print("|---|---|---|---|---|---|")
    for place, threads in enumerate(("1 thread", "2 threads")):
        runs = [by_threads[place] for by_threads, _ in rounds]
        seconds = statistics.median(run["seconds"] for run in runs)
        ns = seconds / (columns * REPLICATES) * 1e9
        peak = alone[place]["peak_mb"]
        print(f"| medkt_eval, {threads} | patients | {ns:.2f} | {fastest / ns:.0f} | {seconds:.2f} | {peak:.0f} |")
    for (name, (call, draws, _)), ns in zip(PEERS.items(), nanoseconds, strict=True):
        seconds = ns * 1e-9 * columns * 1000
        print(f"| {name} {version(name)}, {call} | {draws} | {ns:.0f} | {fastest / ns:.2f} | {seconds:.0f} | |")
    warm = statistics.median(by_threads[0]["first"] for by_threads, _ in rounds)
    print(
        f"\nFirst call of a process: {cold['first']:.1f} s to compile, {warm:.2f} s once compiled (any later process)."
    )


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--ours", type=int, metavar="THREADS", help="run only ours, in this process, and print JSON")
if __name__ == "__main__":
    arguments = parser.parse_args()
    if arguments.ours:
        print(json.dumps(ours(arguments.ours)))
    else:
        main()
