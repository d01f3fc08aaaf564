"""Text in figures: names broken into lines that fit, and letters that the figures' own font lacks.

In: names in any script. Out: lines of a given width; for letters of other scripts the installed fonts that have them,
or, in a PDF, their code points, so that two names never become the same empty boxes.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from medkt_reports.figures import fonts

INCHES = 0.066
"""Width of a letter of 8 points, a generous mean."""
_NO_LETTERS = ("Last Resort", "DejaVu")  # fonts of boxes, and the family that is searched first


def n_columns(text: str) -> int:
    """Width of a text in letters; East Asian letters are two wide.

    Examples
    --------
    >>> n_columns("Edema"), n_columns("기준")
    (5, 4)
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def wrapped(text: str, width: int) -> str:
    r"""Text in lines of at most `width` letters; a word that is longer is broken.

    Examples
    --------
    >>> wrapped("Attention transfer, in-domain", 20)
    'Attention transfer,\nin-domain'
    >>> wrapped("densenet121_all_layers", 12)
    'densenet121_\nall_layers'
    """
    lines = [""]
    for word in text.split():
        for part in _parts(word, width):
            joined = f"{lines[-1]} {part}" if lines[-1] and part is not None else part
            if n_columns(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(part)
    return "\n".join(line for line in lines if line) or text


def n_lines(texts: Iterable[str], width: int) -> int:
    """The most lines that one of these texts takes."""
    return max((wrapped(text, width).count("\n") + 1 for text in texts), default=1)


def _parts(word: str, width: int) -> list[str]:
    """Break a word that is wider than a line, after a mark between its parts where there is one."""
    parts = []
    while n_columns(word) > width:
        fits = next(k for k in range(len(word), 0, -1) if n_columns(word[:k]) <= max(width, 2))
        marks = [k + 1 for k in range(fits // 2, fits) if word[k] in "_-/,.;:+="]
        at = marks[-1] if marks else fits
        parts.append(word[:at])
        word = word[at:]
    return [*parts, word] if word else parts


def use_installed_fonts(figure: Figure) -> None:
    """Give each text with letters that the figures' font lacks the installed fonts that have them."""
    for axes in figure.axes:
        axes.get_xticklabels()  # makes the texts of the ticks
        axes.get_yticklabels()
    for text in figure.findobj(Text):
        if isinstance(text, Text) and (families := _families(_lacking(text.get_text()))[0]):
            text.set_fontfamily([fonts.family(), fonts.FALLBACK, *families, "sans-serif"])


def without_font(figure: Figure) -> str:
    """The letters of a figure that no installed font has, each once."""
    text = "".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))
    return "".join(sorted(_families(_lacking(text))[1]))


@contextmanager
def code_points_instead(figure: Figure) -> Iterator[bool]:
    """Print code points in place of letters that no installed font has, while the figure is saved.

    Yields whether there are such letters: their code points are wider, so the page must grow with them.
    """
    missing = set(without_font(figure))
    if not missing:
        yield False
        return

    def standing_in(text: str) -> str:
        return "".join(f"‹{ord(letter):X}›" if letter in missing else letter for letter in text)

    texts = [(text, text.get_text()) for text in figure.findobj(Text) if isinstance(text, Text)]
    axes_of = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    formatters = [(axis, axis.get_major_formatter()) for axis in axes_of]
    for text, old in texts:
        text.set_text(standing_in(old))
    for axis, formatter in formatters:
        axis.set_major_formatter(FuncFormatter(lambda x, k, of=formatter: standing_in(of(x, k))))
    try:
        yield True
    finally:
        for axis, formatter in formatters:
            axis.set_major_formatter(formatter)
        for text, old in texts:
            text.set_text(old)


def _lacking(text: str) -> frozenset[str]:
    """Letters of a text that DejaVu Sans lacks."""
    return frozenset(letter for letter in text if letter.isprintable() and ord(letter) not in _letters_of(_dejavu()))


@functools.cache
def _dejavu() -> str:
    return font_manager.findfont("DejaVu Sans")


@functools.cache
def _letters_of(path: str) -> frozenset[int]:
    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # a font that matplotlib cannot draw with
        return frozenset()


@functools.cache
def _families(letters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Installed families that together have these letters, and the letters that none has."""
    families: list[str] = []
    missing = {ord(letter) for letter in letters}
    if missing:
        entries = {
            (Path(font.fname).suffix.lower() not in (".ttf", ".ttc"), font.name, font.fname)
            for font in font_manager.fontManager.ttflist
            if font.style == "normal" and not font.name.startswith(_NO_LETTERS)
        }
        for _, name, path in sorted(entries):
            if name not in families and missing & _letters_of(path):
                families.append(name)
                missing -= _letters_of(font_manager.findfont(name))
            if not missing:
                break
    return tuple(families), frozenset(chr(letter) for letter in missing)
