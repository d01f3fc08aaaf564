"""The exception for wrong input of the user. The command line prints it and exits with status 2."""


class InputError(ValueError):
    """Wrong input of the user, described in one message.

    The message names the file, row or key, says what was found and what was expected, and what to do.
    """
