"""Say whether one way of transferring knowledge beats another on a medical imaging task, and how surely."""

__version__ = "0.2.0"
