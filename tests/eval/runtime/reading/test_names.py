"""Names that cannot be printed are refused and shown escaped; names of all languages are not."""

import unicodedata
import xml.etree.ElementTree as ET

import pytest

from medkt_eval.errors import InputError
from medkt_eval.runtime.reading.names import LONGEST_NAME, NAME, TEXT, check_name, check_printable, shown

HOSTILE = [
    "a\x1b[31m",
    "a\0",
    "\x07",
    "a\nb",
    "a\tb",
    "\x85",
    "\ud800",
    "a\ufffe",
    "\u202egnp.exe",
    "\u2028",
    "\ufeffA",
]
GOOD = ["Pleural effusion", "폐렴", "निमोनिया", "می‌خواهم", "β = 50", '<b> & "x"', "=1+1", "👩‍⚕️", "é"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_cannot_be_printed_is_refused_and_shown_escaped(name: str) -> None:
    with pytest.raises(InputError) as refused:
        check_name(name, "label", "a.csv")
    message = str(refused.value)
    assert message.startswith("a.csv: label '")
    assert "U+" in message
    assert all(unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} for character in message)
    assert not NAME.search(message)


@pytest.mark.parametrize("name", GOOD)
def test_names_of_all_languages_are_kept(name: str) -> None:
    assert check_name(name, "label", "a.csv") == name


def test_the_pattern_of_texts_is_what_xml_cannot_hold() -> None:
    for code in [*range(0x300), 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000]:
        character = chr(code)
        try:  # &, < and > have a meaning in XML; they are escaped by whoever writes it
            ET.fromstring(f"<a>{character}</a>" if character not in "&<" else "<a/>")
            parsed = True
        except (ET.ParseError, UnicodeEncodeError):
            parsed = False
        assert parsed is not bool(TEXT.search(character)), hex(code)


def test_a_long_name_is_refused_and_cut_in_the_message() -> None:
    check_name("x" * LONGEST_NAME, "arm", "--arm")
    with pytest.raises(InputError, match="has 100,000 characters; expected at most 200") as refused:
        check_printable(["good", "x" * 100_000], "arm", "--arm")
    assert len(str(refused.value)) < 300


def test_shown_is_one_line_and_bounded() -> None:
    assert shown("a'b\n") == '"a\'b\\n"'
    assert shown("\u202e") == "'\\u202e'"
    assert len(shown("\x1b" * 10_000)) < 500
