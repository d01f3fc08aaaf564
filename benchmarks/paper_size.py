"""Write run folders of the paper's full size with drawn scores, to see what a report of its study looks like and costs.

    python benchmarks/paper_size.py RUNS && nox -s report -- RUNS

RUNS is a folder that does not exist yet; it takes about 250 MB. It gets three data sets (CheXpert at three training
sizes, ChestX-ray8, Retina), the seven arms of Tables IV and V, and three seeds. The numbers of validation and test
images are the paper's. The two smaller data sets also get grids over beta. There are no images and no models: a score
is its label's separation plus noise of the patient, the image and the run. An arm's expected AUC is the paper's
published value if there is one (paper_numbers.py). Everything is marked SYNTHETIC.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from paper_numbers import ARMS, DATA, ROWS, DataSet, Row, references
from scipy import special, stats

SEEDS, EPOCHS = (0, 1, 2), 40
BETAS = (1, 5, 20, 50, 100, 1000, 2000)


@dataclass(frozen=True)
class Images:
    """The validation or test images of a data set, with their truth and the noise that all runs share."""

    frame: pd.DataFrame
    truth: np.ndarray  # (n, n_labels) 0 or 1
    noise: np.ndarray  # (n, n_labels), unit variance, shared by all runs


STUDY = """name = "The paper's study, drawn"

