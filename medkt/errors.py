"""What can go wrong in training though the input was right; the command line prints it and exits 1."""


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where it stopped, why, and what may help."""
