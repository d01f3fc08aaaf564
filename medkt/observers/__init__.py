"""Observers: objects that get the events of a study. Progress bars, a log, TensorBoard.

In: events of a study (planned, epoch done, run done). Out: lines, bars, event files.
Read first: observer.py, the interface. Subclass `Observer` to write your own.
"""

from medkt.observers.observer import Observer, ObserverList

Together = ObserverList
"""The name of `ObserverList` in medkt 0.1."""

__all__ = ["Observer", "ObserverList", "Together"]
