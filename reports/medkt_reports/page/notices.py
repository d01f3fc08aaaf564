"""What the page of a report says when it does not belong to the results beside it.

In: the page of an older report, or nothing. Out: HTML.
"""

from __future__ import annotations

import re

from medkt_reports.page.marks import GENERATOR

_STYLE = (
    "margin: 0; padding: 1em; border-bottom: 3px solid #b00020; background: #fff; color: #000; font: 1rem sans-serif"
)
_MARK = '<aside id="medkt-older-report"'

UNFINISHED = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{GENERATOR}
<title>Unfinished report</title>
</head>
<body>
<p style="{_STYLE}"><strong>This report is unfinished.</strong> medkt ended while it wrote this report, so tables and
figures in this folder may be missing. Write it again: <code>medkt report results.json</code>.</p>
</body>
</html>
"""

_OLDER = f"""{_MARK} style="{_STYLE}"><strong>This report may be older than results.json.</strong>
<code>medkt evaluate --no-report</code> was run after this page, its tables and its figures were written. Write them
again: <code>medkt report results.json</code>.</aside>
"""


def marked_as_older(page: str) -> str:
    """Return a page that says it may be older than results.json; a page that says so already is unchanged.

    Examples
    --------
    >>> print(marked_as_older("<html><body class='a'><h1>Report</h1>")[:59])
    <html><body class='a'>
    <aside id="medkt-older-report" style
    """
    if _MARK in page:
        return page
    body = re.search(r"<body[^>]*>", page)
    at = body.end() if body else 0
    return f"{page[:at]}\n{_OLDER}{page[at:]}"
