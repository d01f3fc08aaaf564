"""Measure the phantom: its speed, the visibility of findings, and the loss when the hospital changes.

python benchmarks/phantom.py                          images/s on one thread
python benchmarks/phantom.py --instrument             the per-finding table and the cross-hospital loss
python benchmarks/phantom.py --sheets docs/images     the contact sheets of docs/phantom.md
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.ndimage import binary_dilation
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medkt.data.collection import Collection
from medkt.data.label_tables.label_names import GRADES
from medkt.data.phantom.collections import chest_case, phantom_chest, phantom_fundus, phantom_shapes
from medkt.data.phantom.findings import LABELS
from medkt.data.phantom.hospitals import Hospital

PATCH = 10  # side of the resampled region


def case_of(image_id: str) -> tuple[int, int]:
    """Read the patient and image numbers from "p00012/i2"."""
    patient, image = image_id.split("/")
    return int(patient[1:]), int(image[1:])


def region_features(image: np.ndarray, slopes: tuple[np.ndarray, np.ndarray], mask: np.ndarray) -> np.ndarray:
    """Compute the features of one region, float32 (17 + 100,): grey values, contrast, slopes and pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    window = np.s_[max(rows[0] - 3, 0) : rows[-1] + 4, max(columns[0] - 3, 0) : columns[-1] + 4]
    mirrored = image[:, ::-1][mask]
    image, mask = image[window], mask[window]
    down, right = slopes[0][window][mask], slopes[1][window][mask]
    values = image[mask]
    ring = image[binary_dilation(mask, iterations=3) & ~mask]
    summary = [
        *np.sort(values)[(np.array([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98]) * len(values)).astype(int)],
        values.mean(),
        values.std(),
        values.mean() - ring.mean(),
        values.std() - ring.std(),
        values.mean() - mirrored.mean(),
        values.std() - mirrored.std(),
        np.abs(down).mean(),
        np.abs(right).mean(),
        down.mean(),
        right.mean(),
    ]
    at_rows, at_columns = (np.linspace(3, side - 4, PATCH).round().astype(int) for side in mask.shape)
    patch = (image * mask)[at_rows[:, None], at_columns]
    return np.concatenate([summary, patch.ravel()]).astype(np.float32)


