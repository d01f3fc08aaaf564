"""Read text, JSON and TOML of bounded size and depth.

In: a file, or text. Out: text, or tables. A table has at most `MOST_LEVELS` levels, its numbers are finite and fit into
64 bits, no key of a JSON table is repeated, and its texts hold no character that cannot be printed.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.files import read_bytes
from medkt_eval.runtime.reading.names import NAME, TEXT, shown

MOST_BYTES_TEXT = 16 * 2**20  # of run.json, a study file and the like
MOST_LEVELS = 40
_MOST_DIGITS = 400  # of a number as it is written; longer ones take Python quadratic time


def read_text(path: Path, expected: str, *, most: int = MOST_BYTES_TEXT) -> str:
    """Read a UTF-8 file, with or without a byte-order mark.

    Raises
    ------
    InputError
        If it is not a regular file, is too large or not UTF-8. The message names it and what was expected.
    """
    content = read_bytes(path, expected, most=most).removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: byte 0x{content[error.start]:02x} is not UTF-8; expected {expected}"
        ) from error


def read_json(path: Path, expected: str, *, most: int = MOST_BYTES_TEXT) -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError
        As in `read_text` and `parse_json`.
    """
    return parse_json(read_text(path, expected, most=most), str(path), expected)


def read_toml(path: Path, expected: str) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    InputError
        As in `read_text` and `parse_toml`.
    """
    return parse_toml(read_text(path, expected), str(path), expected)


def parse_json(text: str, source: str, expected: str) -> Any:
    """Parse JSON. A `NaN`, which Python's json writes for a number that does not exist, is null.

    Parameters
    ----------
    text : str
    source : str
        Where it stands, for the message.
    expected : str
        What it should be, for the message.

    Raises
    ------
    InputError
        If it is not JSON, or beyond the bounds of this module.
    """
    read = partial(json.loads, object_pairs_hook=_without_repeats, parse_constant=_constant)
    return _parsed(read, text, source, "JSON", expected)


def parse_toml(text: str, source: str, expected: str) -> dict[str, Any]:
    """Parse TOML.

    Raises
    ------
    InputError
        As in `parse_json`.
    """
    return _parsed(tomllib.loads, text, source, "TOML", expected)


def _parsed(parse: Callable[[str], Any], text: str, source: str, language: str, expected: str) -> Any:
    if long := re.search(rf"\d{{{_MOST_DIGITS + 1},}}", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        raise InputError(f"{source}: a number of {len(long[0]):,} digits; expected at most {_MOST_DIGITS}")
    try:
        table = parse(text)
    except RecursionError as error:
        raise InputError(f"{source}: tables in more than {MOST_LEVELS} levels; expected {expected}") from error
    except ValueError as error:
        raise InputError(f"{source}: not {language} ({_one_line(error)}); expected {expected}") from error
    _check(table, source, expected)
    return table


def _one_line(error: ValueError) -> str:
    return NAME.sub(" ", str(error))[:300]


def _constant(written: str) -> float | None:
    return None if written == "NaN" else float(written)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"the key {shown(key)} is there twice in one table")
        table[key] = value
    return table


def _check(table: Any, source: str, expected: str) -> None:
    """Check every value, without recursion: the depth is not known before."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(table, ())]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, dict | list):
            if len(place) >= MOST_LEVELS:
                raise InputError(f"{source}: tables in more than {MOST_LEVELS} levels; expected {expected}")
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in items:
                if isinstance(key, str) and TEXT.search(key):
                    raise InputError(f"{source}: {_named(place)}the key {shown(key)} holds a control character")
                waiting.append((item, (*place, str(key))))
        elif isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{source}: {_named(place)}is {value}; expected a finite number")
        elif isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise InputError(f"{source}: {_named(place)}is beyond 64 bits; expected a smaller number")
        elif isinstance(value, str) and (found := TEXT.search(value)):
            raise InputError(
                f"{source}: {_named(place)}is {shown(value)}, which holds the character U+{ord(found[0]):04X}; "
                "expected text without control characters"
            )


def _named(place: tuple[str, ...]) -> str:
    return f"{shown('.'.join(place))[1:-1]} " if place else ""
