"""JSON and TOML of bounded depth, with finite numbers of 64 bits, and text that can be printed."""

from pathlib import Path

import pytest

from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.text import MOST_LEVELS, parse_json, parse_toml, read_json, read_text, read_toml

EXPECTED = "a table"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "levels"),
        ("[" * (MOST_LEVELS + 1) + "]" * (MOST_LEVELS + 1), "levels"),
        ('{"a": ' * 400 + "1" + "}" * 400, "levels"),
        ('{"a": -Infinity}', "a is -inf; expected a finite number"),
        ('{"a": 1e999}', "a is inf; expected a finite number"),
        ('{"seed": 18446744073709551616}', "seed is beyond 64 bits"),
        ('{"seed": 1' + "0" * 5000 + "}", "a number of 5,001 digits"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' is there twice"),
        ('{"arm": {"name": "a\\u0000"}}', r"arm\.name is 'a\\x00', which holds the character U\+0000"),
        ('{"name": "\\ud800"}', r"name is '\\ud800'"),
        ('{"a\\u001b": 1}', r"the key 'a\\x1b' holds a control character"),
    ],
)
def test_hostile_json_is_one_line(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        parse_json(text, "run.json", EXPECTED)
    assert str(refused.value).startswith("run.json: ")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = ", "not TOML"),
        ("a = " + "[" * 5000 + "]" * 5000, "levels"),
        (".".join(["a"] * 400) + " = 1", "levels"),
        ("a = inf", "a is inf; expected a finite number"),
        ("a = [1, nan]", r"a\.1 is nan"),
        ("seed = " + "9" * 30, "seed is beyond 64 bits"),
        ("seed = " + "9" * 5000, "a number of 5,000 digits"),
        ('name = "a\\u0000"', "U\\+0000"),
        ("a = 1\na = 2", "not TOML"),
    ],
)
def test_hostile_toml_is_one_line(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        parse_toml(text, "study.toml", EXPECTED)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_good_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"text": "two\\nlines", "digits": "' + "1" * 5000 + '", "seed": 9223372036854775807}'
    )
    (tmp_path / "a.toml").write_text("[a.b]\nc = 1e-8")
    assert read_json(tmp_path / "a.json", EXPECTED)["seed"] == 2**63 - 1
    assert read_toml(tmp_path / "a.toml", EXPECTED) == {"a": {"b": {"c": 1e-8}}}


def test_text_that_is_not_utf8_names_line_and_byte(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"# one\nname = '\xe9'")
    with pytest.raises(InputError, match=r"a\.toml: line 2: byte 0xe9 is not UTF-8; expected a table"):
        read_text(tmp_path / "a.toml", EXPECTED)


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" + " " * 1000 + "]")
    with pytest.raises(InputError, match="more than 999 bytes"):
        read_json(tmp_path / "a.json", EXPECTED, most=999)


def test_nan_in_json_is_null() -> None:
    """json.dumps of Python writes NaN for a number that does not exist."""
    assert parse_json('{"a": [NaN, 1]}', "run.json", "a table") == {"a": [None, 1]}
