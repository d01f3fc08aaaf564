"""One input for each seed: a folder of files, of which one or two are mutated, and a command that reads them.

In: a seed, and the valid files that take long to make. Out: the arguments of `medkt`.
"""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch

from tests.fuzz import documents, files, tables, teachers, valid
from tests.fuzz.valid import Grid


@dataclass(frozen=True)
class Valid:
    """Valid files that take long to make."""

    results: dict[str, Any]
    weights: dict[str, torch.Tensor]


def prepare(seed: int, folder: Path, given: Valid) -> list[str]:
    """Write the files of an input to its folder, and return the command."""
    rng = Random(seed)
    makers, weights = zip(*KINDS, strict=True)
    return rng.choices(makers, weights)[0](folder, rng, given)


def _predictions(folder: Path, rng: Random, given: Valid) -> list[str]:
    multiclass, parquet = rng.random() < 0.3, rng.random() < 0.4
    suffix = "parquet" if parquet else rng.choice(["csv", "csv", "csv.gz"])
    grids = {
        f"{arm}_seed{k}": valid.predictions(10 * (arm == "at") + k, multiclass=multiclass)
        for arm in ("tl", "at")
        for k in range(2)
    }
    everywhere = rng.random() < 0.4  # the same fault in all files gets further
    fault, write = rng.randrange(2**32), tables.write_parquet if parquet else tables.write_csv
    for number, (name, grid) in enumerate(grids.items()):
        own = Random(fault)
        mutated = everywhere or number == 0
        if mutated and rng.random() < 0.8:
            tables.mutate(grid, own)
        write(grid, folder / f"{name}.{suffix}", own if mutated else Random(1))
    path = folder / f"{rng.choice(list(grids))}.{suffix}"
    if rng.random() < 0.15:
        files.damage(path, rng)
    elif rng.random() < 0.08:
        files.replace(path, rng)
    arm = rng.choice(["TL"] * 40 + ["T\x1b[31mL", "T" * 3000, "=", "@SUM(A1)", "é ф", "a\nb", "\udce9"])
    command = ["evaluate", "--arm", f"{arm}=tl_seed*", "--arm", f"AT=at_seed*.{suffix}"]
    return [*command, *_options(rng)]


def _options(rng: Random) -> list[str]:
    options = ["--out", "out", "--replicates", rng.choice(["0", "0", "100"])]
    if rng.random() < 0.85:
        options.append("--no-report")
    for add in ("subgroups", "permutation", "patients:jackknife", "mcnemar", "max-t"):
        options += ["--add", add] if rng.random() < 0.1 else []
    strange = ["nan", "inf", "-1", "0", "1e300", "0.9999999999999999", "9" * 40, "x"]
    for name in ("--margin", "--level", "--seed", "--replicates"):
        options += [name, rng.choice(strange)] if rng.random() < 0.02 else []
    return options


def _runs(folder: Path, rng: Random, given: Valid) -> list[str]:
    valid.write_runs(folder / "runs")
    run = rng.choice(sorted((folder / "runs").iterdir()))
    what = rng.choice(["manifest"] * 6 + ["all", "table", "damage", "replace", "study.json"])
    path = rng.choice(sorted(run.iterdir()))
    if what in ("manifest", "all"):
        fault = rng.randrange(2**32)
        for each in sorted((folder / "runs").iterdir()) if what == "all" else [run]:
            manifest = json.loads((each / "run.json").read_text())
            documents.mutate(manifest, Random(fault))
            (each / "run.json").write_bytes(documents.json_text(manifest, Random(fault)))
    elif what == "table":
        tables.mutate(valid.predictions(0), rng).write(run / "predictions-test.csv")
    elif what == "study.json":
        study = {"name": "x", "sha256": "0" * 64, "analysis": {"margin": 0.05, "baseline": "tl"}, "earlier": []}
        (folder / "runs" / "study.json").write_bytes(documents.json_text(documents.mutate(study, rng), rng))
    else:
        (files.damage if what == "damage" else files.replace)(path, rng)
    return ["evaluate", "runs", *_options(rng)]


