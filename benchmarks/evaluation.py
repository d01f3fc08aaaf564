"""Measure the time and memory of the process `medkt evaluate --no-report`, from its start to its end.

    python benchmarks/evaluation.py            one size
    python benchmarks/evaluation.py --curve    how time grows with images, replicates and arms

The one size is 24 runs (8 arms x 3 seeds, Parquet) of 22,274 images x 14 labels, 8,000 patients and 2,000 replicates;
the paper tests on as many CheXpert images. The first process may compile the kernels, so only later times count.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

LABELS = [f"Finding {k}" for k in range(14)]
METHODS = ("transfer_learning", "attention_transfer")


def write_runs(folder: Path, *, n_images: int, n_patients: int, n_arms: int, n_seeds: int) -> None:
    rng = np.random.default_rng(0)
    patient = np.concatenate([np.arange(n_patients), rng.integers(0, n_patients, n_images - n_patients)])
    prevalence = np.linspace(0.02, 0.4, len(LABELS))
    severity = rng.normal(size=(n_patients, len(LABELS)))[patient]
    frames = {}
    for split in ("test", "validation"):
        noise = rng.normal(size=(n_images, len(LABELS)))
        latent = 0.7 * severity + 0.7 * noise
        frames[split] = (
            latent,
            latent > [np.quantile(column, 1 - p) for column, p in zip(latent.T, prevalence, strict=True)],
        )
    for arm in range(n_arms):
        for seed in range(n_seeds):
            name = f"large-{METHODS[arm % 2]}-{arm}-s{seed}"
            run = folder / name
            run.mkdir(parents=True)
            for split, (latent, truth) in frames.items():
                rows = slice(None) if split == "test" else slice(3000)
                score = 1 / (1 + np.exp(2 - latent - rng.normal(scale=1.0 - 0.02 * arm, size=latent.shape)))
                columns: dict[str, object] = {
                    "image_id": [f"{split}/{k:07d}" for k in range(n_images)][rows],
                    "patient_id": [f"{split}-p{k:06d}" for k in patient][rows],
                }
                columns |= {f"target_{label}": truth[rows, k].astype("int8") for k, label in enumerate(LABELS)}
                columns |= {f"score_{label}": score[rows, k].astype("float32") for k, label in enumerate(LABELS)}
                pd.DataFrame(columns).to_parquet(run / f"predictions-{split}.parquet", index=False)
            fields = {
                "dataset": "large",
                "task": "multilabel",
                "train_size": 50000,
                "method": METHODS[arm % 2],
                "student": "densenet121",
                "teacher": f"teacher {arm}" if arm else None,
                "unfrozen": "all",
                "trainable_parameters": None,
                "total_parameters": None,
                "settings": {},
                "name": f"arm {arm}",
            }
            manifest = {
                "format": 1,
                "run_id": name,
                "arm": fields,
                "seed": seed,
                "labels": LABELS,
                "predictions": {"file": "predictions-test.parquet"},
            }
            (run / "run.json").write_text(json.dumps(manifest))


def measure(runs: Path, out: Path, replicates: int) -> tuple[float, float]:
    """Measure the seconds and peak MB of one process."""
    command = [
        sys.executable,
        "-m",
        "medkt",
        "evaluate",
        str(runs),
        "--out",
        str(out),
        "--no-report",
        "--replicates",
        str(replicates),
    ]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curve", action="store_true", help="time against images, replicates and arms")
    parser.add_argument("--repeat", type=int, default=2)
    options = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    large = {"n_images": 22_274, "n_patients": 8_000, "n_arms": 8, "n_seeds": 3, "replicates": 2_000}
    cases = [large]
    if options.curve:
        small = {"n_images": 30_000, "n_patients": 10_000, "n_arms": 2, "n_seeds": 1, "replicates": 500}
        cases = [small | {"n_images": n, "n_patients": n // 3} for n in (10_000, 30_000, 100_000, 300_000, 1_000_000)]
        cases += [small | {"replicates": b} for b in (1_000, 2_000, 4_000)]
        cases += [small | {"n_arms": t} for t in (4, 8)]
    print("\n| images | patients | runs | replicates | seconds | peak memory, MB |\n|---|---|---|---|---|---|")
    for case in cases:
        sizes = {name: size for name, size in case.items() if name != "replicates"}
        replicates = case["replicates"]
        with tempfile.TemporaryDirectory() as name:
            # In a process of its own, because a process's peak memory includes its parent's memory at the start.
            writer = multiprocessing.get_context("spawn").Process(
                target=write_runs, args=(Path(name) / "runs",), kwargs=sizes
            )
            writer.start()
            writer.join()
            for _ in range(options.repeat if not options.curve else 1):
                seconds, memory = measure(Path(name) / "runs", Path(name) / "out", replicates)
                print(
                    f"| {case['n_images']:,} | {case['n_patients']:,} | {case['n_arms'] * case['n_seeds']} | "
                    f"{replicates:,} | {seconds:.1f} | {memory:,.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
