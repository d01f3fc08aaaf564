"""The type of names in pydantic models, checked as `names.check_name` does.

A file of its own: `medkt --help` checks its arguments without importing pydantic.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.names import check_name


def _printable(name: str) -> str:
    try:
        return check_name(name, "name", "")
    except InputError as error:
        raise ValueError(str(error).removeprefix(": ")) from error


PrintableName = Annotated[str, AfterValidator(_printable)]
"""A name without control characters, of at most `names.LONGEST_NAME` characters."""