[analysis]
margin = 0.01
primary = { arm_a = "chexpert-5000-attention_transfer-densenet121-mimic", \
arm_b = "chexpert-5000-transfer_learning-densenet121-none" }
add = ["subgroups", "sensitivity", "specificity", "calibration", "net-benefit"]
"""


def draw_images(dataset: str, split: str) -> Images:
    data = DATA[dataset]
    rng = np.random.default_rng([17, *dataset.encode(), *split.encode()])
    n, n_patients = data.n[split]
    patient = np.sort(np.concatenate([np.arange(n_patients), rng.integers(0, n_patients, n - n_patients)]))
    liability = np.sqrt(0.6) * rng.normal(size=(n_patients, len(data.labels)))[patient]
    liability += np.sqrt(0.4) * rng.normal(size=liability.shape)
    if data.task == "multilabel":
        truth = (liability > stats.norm.ppf(1 - data.prevalence)).astype(np.int8)
    else:
        grade = np.searchsorted(stats.norm.ppf(np.cumsum(data.prevalence)[:-1]), liability[:, 0])
        truth = np.eye(len(data.labels), dtype=np.int8)[grade]
    noise = np.sqrt(0.4) * rng.normal(size=(n_patients, len(data.labels)))[patient]
    noise += np.sqrt(0.6) * rng.normal(size=noise.shape)
    frame = pd.DataFrame(
        {
            "image_id": [f"{dataset}/{split}/{k:06d}" for k in range(n)],
            "patient_id": [f"{split}-p{k:05d}" for k in patient],
            "group_sex": np.where(rng.random(n_patients) < 0.45, "F", "M")[patient],
        }
    )
    if data.task == "multilabel":
        for k, label in enumerate(data.labels):
            frame[f"target_{label}"] = truth[:, k]
    else:
        frame["target"] = np.array(data.labels)[truth.argmax(axis=1)]
    return Images(frame, truth, noise)


def predictions(images: Images, data: DataSet, auc: float, arm_noise: np.ndarray, seed: int, key: str) -> pd.DataFrame:
    """Draw the scores of one run. The runs of an arm share `arm_noise`."""
    rng = np.random.default_rng([seed, *key.encode()])
    noise = np.sqrt(0.8) * images.noise + np.sqrt(0.15) * arm_noise + np.sqrt(0.05) * rng.normal(size=arm_noise.shape)
    label_auc = auc + np.linspace(-0.06, 0.06, len(data.labels))  # some findings are easier
    separation = np.sqrt(2) * stats.norm.ppf(label_auc.clip(0.52, 0.98))
    latent = images.truth * separation + noise
    base = special.logit(data.prevalence)
    logits = base + separation * (latent - separation / 2)
    scores = special.expit(logits) if data.task == "multilabel" else special.softmax(logits, axis=1)
    columns = {f"score_{label}": scores[:, k].astype(np.float32) for k, label in enumerate(data.labels)}
    return pd.concat([images.frame, pd.DataFrame(columns)], axis=1)


def history(auc: float, seed: int, key: str, *, metric: str, attention: bool) -> pd.DataFrame:
    """Draw a learning curve that rises, peaks and falls. With attention transfer, it peaks later and has less noise."""
    rng = np.random.default_rng([seed, 1, *key.encode()])
    epoch = np.arange(1, EPOCHS + 1)
    peak = (22 if attention else 14) + rng.normal(scale=1.5)
    fall = 0.0004 if attention else 0.0009
    value = auc - 0.12 * np.exp(-epoch / (5 if attention else 3.5)) - fall * np.maximum(epoch - peak, 0)
    value += rng.normal(scale=0.0015 if attention else 0.003, size=EPOCHS)
    loss = 0.35 + 0.3 * np.exp(-epoch / 8)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "step": epoch * 100,
            "learning_rate": 5e-5 * 0.5 ** ((epoch - 1) // 16),
            "loss": loss,
            "loss_task": loss,
            "loss_transfer": 0.0,
            metric: value,
            "seconds": 60.0,
        }
    )


def write_run(
    out: Path, row: Row, column: int, seed: int, beta: int | None, grid: str | None, images: dict[str, Images]
) -> None:
    arm, data = ARMS[column], DATA[row.dataset]
    suffix = "" if arm.unfrozen == "all" else f"-{arm.unfrozen}"
    suffix += f"-beta{beta}" if grid else ""
    name = f"{row.dataset}-{row.train_size}-{arm.method}-{arm.student}-{arm.teacher or 'none'}{suffix}"
    folder = out / f"{name}-s{seed}"
    folder.mkdir(parents=True)
    rng = np.random.default_rng([seed, 2, *name.encode()])
    off = 0.0 if beta is None else 0.004 * np.log10(beta / row.beta[column - 3]) ** 2
    auc = row.auc[column] - off + rng.normal(scale=row.seed_sd)
    files: dict[str, Any] = {}
    for split, part in images.items():
        arm_noise = np.random.default_rng([3, *name.encode(), *split.encode()]).normal(size=part.noise.shape)
        table = predictions(part, data, auc, arm_noise, seed, name + split)
        path = folder / f"predictions-{split}.parquet"
        table.to_parquet(path, index=False)
        key = "predictions" if split == "test" else "predictions_validation"
        files[key] = {"file": path.name, "rows": len(table), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    metric = "auc" if data.task == "multilabel" else "f1"
    curve = history(auc, seed, name, metric=metric, attention=column > 2)
    curve.to_csv(folder / "history.csv", index=False)
    best = int(curve[metric].argmax())
    counts = {"train": (row.train_size, row.train_patients), **data.n}
    settings = {"epochs": EPOCHS, **({} if beta is None else {"attention_loss": "eq1", "beta": float(beta)})}
    manifest = {
        "format": 1,
        "run_id": folder.name,
        "seed": seed,
        "role": "arm",
        "grid": grid,
        "labels": list(data.labels),
        "arm": {
            "name": arm.name,
            "dataset": row.dataset,
            "task": data.task,
            "train_size": row.train_size,
            "method": arm.method,
            "student": arm.student,
            "teacher": arm.teacher,
            "unfrozen": arm.unfrozen,
            "trainable_parameters": arm.trainable,
            "total_parameters": max(a.trainable for a in ARMS if a.student == arm.student),
            "settings": settings,
        },
        "data": {
            "n": {split: n for split, (n, _) in counts.items()},
            "patients": {split: p for split, (_, p) in counts.items()},
            "sha256": {
                split: hashlib.sha256(f"{row.dataset} {split} {n}".encode()).hexdigest()
                for split, (n, _) in counts.items()
            },
            "positive": {
                split: dict(zip(data.labels, part.truth.sum(axis=0).tolist(), strict=True))
                for split, part in images.items()
            },
            "synthetic": True,
            "source": "SYNTHETIC: scores drawn at the paper's size; no image exists",
            "labelling": data.labelling,
            "views": data.views,
            "patients_in_two_splits": 0,
        },
        "selection": {
            "metric": metric,
            "label": "macro" if metric == "auc" else "weighted",
            "epoch": int(curve["epoch"][best]),
            "value": float(curve[metric][best]),
        },
        **files,
    }
    (folder / "run.json").write_text(json.dumps(manifest, indent=1))


def write_study(out: Path) -> None:
    """Write every run and the study file."""
    out.mkdir(parents=True)
    for row in ROWS:
        images = {split: draw_images(row.dataset, split) for split in ("validation", "test")}
        for column, arm in enumerate(ARMS):
            betas: tuple[int | None, ...] = (None,)
            if arm.teacher:
                searched = row.dataset != "chexpert"  # the grids of CheXpert would fill 1.5 GB
                betas = BETAS if searched else (row.beta[column - 3],)
            grid = f"{row.dataset}-{arm.student}-{arm.teacher}" if len(betas) > 1 else None
            for beta in betas:
                for seed in SEEDS:
                    write_run(out, row, column, seed, beta, grid, images)
    study = tomllib.loads(STUDY)
    analysis = {**study["analysis"], "reference": references()}
    record = {
        "name": study["name"],
        "sha256": hashlib.sha256(STUDY.encode()).hexdigest(),
        "text": STUDY,
        "analysis": analysis,
        "earlier": [],
    }
    (out / "study.json").write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-") or Path(sys.argv[1]).exists():
        sys.exit(f"usage: {sys.argv[0]} RUNS (a folder that does not exist yet)")
    write_study(Path(sys.argv[1]))