def describe(chest: Collection, seed: int, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each image's mean (n,) and each label's region features (n, 14, 117), for images as `chest.read` draws."""
    means = np.empty(len(chest))
    features = np.empty((len(chest), len(LABELS), 17 + PATCH * PATCH), np.float32)
    for index, image_id in enumerate(chest.image_ids.tolist()):
        patient, number = case_of(image_id)
        present = [label for label, shown in zip(LABELS, chest.targets[index], strict=True) if shown]
        pixels, masks = chest_case(seed=seed, patient=patient, image=number, present=present, size_px=size_px)
        means[index] = pixels.mean()
        image = (pixels - pixels.mean()) / pixels.std()
        slopes = np.gradient(image)
        for label in range(len(LABELS)):
            features[index, label] = region_features(image, (slopes[0], slopes[1]), masks[label])
    return means, features


def instrument(patients: int, seed: int, size_px: int = 64) -> list[tuple[str, float, float, float]]:
    """Return label, prevalence, region AUC and brightness AUC. Even patients train, odd patients test.

    "No Finding" depends on all twelve regions, so its classifier gets the features of each region, not of their union.
    """
    chest = phantom_chest(patients=patients, seed=seed)
    means, features = describe(chest, seed, size_px)
    test = np.array([case_of(i)[0] % 2 == 1 for i in chest.image_ids.tolist()])
    rows = []
    for index, label in enumerate(LABELS):
        truth = chest.targets[:, index]
        seen = features[:, index] if index else features[:, 1:-1, :17].reshape(len(chest), -1)
        trees = ExtraTreesClassifier(100, min_samples_leaf=3, max_features=0.2, random_state=0)  # pyright: ignore[reportArgumentType]
        trees.fit(seen[~test], truth[~test])
        region = roc_auc_score(truth[test], np.asarray(trees.predict_proba(seen[test]))[:, 1])
        rows.append((label, float(truth.mean()), float(region), float(roc_auc_score(truth, means))))
    return rows


def hospital_loss(patients: int, seed: int, size_px: int = 64) -> list[tuple[str, str, float]]:
    """Return (trained at, tested at, macro AUC) of a logistic regression on principal components of the pixels."""
    chests = {hospital: phantom_chest(patients=patients, seed=seed, hospital=hospital) for hospital in ("A", "B")}
    pixels = {
        h: np.stack([c.read(i, size_px).ravel() for i in range(len(c))]).astype(np.float32) for h, c in chests.items()
    }
    test = np.array([case_of(i)[0] % 2 == 1 for i in chests["A"].image_ids.tolist()])
    truth = chests["A"].targets
    rows = []
    for source in ("A", "B"):
        scores = {target: np.empty(truth.shape) for target in ("A", "B")}
        space = make_pipeline(PCA(120, whiten=True, svd_solver="randomized", random_state=0), StandardScaler())
        train = space.fit_transform(pixels[source][~test])
        inputs = {target: space.transform(pixels[target][test]) for target in scores}
        for label in range(len(LABELS)):
            model = LogisticRegression(C=0.01, max_iter=500).fit(train, truth[~test, label])
            for target, score in scores.items():
                score[test, label] = model.decision_function(inputs[target])
        rows += [(source, t, float(roc_auc_score(truth[test], scores[t][test], average="macro"))) for t in scores]
    return rows


def speed(images: int = 600, size_px: int = 64) -> list[tuple[str, float]]:
    """Measure images/s of each phantom, read once in order: the best of three passes with different seeds."""
    rows = []
    for make in (
        lambda seed: phantom_chest(patients=images, seed=seed),
        lambda seed: phantom_fundus(patients=images, seed=seed),
        lambda seed: phantom_shapes(images=images, seed=seed),
    ):
        rates, collection = [], make(0)
        for seed in range(1, 4):
            collection = make(seed)
            began = time.perf_counter()
            for index in range(images):
                collection.read(index, size_px)
            rates.append(images / (time.perf_counter() - began))
        rows.append((collection.name, max(rates)))
    return rows


def _sheet(path: Path, rows: list[list[np.ndarray]], titles: list[list[str]], sides: list[str], title: str) -> None:
    """Write rows of images as a PNG of 256 colours or greys, a third of the size of a full-colour PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    fig, axes = plt.subplots(len(rows), len(rows[0]), figsize=(1.5 * len(rows[0]), 1.6 * len(rows) + 0.3))
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            ax = axes[row, column]
            ax.imshow(image, cmap="gray", vmin=0, vmax=255)
            ax.set_xticks([])
            ax.set_yticks([])
            if titles[row]:
                ax.set_title(titles[row][column].replace("Enlarged ", "Enl. "), fontsize=7.5, pad=3)
            if column == 0:
                ax.set_ylabel(sides[row], fontsize=8)
    fig.suptitle(title, fontsize=9)
    fig.tight_layout(pad=0.4, rect=(0, 0, 1, 1 - 0.3 / fig.get_figheight()))
    fig.savefig(path, dpi=80 if len(rows) > 4 else 90)
    plt.close(fig)
    with Image.open(path) as drawn:
        rgb = drawn.convert("RGB")
    (rgb.convert("L") if rows[0][0].ndim == 2 else rgb.quantize(256, dither=Image.Dither.NONE)).save(
        path, optimize=True
    )


def sheets(folder: Path) -> None:
    """Write the contact sheets of docs/phantom.md."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[list[np.ndarray]] = []
    titles: list[list[str]] = []
    kinds: list[tuple[Hospital, bool, int]] = [("A", False, 128), ("A", True, 128), ("B", False, 64), ("B", True, 64)]
    for part in (range(7), range(7, 14)):
        for hospital, with_it, size_px in kinds:
            row = []
            for label in part:
                present = [LABELS[label]] if with_it else []
                case = chest_case(seed=11, patient=label, image=0, present=present, size_px=size_px, hospital=hospital)
                row.append(case[0])
            rows.append(row)
            titles.append([LABELS[label] for label in part] if len(titles) % 4 == 0 else [])
    sides = ["A: without", "A: with", "B, 64 px: without", "B, 64 px: with"] * 2
    title = "SYNTHETIC: each finding without and with, same patient and pose, at hospitals A and B"
    _sheet(folder / "phantom-chest.png", rows, titles, sides, title)

    fundus = phantom_fundus(patients=200, seed=1)
    rows = []
    for eye in ("left", "right"):
        for size_px in (160, 64):
            chosen = [
                np.flatnonzero((fundus.targets == g) & (fundus.groups["eye"] == eye))[0] for g in range(len(GRADES))
            ]
            rows.append([fundus.read(int(i), size_px) for i in chosen])
    sides = ["left, 160 px", "left, 64 px", "right, 160 px", "right, 64 px"]
    titles = [list(GRADES), [], [], []]
    _sheet(folder / "phantom-fundus.png", rows, titles, sides, "SYNTHETIC: fundus by grade and eye")

    shapes = phantom_shapes(images=400, seed=1)
    rows = [
        [shapes.read(int(np.flatnonzero(shapes.targets == c)[n]), 64) for c in range(len(shapes.labels))]
        for n in range(3)
    ]
    titles = [list(shapes.labels), [], []]
    _sheet(folder / "phantom-shapes.png", rows, titles, [""] * 3, "SYNTHETIC: ten shapes, 64 px")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instrument", action="store_true")
    parser.add_argument("--sheets", type=Path, metavar="FOLDER")
    parser.add_argument("--patients", type=int, default=700)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.sheets:
        sheets(options.sheets)
        return
    if options.instrument:
        print("| Label | Prevalence | Region AUC | Brightness AUC |\n|---|---|---|---|")
        for label, prevalence, region, brightness in instrument(options.patients, options.seed):
            print(f"| {label} | {prevalence:.2f} | {region:.3f} | {brightness:.3f} |")
        print("\n| Trained at | Tested at | Macro AUC |\n|---|---|---|")
        for source, target, auc in hospital_loss(options.patients, options.seed):
            print(f"| {source} | {target} | {auc:.3f} |")
        return
    print("| Phantom | Images/s at 64 px, one thread |\n|---|---|")
    for name, rate in speed():
        print(f"| {name} | {rate:.0f} |")


if __name__ == "__main__":
    main()
