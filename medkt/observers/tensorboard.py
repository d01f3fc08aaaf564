"""Training histories for TensorBoard. See docs/examples for MLflow; an observer for W&B is as short."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from medkt.observers.observer import Observer
from medkt.run_settings import RunSettings
from medkt_eval.errors import InputError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard(Observer):
    """Writes each row of a history as scalars, into one folder per run.

    Parameters
    ----------
    folder : Path
        The folder for `tensorboard --logdir`.

    Raises
    ------
    InputError
        If TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InputError("--tensorboard: TensorBoard is not installed: pip install tensorboard") from error
        self._folder, self._new_writer = folder, SummaryWriter
        self._writers: dict[str, SummaryWriter] = {}

    def epoch(self, run: RunSettings, record: dict[str, float]) -> None:
        """Append a row and flush it; it replaces the rows that an interrupted training wrote from this epoch on."""
        epoch = int(record["epoch"])
        if run.run_id not in self._writers:
            self._writers[run.run_id] = self._new_writer(str(self._folder / run.run_id), purge_step=epoch)
        writer = self._writers[run.run_id]
        for name, value in record.items():
            if name != "epoch":
                writer.add_scalar(name, value, epoch)
        writer.flush()

    def done(self, run: RunSettings, seconds: float) -> None:  # noqa: ARG002
        """Close the run's file."""
        if run.run_id in self._writers:
            self._writers.pop(run.run_id).close()
