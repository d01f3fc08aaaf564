"""Measure how time and memory of an evaluation grow with images, and extrapolate to a thousand million images.

    python -m benchmarks.scale [IMAGES ...]       default: 100000 1000000 10000000; needs 25 GB of disk

Two arms of one seed, 14 labels, 3.6 images per patient as in ChestX-ray14, and 200 replicates of the joint patient
bootstrap. Each size runs in a process of its own, from prediction files (Parquet, row groups of 2**20 images) to
results.json. Time is modelled as a + b images from the sizes that were run. The line for 10^9 images on N workers
follows from these two constants; it is not a measurement.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.evaluation import LABELS, measure

SIZES = (100_000, 1_000_000, 10_000_000)
ROWS = 2**20  # rows of a row group
IMAGES_PER_PATIENT = 3.6
ARMS = ("transfer_learning", "attention_transfer")
REPLICATES = 200
PREVALENCE = np.linspace(0.02, 0.4, len(LABELS))


def write_runs(folder: Path, n_images: int) -> None:
    """Write run folders of two arms, one row group at a time, with a tenth as many validation images."""
    for arm, method in enumerate(ARMS):
        name = f"large-{method}-s0"
        (folder / name).mkdir(parents=True)
        for part, (split, rows) in enumerate((("test", n_images), ("validation", n_images // 10))):
            _write(folder / name / f"predictions-{split}.parquet", rows, split, arm, part)
        fields = {"dataset": "large", "task": "multilabel", "method": method, "student": "densenet121", "name": method}
        manifest = {
            "format": 1,
            "run_id": name,
            "arm": fields,
            "seed": 0,
            "labels": LABELS,
            "predictions": {"file": "predictions-test.parquet"},
        }
        (folder / name / "run.json").write_text(json.dumps(manifest))


def _write(path: Path, n_images: int, split: str, arm: int, part: int) -> None:
    writer = None
    for begin in range(0, n_images, ROWS):
        rows = np.arange(begin, min(begin + ROWS, n_images))
        patient = (rows / IMAGES_PER_PATIENT).astype(np.int64)
        truths = np.random.default_rng([part, begin])
        own = np.random.default_rng([part, begin, arm])
        severity = truths.normal(size=(len(np.unique(patient)), len(LABELS)))[patient - patient[0]]
        latent = 0.7 * severity + 0.7 * truths.normal(size=severity.shape)
        present = latent > [np.quantile(column, 1 - p) for column, p in zip(latent.T, PREVALENCE, strict=True)]
        score = 1 / (1 + np.exp(2 - latent - own.normal(scale=1 - 0.05 * arm, size=latent.shape)))
        columns = {
            "image_id": [f"{split}-{row:010d}" for row in rows],
            "patient_id": [f"{split}-p{k:09d}" for k in patient],
        }
        columns |= {f"target_{label}": present[:, k].astype(np.int8) for k, label in enumerate(LABELS)}
        columns |= {f"score_{label}": score[:, k].astype(np.float32) for k, label in enumerate(LABELS)}
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", type=int, default=SIZES)
    parser.add_argument("--folder", type=Path, help="where the temporary prediction files go")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}\n")
    print("| images | patients | seconds | ns per image, label, run and replicate | peak memory, MB |")
    print("|---|---|---|---|---|")
    seconds = []
    for n_images in options.images:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            # In a process of its own, because a process's peak memory includes its parent's memory at the start.
            writer = multiprocessing.get_context("spawn").Process(
                target=write_runs, args=(Path(name) / "runs", n_images)
            )
            writer.start()
            writer.join()
            taken, memory = measure(Path(name) / "runs", Path(name) / "out", REPLICATES)
        seconds.append(taken)
        each = 1e9 * taken / (n_images * len(LABELS) * len(ARMS) * REPLICATES)
        print(
            f"| {n_images:,} | {int(n_images / IMAGES_PER_PATIENT):,} | {taken:,.1f} | {each:.2f} | {memory:,.0f} |",
            flush=True,
        )
    if len(seconds) > 1:
        slope, constant = np.polyfit(options.images, seconds, 1)
        print(f"\nseconds = {constant:.1f} + {1e6 * slope:.2f} per million images")
        for workers in (1, 16, 128):
            print(
                f"10^9 images on {workers} workers as fast as this one, by that line: "
                f"{(constant + 1e9 * slope / workers) / 3600:.1f} h"
            )


if __name__ == "__main__":
    main()
