"""Mutations of JSON and TOML: keys removed and renamed, values of the wrong kind, size or depth.

In: a tree of dicts and lists, and a random generator. Out: the tree, changed; or its text.
"""

from __future__ import annotations

import copy
import json
import math
from random import Random
from typing import Any

import tomli_w

VALUES = [
    None, True, False, -1, 0, 1, 2, 7.5, -0.5, 2**31, 2**63, 2**64, 10**30, -(2**63) - 1, 1e300, -1e300, 1e-320,
    math.nan, math.inf, -math.inf, "", " ", "auc", "macro", "nan", "x" * 5000, "a\x00", "a\x1b[31m", "\ud800", "\ufffe",
    "../../../victim",
    "/dev/zero", "\\input{/etc/passwd}", "<script>alert(1)</script>", "=1+1", "$HOME/x", "s3://nowhere/x", [], {},
    [[]], [None],
    ["a", "a"], {"a": 1}, list(range(300)),
]  # fmt: skip


def mutate(tree: Any, rng: Random) -> Any:
    """Apply one to three mutations; most of them deep in the tree."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        places = list(_places(tree))
        if places:
            parent, key = rng.choice(places)
            _change(parent, key, rng, [value for owner, k in places for value in [owner[k]]])
    return tree


def _places(tree: Any) -> Any:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        items = (
            list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
        )
        for key, value in items:
            yield node, key
            waiting.append(value)


def _change(parent: Any, key: Any, rng: Random, others: list[Any]) -> None:
    change = rng.choice(["type"] * 6 + ["value", "value", "number", "remove", "rename", "other", "nest", "length"])
    value = parent[key]
    if change == "type":  # a value of the same type passes a schema, and gets further
        parent[key] = _of_one_type(value, rng, others)
    elif change == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        parent[key] = rng.choice([-value, value * 1000000, value + 1, value / 3, str(value), [value]])
    elif change == "remove":
        del parent[key]
    elif change == "rename" and isinstance(parent, dict):
        parent[rng.choice([f"{key}s", str(key).upper(), "a\x00", "x" * 1000, "extra", ""])] = parent.pop(key)
    elif change == "other":
        parent[key] = copy.deepcopy(rng.choice(others))  # a table that held itself would have no end
    elif change == "nest":
        for _ in range(rng.choice([1, 5, 100])):
            value = [value]
        parent[key] = value
    elif change == "length" and isinstance(value, list):
        parent[key] = rng.choice([value[:-1], value + value[:1], value * 3, value[::-1]])
    else:
        parent[key] = rng.choice(VALUES)


def _of_one_type(value: Any, rng: Random, others: list[Any]) -> Any:
    if isinstance(value, bool) or value is None:
        return rng.choice([not value, None])
    if isinstance(value, float):
        return rng.choice(
            [0.0, 1.0, -1.0, 2.0, 0.5, 1e-320, 1e300, -1e300, 1 - 1e-16, value * 1e6, -value, value + 1e-9]
        )
    if isinstance(value, int):
        return rng.choice([0, 1, -1, 2, 40, 10**6, 2**31, 2**53 + 1, 2**63 - 1, value + 1])
    if isinstance(value, str):
        texts = [other for other in others if isinstance(other, str)]
        return rng.choice(
            [rng.choice(texts), rng.choice(texts), "", " ", value + " ", value.upper(), "a" * 199, "\u202e", "é%_$#&{}"]
        )
    if isinstance(value, list):
        return rng.choice([[], value[:1], value + value, value[::-1]])
    return {}


def json_text(tree: Any, rng: Random) -> bytes:
    """JSON of a tree; now and then with a key repeated, a number of many digits, or cut off."""
    text = json.dumps(tree)
    damage = rng.random()
    if damage < 0.05:
        text = text.replace('"format": 1', '"format": 1, "format": 2', 1)
    elif damage < 0.1:
        text = text.replace(": 1", ": " + "1" * 5000, 1)
    elif damage < 0.15:
        text = text[: rng.randrange(len(text) + 1)]
    elif damage < 0.18:
        text = "[" * 100_000
    return text.encode("utf-8", "surrogatepass")


def toml_text(tree: dict[str, Any], rng: Random) -> bytes:
    """TOML of a tree, where TOML can hold it."""
    text = tomli_w.dumps(_without_none(tree))
    damage = rng.random()
    if damage < 0.05:
        text = text[: rng.randrange(len(text) + 1)]
    elif damage < 0.08:
        text = "x = " + "[" * 5000 + "\n" + text
    elif damage < 0.1:
        text = ".".join(["a"] * 3000) + " = 1\n" + text
    return text.encode("utf-8", "surrogatepass")


def _without_none(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key): _without_none(value) for key, value in tree.items() if value is not None}
    if isinstance(tree, list):
        return [_without_none(value) for value in tree if value is not None]
    return tree
