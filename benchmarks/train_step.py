"""Measure the overhead of medkt's training over a bare PyTorch loop, the cost of a teacher, and a grid's saving.

python benchmarks/train_step.py                      ratios, DenseNet-40 at 64 px, batches of 32, one thread
python benchmarks/train_step.py --student densenet121 --size 64 --threads 2
python benchmarks/train_step.py --memory             peak memory of a run, by network and image size (Linux)

A round times one step of each part on the same images, odd rounds in reverse order, and every ratio is taken within a
round. The script prints the median over rounds with its 95 % interval (order statistics) and the range of the middle
90 %. Times are wall-clock seconds.

S          a step of transfer learning: Student.step on batches that are in memory
bare       the same step written by hand: forward, loss, backward, Adam, on the same batches and memory format
loop       a step of the trainer's loop from cached pixels (gathering, augmentation, step), against bare
T          a forward pass of the teacher (the student's architecture) without gradients
AT         a step of attention transfer, against S + T
grid       six steps of attention transfer that share one teacher, against 6 S + T
defaults   S, against the bare step in PyTorch's own memory format
predict    predict() on as many images, against a bare forward pass on a batch that is in memory
"""

from __future__ import annotations

import argparse
import itertools
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy import stats
from torch import nn
from torch.nn import functional

from medkt.data.layouts.phantom import PhantomChestData
from medkt.models import densenet
from medkt.run_settings import RunSettings
from medkt.settings import Architecture, TrainingSettings
from medkt.teachers.teacher import Teacher
from medkt.training import device
from medkt.training.batches import batches
from medkt.training.prediction import predict
from medkt.training.run_data import Part, RunData
from medkt.training.student.student import Student
from medkt.transfer import AttentionTransfer
from medkt.transfer.supervised import Supervised

BATCH, STEPS, WARM_UP, LABELS, BETAS = (
    32,
    4,
    3,
    tuple(f"l{k}" for k in range(14)),
    (1.0, 5.0, 20.0, 50.0, 100.0, 1000.0),
)


def settings(student: Architecture, size_px: int, beta: float | None = None) -> RunSettings:
    """Make the settings of a run on random images; with `beta`, of attention transfer."""
    return RunSettings(
        run_id=f"benchmark-{beta}-s0",
        role="arm",
        name="b",
        dataset="b",
        train_size=None,
        seed=0,
        method="supervised" if beta is None else "attention_transfer",
        student=student,
        initialisation="random",
        data=PhantomChestData(collection="phantom-chest", patients=3, validation_size=1, test_size=1),
        training=TrainingSettings(image_size_px=size_px, batch_size=BATCH),
        teacher=None if beta is None else "t",
        transfer=Supervised(method="supervised")
        if beta is None
        else AttentionTransfer(method="attention_transfer", beta=beta),
    )


def random_data(size_px: int) -> RunData:
    """Make random pixels and labels: STEPS batches to train, one to predict."""
    rng = np.random.default_rng(0)

    def part(n: int) -> Part:
        return Part(
            rng.integers(0, 256, (n, 1, size_px, size_px), dtype=np.uint8),
            rng.integers(0, 2, (n, len(LABELS))).astype(np.float32),
            np.array([str(k) for k in range(n)], dtype=object),
        )

    return RunData("multilabel", LABELS, part(BATCH * STEPS), part(BATCH), part(BATCH))


def teacher(architecture: Architecture) -> Teacher:
    """Make a teacher from an untrained network."""
    network = densenet.build(architecture, len(LABELS), seed=1)
    return Teacher(
        network,
        attention_layer=densenet.attention_layer(network),
        smallest_size_px=densenet.smallest_size_px(architecture, tapped=True),
    )


