"""What declaring seeds crossed gains where runs of one seed number are alike: intervals of the same studies, both ways.

    python -m benchmarks.crossed_seeds

In: the coverage study's model, with a correlation of a seed's effect between two equal arms. Out: a table in markdown,
on standard output: type I error and mean width of the nested and the crossed analysis, and the power to find a
difference of three standard errors of the estimate.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from benchmarks.coverage_study.simulate import Cell, draw
from medkt_eval.inference.obuchowski_rockette import compare
from medkt_eval.measurement.all_labels import measure
from medkt_eval.measurement.label_metric import MeasurementOptions

STUDIES = 600
SEED_SD = {"1:1": 0.083, "9:1": 0.254}  # variance by seeds : patients, as in cells.toml
SEEDS = (3, 5, 10)
CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
LEVEL = 0.95


def study(cell: Cell, number: int) -> tuple[np.ndarray, dict[str, tuple[float, float, float]]]:
    """Analyse one study both ways.

    Returns
    -------
    float64, (2, 2)
        Covariance over seeds of the arms' AUC.
    dict of str to (float, float, float)
        Difference, low and high, for "nested" and "crossed".
    """
    (metric,) = measure(draw(cell, number).test, MeasurementOptions(("auc",), 0, number, cell.name), averages=())
    a, b = metric.values[: cell.seeds], metric.values[cell.seeds :]
    limits = {}
    for seeds in ("nested", "crossed"):
        test = compare(a, b, metric.covariance, seeds=seeds, df_patients=metric.df_patients, level=LEVEL)
        assert test.low is not None
        assert test.high is not None
        limits[seeds] = (test.difference, test.low, test.high)
    return np.cov(a, b), limits


def main() -> None:
    """Print one line for each ratio of variances, number of seeds and correlation."""
    head = ["seeds : patients", "k", "correlation of effects", "of runs", "type I error, nested", "crossed"]
    head += ["width, nested", "crossed", "power, nested", "crossed"]
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for (ratio, sd), k, correlation in product(SEED_SD.items(), SEEDS, CORRELATIONS):
        name = f"{ratio}, k={k}, correlation {correlation}"
        cell = Cell(name, "", "auc", "label 0", 300, k, (0.2,), (0.8,), (0.0, 0.0), (sd, sd), correlation)
        found = [study(cell, number) for number in range(STUDIES)]
        over_seeds = np.mean([covariance for covariance, _ in found], axis=0)
        line = [
            ratio,
            str(k),
            f"{correlation:g}",
            f"{over_seeds[0, 1] / np.sqrt(over_seeds[0, 0] * over_seeds[1, 1]):.2f}",
        ]
        of = {seeds: np.array([limits[seeds] for _, limits in found]) for seeds in ("nested", "crossed")}
        line += [f"{100 * np.mean((low > 0) | (high < 0)):.1f}" for _, low, high in (rows.T for rows in of.values())]
        line += [f"{100 * np.mean(high - low):.1f}" for _, low, high in (rows.T for rows in of.values())]
        effect = 3 * of["nested"][:, 0].std()
        line += [f"{100 * np.mean(low + effect > 0):.0f}" for _, low, _ in (rows.T for rows in of.values())]
        print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
