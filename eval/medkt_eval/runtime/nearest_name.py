"""The known name that a misspelt one probably means.

In: a name that is not known, and the known ones. Out: the end of an error message.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that is most like `name`; case, blanks, hyphens and underscores do not count.

    Examples
    --------
    >>> nearest("AUC", ["auc", "f1"]), nearest("colour", ["auc", "f1"])
    ('auc', None)
    """
    by_letters = {_letters(other): other for other in known}
    close = difflib.get_close_matches(_letters(name), by_letters, n=1)
    return by_letters[close[0]] if close else None


def expected_one_of(name: str, known: Iterable[str]) -> str:
    """Say what was expected in place of `name`: all known names, and the nearest one.

    Examples
    --------
    >>> expected_one_of("AUC", ["auc", "f1"])
    "expected one of auc, f1; did you mean 'auc'?"
    """
    names = list(dict.fromkeys(known))
    close = nearest(name, names)
    return f"expected one of {', '.join(names)}" + (f"; did you mean {close!r}?" if close else "")


def _letters(name: str) -> str:
    return name.casefold().translate(str.maketrans("", "", " -_"))
