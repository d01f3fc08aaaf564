"""Measure images per second of DenseNet-40 training steps: one run at a time, or two runs side by side.

python benchmarks/side_by_side.py

It compares one run with two threads, one run with one thread, and two runs with one thread each side by side: images of
64 px, batches of 16, ten seconds each, three rounds. It prints the ratios.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import statistics
import threading
import time

import torch

from medkt.models import densenet

SECONDS, BATCH = 10.0, 16


def steps(threads: int, out: list[float], seed: int) -> None:
    """Train on the same batch repeatedly, and append the images per second to `out`."""
    torch.set_num_threads(threads)
    model = densenet.build("densenet40", 14, seed=seed).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(model.parameters())
    images = torch.randn(BATCH, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    targets = torch.rand(BATCH, 14).round()
    done, began = 0, None
    for k in range(100_000):
        if k == 2:  # two steps to warm up
            done, began = 0, time.perf_counter()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(images), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        done += BATCH
        if began is not None and time.perf_counter() - began > SECONDS:
            out.append(done / (time.perf_counter() - began))
            return


def rate(threads: int, runs: int) -> float:
    """Measure the images per second of `runs` runs together."""
    out: list[float] = []
    workers = [threading.Thread(target=steps, args=(threads, out, seed)) for seed in range(runs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(out)


rounds = [(rate(1, 1), rate(2, 1), rate(1, 2)) for _ in range(3)]
print("| One run, 1 thread | One run, 2 threads | Two runs, 1 thread each | Two runs / one of 2 threads |")
print("|---|---|---|---|")
for one_thread, two_threads, side_by_side in rounds:
    print(f"| {one_thread:.0f} | {two_threads:.0f} | {side_by_side:.0f} | {side_by_side / two_threads:.2f} |")
print(f"median ratio {statistics.median(both / two_threads for _, two_threads, both in rounds):.2f}")