def _results(folder: Path, rng: Random, given: Valid) -> list[str]:
    results, path = copy.deepcopy(given.results), folder / "results.json"
    for part in rng.sample(sorted(results), 3):  # a list of a thousand rows would take most mutations
        if isinstance(results[part], list) and len(results[part]) > 5:
            results[part] = results[part][: rng.choice([5, 1000])]
    key = rng.choice(sorted(results))
    target = results if rng.random() < 0.3 else {key: results[key]}
    documents.mutate(target, rng)
    results |= target if target is not results else {}
    path.write_bytes(documents.json_text(results, rng))
    if rng.random() < 0.1:
        files.damage(path, rng)
    elif rng.random() < 0.05:
        files.replace(path, rng)
    number = rng.choice(["IV", "V", "I", "comparisons", "labels", "subgroups", "nowhere"])
    return rng.choice(
        [
            ["report", "results.json", "--out", "out"],
            ["table", "results.json", "--table", number, "--format", rng.choice(["latex", "html", "csv", "markdown"])],
            ["plan", "results.json", "--effect", "0.02", "--out", "out"],
        ]
    )


def _study(folder: Path, rng: Random, given: Valid) -> list[str]:
    tree = documents.mutate(tomllib.loads(valid.STUDY), rng)
    (folder / "study.toml").write_bytes(documents.toml_text(tree, rng))
    if rng.random() < 0.1:
        files.damage(folder / "study.toml", rng)
    elif rng.random() < 0.05:
        files.replace(folder / "study.toml", rng)
    if rng.random() < 0.6:
        return ["train", "./study.toml", "--out", "out", "--dry-run", "--images-per-second", "100"]
    for arm in ("tl", "at"):
        for seed in range(2):
            valid.predictions(seed + 10 * (arm == "at")).write(folder / f"{arm}_seed{seed}.csv")
    return ["evaluate", "--arm", "TL=tl_seed*", "--arm", "AT=at_seed*", "--study", "study.toml", *_options(rng)]


def _images(folder: Path, rng: Random, given: Valid) -> list[str]:
    table: Grid = valid.write_images(folder / "images")
    if rng.random() < 0.6:
        tables.write_csv(tables.mutate(table, rng), folder / "images" / "labels.csv", rng)
    for path in rng.sample(sorted((folder / "images").iterdir()), rng.randint(0, 3)):
        (files.damage if rng.random() < 0.7 else files.replace)(path, rng)
    command = ["data", rng.choice(["check", "check", "describe"]), "folder", "--root", "images", "--out", "out"]
    strange = ["csv=../victim.csv", "csv=labels.csv", "image_column=nowhere", "label_columns=Edema", "classes=0,1",
               "class_column=Edema", "group_columns=sex", "validation_size=1e300", "seed=" + "9" * 25,
               "image_folder=../..", "x=[[[["]  # fmt: skip
    return [*command, *(["--set", rng.choice(strange)] if rng.random() < 0.5 else [])]


def _teacher(folder: Path, rng: Random, given: Valid) -> list[str]:
    path = folder / rng.choice(["t.pth", "t.pth", "t.safetensors"])
    teachers.write(given.weights, path, rng)
    if rng.random() < 0.2:
        files.damage(path, rng)
    elif rng.random() < 0.05:
        files.replace(path, rng)
    labels = rng.choice([[], [], ["--labels", rng.choice(["Edema,Mass", "chexpert", "a\x00,b", ",", "x" * 5000])]])
    return ["teacher", "convert", path.name, "--out", "out/t.safetensors", "--architecture", "densenet40", *labels]


Maker = Callable[[Path, Random, Valid], list[str]]
KINDS: list[tuple[Maker, float]] = [
    (_predictions, 0.34), (_runs, 0.2), (_results, 0.2), (_study, 0.12), (_images, 0.08), (_teacher, 0.06),
]  # fmt: skip
