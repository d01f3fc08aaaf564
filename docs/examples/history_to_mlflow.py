"""Train a study and send each row of its histories to MLflow as well.

OMP_WAIT_POLICY=PASSIVE python docs/examples/history_to_mlflow.py my-study.toml my-runs

Any `medkt.observers.Observer` receives the same events; for W&B, `epoch` would call `wandb.log`.
"""

import sys
from pathlib import Path

import mlflow  # pyright: ignore[reportMissingImports]
from rich.console import Console

from medkt.config import RunSettings, read_study
from medkt.observers import Observer, Together, progress
from medkt.study.study import train_study


class Mlflow(Observer):
    """An MLflow run for each run of the study; several may train at the same time."""

    def __init__(self) -> None:
        self.client = mlflow.MlflowClient()
        self.runs: dict[str, str] = {}

    def run(self, run: RunSettings) -> None:
        """Begin it, with the settings that differ between arms."""
        made = self.client.create_run(experiment_id="0", run_name=run.run_id)
        self.runs[run.run_id] = made.info.run_id
        for name in ("method", "student", "teacher", "beta", "train_size", "seed"):
            self.client.log_param(made.info.run_id, name, getattr(run, name))

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Send a row."""
        for name, value in record.items():
            self.client.log_metric(self.runs[run.run_id], name, value, step=int(record["epoch"]))

    def done(self, run: RunSettings, seconds: float) -> None:  # noqa: ARG002
        """End it."""
        self.client.set_terminated(self.runs[run.run_id])


if __name__ == "__main__":
    study_file, out = Path(sys.argv[1]), Path(sys.argv[2])
    study, text, sha256 = read_study(study_file)
    with progress.observer(Console(stderr=True)) as bars:
        train_study(
            study,
            text=text,
            sha256=sha256,
            folder=study_file.parent,
            out=out,
            only=None,
            jobs=None,
            observer=Together(bars, Mlflow()),
        )