def seconds(work: Callable[[], object]) -> float:
    """Measure the wall-clock seconds of `work`."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare_step(
    network: nn.Module, optimiser: torch.optim.Optimizer, images: torch.Tensor, targets: torch.Tensor
) -> None:
    """Run one training step in plain PyTorch."""
    loss = functional.binary_cross_entropy_with_logits(network(images), targets)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    loss.item()


def ratios(architecture: Architecture, size_px: int, rounds: int) -> dict[str, list[float]]:
    """Measure the ratios of each round, by name."""
    data, run = random_data(size_px), settings(architecture, size_px)
    where = device.chosen(run.training)
    student = Student(run, data, start="random", teacher=None, device=where)
    ours = teacher(architecture).to(where.device, channels_last=True)
    taught = [
        Student(settings(architecture, size_px, beta), data, start="random", teacher=ours, device=where)
        for beta in BETAS
    ]
    bare, plain = (densenet.build(architecture, len(LABELS), seed=0) for _ in range(2))
    bare = where.placed(bare)
    bare_adam, plain_adam = (torch.optim.Adam(network.parameters(), lr=5e-5) for network in (bare, plain))
    ready = [(images, targets) for images, targets, _ in batches(run, data, 1, where)]
    ids = data.train.image_ids[:BATCH]
    for each in (student, *taught):
        each.begin_epoch()

    loop = itertools.chain.from_iterable(batches(run, data, epoch, where) for epoch in itertools.count(2))

    def step_of_loop() -> None:
        images, targets, rows = next(loop)
        student.step(images, targets, data.train.image_ids[rows])

    def look(images: torch.Tensor) -> None:
        ours.forget()
        ours.look(images)

    def step_at(students: list[Student], images: torch.Tensor, targets: torch.Tensor) -> None:
        ours.forget()
        for taught_student in students:
            taught_student.step(images, targets, ids)

    def forward(images: torch.Tensor) -> None:
        with torch.inference_mode():
            bare.eval()(images)

    def parts(images: torch.Tensor, targets: torch.Tensor) -> dict[str, Callable[[], object]]:
        return {
            "S": lambda: student.step(images, targets, ids),
            "bare": lambda: bare_step(bare.train(), bare_adam, images, targets),
            "loop": step_of_loop,
            "plain": lambda: bare_step(plain, plain_adam, images.contiguous(), targets),
            "T": lambda: look(images),
            "AT": lambda: step_at(taught[:1], images, targets),
            "grid": lambda: step_at(taught, images, targets),
            "forward": lambda: forward(images),
            "predict": lambda: predict(bare, "multilabel", data.test, BATCH, where),
        }

    by_ratio: dict[str, list[float]] = {}
    for round_ in range(-WARM_UP, rounds):
        work = parts(*ready[round_ % STEPS])
        times = {name: seconds(work[name]) for name in (reversed(work) if round_ % 2 else work)}
        if round_ < 0:
            continue
        for name, value in {
            "S / bare": times["S"] / times["bare"],
            "loop / bare": times["loop"] / times["bare"],
            "AT / (S + T)": times["AT"] / (times["S"] + times["T"]),
            "grid of 6 / (6 S + T)": times["grid"] / (6 * times["S"] + times["T"]),
            "grid of 6 / 6 (S + T)": times["grid"] / (6 * (times["S"] + times["T"])),
            "plain / S": times["plain"] / times["S"],
            "forward / predict": times["forward"] / times["predict"],
            "T / S": times["T"] / times["S"],
            "images a second of S": BATCH / times["S"],
        }.items():
            by_ratio.setdefault(name, []).append(value)
    return by_ratio


def peak_memory_mb(architecture: Architecture, size_px: int, taught: bool) -> float:
    """Measure the resident memory that two steps add, in a separate process."""
    code = (
        f"from benchmarks.train_step import steps_in_memory; "
        f"print(steps_in_memory({architecture!r}, {size_px}, {taught}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def steps_in_memory(architecture: Architecture, size_px: int, taught: bool) -> float:
    """Measure the MB that two steps, a validation and their networks add to the process."""
    data, run = random_data(size_px), settings(architecture, size_px, 1.0 if taught else None)
    start_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    where = device.chosen(run.training)
    loaded_teacher = teacher(architecture).to(where.device, channels_last=True) if taught else None
    student = Student(run, data, start="random", teacher=loaded_teacher, device=where)
    student.begin_epoch()
    for k, batch in enumerate(batches(run, data, 1, where)):
        if k < 2:
            student.step(*batch)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start_kb) / 1024


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", choices=("densenet40", "densenet121"), default="densenet40")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory:
        print("| Network | px | a run of transfer learning, MB | of attention transfer, MB |\n|---|---|---|---|")
        for architecture in ("densenet40", "densenet121"):
            for size_px in (64, 128, 256):
                figures = [peak_memory_mb(architecture, size_px, taught) for taught in (False, True)]
                print(f"| {architecture} | {size_px} | {figures[0]:.0f} | {figures[1]:.0f} |", flush=True)
        return
    print(
        f"{options.student}, {options.size} px, batches of {BATCH}, {options.threads} thread(s), "
        f"{options.rounds} rounds\n"
    )
    print("| Ratio | median | its 95 % interval | middle nine tenths |\n|---|---|---|---|")
    for name, values in ratios(options.student, options.size, options.rounds).items():
        ranked, reach = sorted(values), stats.binom.ppf(0.025, len(values), 0.5)
        low, high = np.quantile(values, (0.05, 0.95))
        print(
            f"| {name} | {statistics.median(values):.3f} | {ranked[int(reach)]:.3f}-{ranked[-1 - int(reach)]:.3f} | "
            f"{low:.3f}-{high:.3f} |"
        )


if __name__ == "__main__":
    main()
