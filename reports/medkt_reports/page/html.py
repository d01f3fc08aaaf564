"""The report as one HTML page, and a table as HTML. Jinja escapes every text; the page loads no other file.

In: a `Page` from contents.py, or a `Table`. Out: text, through the templates.
"""

from __future__ import annotations

import re
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jinja2
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from medkt_eval.errors import InputError
from medkt_reports.figures.style import INK, PAPER, QUIET, RULE, ReportFigure
from medkt_reports.page.contents import Page
from medkt_reports.tables.model import Table

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_IN_PAGE_COLORS = {INK: "currentColor", QUIET: "var(--quiet)", RULE: "var(--rule)", PAPER: "var(--paper)"}


def template_dir() -> Path:
    """Folder of the templates: inside the installed package, or next to the package in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def environment(templates: Path | None = None) -> jinja2.Environment:
    """Jinja that escapes, rejects undefined names, and prefers a user's template to ours of the same name.

    A user's template is rendered in a sandbox: it runs no code of Python's, and its loops are bounded.
    """
    folders = [template_dir()] if templates is None else [templates, template_dir()]
    kind = jinja2.Environment if templates is None else SandboxedEnvironment
    jinja = kind(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters["inline_svg"] = inline_svg
    return jinja


def render_page(page: Page, templates: Path | None = None) -> str:
    """Render the complete page."""
    with named(templates):
        return environment(templates).get_template("page.html.jinja").render(page=page)


def render_table(table: Table, templates: Path | None = None) -> str:
    """One table, to paste into another page."""
    with named(templates):
        module = environment(templates).get_template("table.html.jinja").module
        return f"{str(module.render(table)).strip()}\n"  # type: ignore[attr-defined]


@contextmanager
def named(templates: Path | None) -> Iterator[None]:
    """Name file and line of an error in a user's template; an error in ours is a bug and is raised unchanged."""
    try:
        yield
    except (jinja2.TemplateError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        if templates is None:
            raise
        raise InputError(
            f"{_location(error, templates)}: {type(error).__name__}: {error}; expected a Jinja template in UTF-8 that "
            "replaces medkt's own of that name"
        ) from error


def _location(error: Exception, templates: Path) -> str:
    """File and line: from a syntax error itself, otherwise the last template in the traceback."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.filename or error.name or templates}:{error.lineno}"
    if isinstance(error, UnicodeDecodeError):
        return next(
            (
                str(path)
                for path in sorted(templates.rglob("*"))
                if path.is_file() and path.read_bytes() == error.object
            ),
            str(templates),
        )
    folders = (templates, template_dir())
    frames = traceback.extract_tb(error.__traceback__)
    locations = [
        (f.filename, f.lineno) for f in frames if any(Path(f.filename).is_relative_to(folder) for folder in folders)
    ]
    return "{}:{}".format(*locations[-1]) if locations else str(templates)


def inline_svg(drawn: ReportFigure) -> Markup:
    """A figure's SVG for a page: with unique ids, the page's colours, and its text for readers who cannot see it."""
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ET.fromstring(drawn.svg)
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for definitions in root.iter(f"{{{_SVG}}}defs"):
        for style in definitions.findall(f"{{{_SVG}}}style"):
            definitions.remove(style)  # it would apply to the page; page.css has the same rules for figures only
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    for element in root.iter():
        for name, value in element.attrib.items():
            element.attrib[name] = _in_page(name, value, ids, drawn.name)
    root.attrib.update({"role": "img", "aria-label": drawn.alt, "width": "100%"})
    root.attrib.pop("height", None)
    width = float(root.attrib["viewBox"].split()[2])
    root.attrib["style"] = f"max-width: {width:.0f}pt; min-width: {0.8 * width:.0f}pt"
    return Markup(ET.tostring(root, encoding="unicode"))  # ElementTree has escaped text and attributes


def _in_page(name: str, value: str, ids: set[str], prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name == _XLINK and value.removeprefix("#") in ids:
        return f"#{prefix}-{value[1:]}"
    value = re.sub(r"url\(#([^)]+)\)", lambda match: f"url(#{prefix}-{match[1]})", value)
    for ours, theirs in _IN_PAGE_COLORS.items():
        value = value.replace(ours, theirs)
    return value
