"""Validate tables from files; an `InputError` names the first wrong key and what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from medkt_eval.errors import InputError
from medkt_eval.runtime.nearest_name import nearest

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], table: object, where: str) -> Model:
    """Validate `table` as a `model`, or raise an `InputError` with the first wrong key and the known keys."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        errors = error.errors()
        # A misspelt key is reported before the one that is missing because of it.
        first = next((item for item in errors if item["type"] == "extra_forbidden"), errors[0])
        key = _key(first, table)
        if first["type"] == "extra_forbidden":
            raise InputError(f"{where}: unknown key {key!r}{_nearest(model, first['loc'])}") from error
        if first["type"] == "missing":
            raise InputError(f"{where}: {key} is missing; expected a value there") from error
        if first["type"] == "value_error":
            message = first["msg"].removeprefix("Value error, ")
            raise InputError(f"{where}: {key}: {message}" if key else f"{where}: {message}") from error
        raise InputError(f"{where}: {key or 'it'} is {first['input']!r}: {first['msg']}") from error


def _key(error: ErrorDetails, table: object) -> str:
    """The key as the file has it, without the parts that a model adds, such as the tag of a union."""
    value, parts = table, []
    for position, part in enumerate(error["loc"], start=1):
        missing = error["type"] == "missing" and position == len(error["loc"])
        if isinstance(value, Mapping) and part not in value and not missing:
            continue
        if isinstance(value, list | tuple) and not isinstance(part, int):
            continue
        parts.append(str(part))
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, Sequence) and isinstance(part, int):
            value = value[part]
    return ".".join(parts)


def _nearest(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Suggest a known key for an unknown one, from all keys of the model and its parts.

    If a word selects a part (collection = "folder"), only that part's keys are candidates.
    """
    schema, key = model.model_json_schema(), str(place[-1])
    parts = [part.get("properties", {}) for part in (schema, *schema.get("$defs", {}).values())]
    named = [part for part in parts if any(known.get("const") in place[:-1] for known in part.values())]
    known = sorted({name for part in named or parts for name in part} - {key})
    close = nearest(key, known)
    fields = ", ".join(known if named else model.model_fields)
    return f"; did you mean {close!r}?" if close else f"; known keys: {fields}"
