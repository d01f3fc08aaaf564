"""`Together` and `TensorBoard`, where medkt 0.1 had them. New programs import `ObserverList` from `medkt.observers`."""

from medkt.observers import Together
from medkt.observers.tensorboard import TensorBoard

__all__ = ["TensorBoard", "Together"]
