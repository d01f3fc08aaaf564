r"""What LaTeX a label may be given: text, accents and formulas, and nothing that reads, writes or defines.

In: a value of `label_latex`. Out: the same value, or an error. Tables print it unescaped, and results.json may come
from somebody else: `\input` would put a file of the reader's machine into the table. So commands are allowed by name.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_LONGEST = 500
_WITH_ARGUMENT = re.compile(
    r"""emph | text(it|bf|sc|sf|tt|rm|up|sl|subscript|superscript) | underline | mbox | ensuremath
    | math(rm|it|bf|sf) | sqrt | overline | [cvuHkrbdt]""",
    re.VERBOSE,
)
_SYMBOL = re.compile(
    r"""text(degree|mu|times|less|greater|endash|emdash|asciitilde|asciicircum|backslash|bar|quotesingle)
    | quotedblbase | l?dots | ss | ae | AE | oe | OE | o | O | aa | AA | l | L | i | j | LaTeX | TeX | quad
    | alpha | beta | gamma | delta | (var)?epsilon | zeta | eta | theta | iota | kappa | lambda | mu | nu | xi | pi
    | rho | sigma | tau | upsilon | (var)?phi | chi | psi | omega | Gamma | Delta | Theta | Lambda | Xi | Pi | Sigma
    | Upsilon | Phi | Psi | Omega | pm | mp | times | cdot | geq? | leq? | approx | sim | neq | to | (right|left)arrow
    | infty | circ | prime | d?dagger | surd""",
    re.VERBOSE,
)
_ESCAPES, _ACCENTS = frozenset(r"&%$#_{}, ;:!/-"), frozenset("'`^~\"=.")
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
_EXPECTED = r"expected text, accents, formulas between $ and commands such as \emph{...}"


def check_latex(text: str) -> str:
    r"""Return a label's LaTeX unchanged, or refuse it.

    Raises
    ------
    ValueError
        If it holds a command that is not allowed, a character that LaTeX reads as markup, braces or dollar signs that
        do not match, or more than 500 characters.

    Examples
    --------
    >>> print(check_latex(r"\emph{M\'eni\`ere}, $\alpha_1 \geq 2$"))
    \emph{M\'eni\`ere}, $\alpha_1 \geq 2$
    """
    if len(text) > _LONGEST:
        raise ValueError(f"has {len(text):,} characters; expected at most {_LONGEST}")
    tokens = _TOKEN.findall(text)
    depth, math_since = 0, None  # braces that are open; how many were open where a formula began
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if fault := _fault(token, following, in_formula=math_since is not None):
            raise ValueError(f"{fault}; {_EXPECTED}")
        if token == "$":
            if math_since not in (None, depth):
                raise ValueError(f"has a brace that is open at the end of a formula; {_EXPECTED}")
            math_since = depth if math_since is None else None
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < (math_since or 0):
            raise ValueError(f"closes a brace that is not open; {_EXPECTED}")
    if depth or math_since is not None:
        raise ValueError(f"has {'a brace' if depth else 'a formula'} that is not closed; {_EXPECTED}")
    return text


def _fault(token: str, following: str, *, in_formula: bool) -> str | None:
    if len(token) > 1:
        return _fault_of_command(token, following)
    if token in "%&#" or not token.isprintable():
        return f"holds {token!r}"
    if token in "^_" and (not in_formula or following in ("^", "_")):
        return f"holds {token!r} outside a formula, or twice"
    return "holds '$$'" if token == following == "$" else None


def _fault_of_command(token: str, following: str) -> str | None:
    name = token[1:]
    if _SYMBOL.fullmatch(name) or name in _ESCAPES:
        return None
    if not _WITH_ARGUMENT.fullmatch(name) and name not in _ACCENTS:
        return f"holds {token if token.isprintable() else ascii(token)}, which is not allowed"
    if following == "{" or (name in _ACCENTS and (following.isalpha() or following in ("\\i", "\\j"))):
        return None
    return f"holds {token} without {{...}} after it"


LabelLatex = Annotated[str, AfterValidator(check_latex)]
