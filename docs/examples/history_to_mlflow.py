"""Train a study and send each row of its histories to MLflow as well.

OMP_WAIT_POLICY=PASSIVE python docs/examples/history_to_mlflow.py my-study.toml my-runs

Subclass `medkt.observers.Observer` for any other tool; with W&B, `epoch` would call `wandb.log`.
"""

import sys
from pathlib import Path

import mlflow  # pyright: ignore[reportMissingImports]
from rich.console import Console

from medkt.config import RunSettings
from medkt.observers import Observer, ObserverList, progress
from medkt.study.study import train_study_file
from medkt.study.study_file import StudyFile


class Mlflow(Observer):
    """An MLflow run for each run of the study; several may be active at a time."""

    def __init__(self) -> None:
        self.client = mlflow.MlflowClient()
        self.runs: dict[str, str] = {}

    def run(self, run: RunSettings) -> None:
        """Begin an MLflow run, with the settings that differ between arms."""
        mlflow_run = self.client.create_run(experiment_id="0", run_name=run.run_id)
        self.runs[run.run_id] = mlflow_run.info.run_id
        settings = {name: getattr(run, name) for name in ("student", "teacher", "train_size", "seed")}
        settings |= run.transfer.model_dump()  # the method and its keys, such as beta
        for name, value in settings.items():
            self.client.log_param(mlflow_run.info.run_id, name, value)

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Send a row of the history."""
        for name, value in record.items():
            self.client.log_metric(self.runs[run.run_id], name, value, step=int(record["epoch"]))

    def done(self, run: RunSettings, seconds: float) -> None:  # noqa: ARG002
        """End the MLflow run."""
        self.client.set_terminated(self.runs[run.run_id])


if __name__ == "__main__":
    study_file, out = Path(sys.argv[1]), Path(sys.argv[2])
    with progress.observer(Console(stderr=True)) as bars:
        train_study_file(StudyFile.read(study_file), out, observer=ObserverList(bars, Mlflow()))
