"""One check of all names and texts that come from outside: labels, arms, groups, ids, studies.

In: a name. Out: the same name, or an error that shows it escaped. Control characters, lone surrogates and the like
cannot be written to SVG, JSON or a terminal, and numpy drops a NUL at the end of a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from medkt_eval.errors import InputError

LONGEST_NAME = 200  # characters of a label, an arm, a group or a column
LONGEST_ID = 1000  # characters of an image's or a patient's id

# What XML cannot hold, and so neither SVG nor HTML. Line ends and tabs are allowed in a text, not in a name.
_NOT_IN_TEXT = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
# Also line ends, the other control characters, and marks that reverse the direction in which text is shown.
_NOT_IN_NAMES = _NOT_IN_TEXT + "\t\n\r\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff"
TEXT = re.compile(f"[{_NOT_IN_TEXT}]")
NAME = re.compile(f"[{_NOT_IN_NAMES}]")


def check_name(name: str, what: str, source: str, *, longest: int = LONGEST_NAME) -> str:
    r"""Return a name unchanged, or refuse it.

    Parameters
    ----------
    name : str
        As the file or the command line has it.
    what : str
        What it names, for the message: "label", "arm", "patient_id".
    source : str
        Where it stands.
    longest : int
        Characters that it may have.

    Raises
    ------
    InputError
        If it holds a character that cannot be printed, or is too long.

    Examples
    --------
    >>> check_name("Pleural effusion", "label", "a.csv")
    'Pleural effusion'
    """
    if found := NAME.search(name):
        raise InputError(
            f"{source}: {what} {shown(name)} holds the character U+{ord(found[0]):04X}; "
            "expected text without control characters: rename it"
        )
    if len(name) > longest:
        raise InputError(
            f"{source}: {what} {shown(name)} has {len(name):,} characters; expected at most {longest:,}: shorten it"
        )
    return name


def check_printable(names: Iterable[str], what: str, source: str, *, longest: int = LONGEST_NAME) -> None:
    """Check many names; see `check_name`."""
    for name in names:
        if len(name) > longest or not name.isprintable():  # which is fast, and stricter than the pattern
            check_name(name, what, source, longest=longest)


def shown(text: str, *, most: int = 80) -> str:
    r"""Quote a text for a message: one line, at most `most` characters of it, and nothing that a terminal obeys.

    Examples
    --------
    >>> print(shown("a\x1b[31m\n"), shown("\u00e9"), shown("x" * 500, most=3))
    'a\x1b[31m\n' 'é' 'xxx'...
    """
    quoted = "".join(
        character if not NAME.match(character) else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in repr(text[:most])
    )
    return quoted + ("..." if len(text) > most else "")
