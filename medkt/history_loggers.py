"""The old place of `Together` and `TensorBoard` (now `medkt.observers`), kept for programs written for medkt 0.1."""

from medkt.observers import Together
from medkt.observers.tensorboard import TensorBoard

__all__ = ["TensorBoard", "Together"]
