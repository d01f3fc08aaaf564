r"""Escape any text for LaTeX.

In: text of any kind. Out: LaTeX for pdflatex with T1 fonts and textcomp.
"""

from __future__ import annotations

import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",  # after \\ these would be read as its arguments
    "±": r"$\pm$",
    "−": r"$-$",
    "×": r"$\times$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "√": r"$\surd$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "°": r"$^{\circ}$",
    "·": r"$\cdot$",
    "µ": r"$\mu$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "„": r"\quotedblbase{}",
    "\u00a0": "~",
    "\u202f": "~",
    "\u2009": "~",
}
_GREEK = {
    letter: rf"$\{unicodedata.name(letter).rpartition(' ')[2].lower()}$" for letter in "αβγδεζηθικλμνξπρστυφχψω"
} | {"λ": r"$\lambda$"}  # Unicode's name is "lamda"
_LIGATURES = frozenset(("--", ",,"))  # pairs that T1 fonts would print as another character
# The letters beyond Latin-1 that the T1 encoding has.
_T1_LETTERS = frozenset("ĂăĄąĆćČčĎďĐđĘęĚěĞğĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž")


def escape(text: str) -> str:
    r"""Escape a text so that LaTeX prints it and executes nothing.

    White space becomes one space. A letter that pdflatex has no glyph for is printed without its accent, or else as its
    code point: give such a label its LaTeX in the study file's `label_latex`.

    Examples
    --------
    >>> print(escape(r"50%_{\input{x}}"))
    50\%\_\{\textbackslash{}input\{x\}\}
    >>> escape("Ménière, 胸")
    'Ménière, {[}U+80F8{]}'
    """
    one_line = " ".join(unicodedata.normalize("NFC", text).split())
    escaped = [_escape_character(character) for character in one_line]
    for k in range(1, len(one_line)):
        if one_line[k - 1 : k + 1] in _LIGATURES:
            escaped[k] = "{}" + escaped[k]
    return "".join(escaped)


def _escape_character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in _GREEK:
        return _GREEK[character]
    if " " <= character <= "~" or character in _T1_LETTERS:
        return character
    if "À" <= character <= "ÿ":
        return character
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if " " <= c <= "~")
    if plain:
        return "".join(_SPECIAL.get(c, c) for c in plain)
    return "" if unicodedata.category(character).startswith("C") else f"{{[}}U+{ord(character):04X}{{]}}"
