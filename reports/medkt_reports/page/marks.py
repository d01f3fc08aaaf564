"""What tells a page or a model card of medkt's from one of somebody else.

In: the bytes of a file. Out: whether medkt wrote it. Files of 0.1.0 have no mark; they are known by their own lines.
"""

from __future__ import annotations

GENERATOR = '<meta name="generator" content="medkt">'
CARD = "<!-- written by medkt -->"  # at the end of a card whose template is a user's
_OLDER_PAGES = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:",
    "<strong>This report is unfinished.</strong> medkt ended while it wrote",
    '<aside id="medkt-older-report"',
)
_OWN_CARD = "Filled from the results of the study; what they do not"


def is_page(content: bytes) -> bool:
    """Whether medkt wrote this page, with its own template.

    Examples
    --------
    >>> is_page(b"<p>we compare our tool with medkt</p>"), is_page(GENERATOR.encode())
    (False, True)
    """
    return any(mark.encode() in content for mark in (GENERATOR, *_OLDER_PAGES))


def is_card(content: bytes) -> bool:
    """Whether medkt wrote this model card.

    Examples
    --------
    >>> is_card(b"# Model card: mine")
    False
    """
    return any(mark.encode() in content for mark in (CARD, _OWN_CARD))


def marked_card(card: str) -> str:
    """The card with a mark at its end, if it has none."""
    return card if is_card(card.encode("utf-8", "replace")) else f"{card.rstrip()}\n\n{CARD}\n"
