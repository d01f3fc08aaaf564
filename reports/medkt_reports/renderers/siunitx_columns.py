r"""A column of numbers for siunitx, aligned at the decimal point, with intervals after the numbers.

In: the cells of one column, as numbers.py printed them. Out: the width that an S column keeps free, and each cell as an
S column reads it. Other text ("n/a") is centred.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from medkt_reports.language import numbers
from medkt_reports.renderers.latex_text import escape
from medkt_reports.tables.model import Cell

_NUMBER = re.compile(r"(?P<comparator>[<>≤≥] )?(?P<sign>[+−])?(?P<whole>\d{1,3}(?:,\d{3})*)(?:\.(?P<decimals>\d+))?")
_COMPARATORS = {"≤": r"\le", "≥": r"\ge"}
_WIDTHS = {".": 0.6, numbers.MINUS: 1.6}  # in digits, to find the widest of several intervals


@dataclass(frozen=True)
class NumberColumn:
    """What an S column keeps free for its numbers, in digits, and for the widest interval after them."""

    comparator: bool
    sign: bool
    whole: int
    decimals: int
    widest: str

    @property
    def specification(self) -> str:
        """The column type of a tabular's preamble."""
        sign = ("<" if self.comparator else "") + ("+" if self.sign else "")
        return f"S[table-format={sign}{self.whole}.{self.decimals}{_after(self.widest)}]"

    def cell(self, cell: Cell) -> str:
        """A cell of the column: bold for the best; the number of the second underlined."""
        found = _NUMBER.fullmatch(cell.text)
        if found is None:
            text = escape(cell.text)
            return f"{{{text}}}" if text else ""
        number = _siunitx(found)
        after = _after(cell.uncertainty)
        if cell.mark == "second":
            after = f"{{{_underline(number, self._missing(found))}{after[1:-1]}}}"
        dagger = r"\rlap{$^{\dagger}$}" if cell.dagger else ""
        return (r"\bfseries " if cell.mark == "best" else "") + number + after + dagger

    def _missing(self, found: re.Match[str]) -> str:
        """Digits that other numbers of the column have after the last digit of this one."""
        own = len(found["decimals"] or "")
        return ("." if self.decimals and not own else "") + "0" * (self.decimals - own)


def number_column(cells: Sequence[Cell]) -> NumberColumn | None:
    r"""The column's layout; None if it holds words.

    Parameters
    ----------
    cells : sequence of Cell
        One column's, without its heads.

    Examples
    --------
    >>> found = number_column([Cell("76.6", "± 0.3"), Cell("8.25", "± 1.15"), Cell("n/a")])
    >>> print(found.specification)
    S[table-format=2.2{ $\pm$ \num{1.15}}]
    >>> print(found.cell(Cell("76.6", "± 0.3")), found.cell(Cell("n/a")))
    76.6{ $\pm$ \num{0.3}} {n/a}
    """
    found = [match for cell in cells if (match := _NUMBER.fullmatch(cell.text))]
    if not found or not all(_belongs(cell) for cell in cells):
        return None
    return NumberColumn(
        comparator=any(match["comparator"] for match in found),
        sign=any(match["sign"] for match in found),
        whole=max(len(match["whole"].replace(",", "")) for match in found),
        decimals=max(len(match["decimals"] or "") for match in found),
        widest=max((cell.uncertainty for cell in cells), key=_width),
    )


def _belongs(cell: Cell) -> bool:
    """Whether the cell holds a number or an absent value."""
    absent = cell.text in ("", numbers.ABSENT) or cell.value is None
    return cell.latex is None and (absent or _NUMBER.fullmatch(cell.text) is not None)


def _siunitx(found: re.Match[str]) -> str:
    """A number as siunitx reads it, which sets the minus sign and the commas between thousands itself."""
    comparator = (found["comparator"] or "").strip()
    sign = (found["sign"] or "").replace(numbers.MINUS, "-")
    decimals = f".{found['decimals']}" if found["decimals"] else ""
    return f"{_COMPARATORS.get(comparator, comparator)} {sign}{found['whole'].replace(',', '')}{decimals}".strip()


def _after(uncertainty: str) -> str:
    r"""An interval as what follows a number: in braces, so that siunitx does not read it as part of the number."""
    if not uncertainty:
        return ""
    parts, end = [], 0
    for match in _NUMBER.finditer(uncertainty):
        parts.append(rf"{_spaced(uncertainty[end : match.start()])}\num{{{_siunitx(match)}}}")
        end = match.end()
    return f"{{ {''.join(parts)}{_spaced(uncertainty[end:])}}}"


def _spaced(text: str) -> str:
    """Escaped text with the spaces at its ends, which `escape` drops."""
    body = text.strip()
    return text.replace(body, escape(body)) if body else text


def _underline(number: str, missing: str) -> str:
    r"""A rule under the preceding number: an S column cannot align a number inside \underline."""
    back = rf"\phantom{{{missing}}}" if missing else ""
    return rf"\llap{{\underline{{\phantom{{\num{{{number}}}}}}}{back}}}"


def _width(text: str) -> float:
    return sum(_WIDTHS.get(character, 1) for character in text)
