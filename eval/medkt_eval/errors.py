"""The one exception that means: the user's input is wrong. The command line prints it and exits 2."""


class InputError(ValueError):
    """Wrong input, told in one message.

    The message names the file, row or key, says what was found and what was expected, and what to do.
    """
