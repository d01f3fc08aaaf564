"""Who is told how training goes: a terminal, a log, TensorBoard.

In: events of a study (planned, epoch done, run done). Out: lines, bars, event files.
Read first: observer.py, the interface; write your own with it.
"""

from medkt.observers.observer import Observer, Together

__all__ = ["Observer", "Together"]
