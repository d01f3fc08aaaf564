"""The old place of `medkt.observers.Observer`, kept for programs written for medkt 0.1."""

from medkt.observers import Observer

__all__ = ["Observer"]
