"""`Observer`, where medkt 0.1 had it. New programs import it from `medkt.observers`."""

from medkt.observers import Observer

__all__ = ["Observer"]
