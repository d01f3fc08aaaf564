"""How every figure looks, and how it becomes bytes: the same results give the same bytes.

In: figures drawn with matplotlib's object API. Out: SVG and PDF without dates, CSV of the numbers drawn. No figure is
known to pyplot.
"""

from __future__ import annotations

import functools
import io
import itertools
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from medkt_reports.figures import fonts, lettering
from medkt_reports.language import words
from medkt_reports.language.spreadsheets import csv_of

INK, QUIET, RULE = "#1c2127", "#5f6873", "#d4d9df"
PAPER = "#fefefe"
"""Fill of a hollow mark, so that no line shows through; the page replaces it by its background."""
_MARKERS = "osD^vPX<>*"
_PALE = (6, 8)  # of the palette: a line of these is lost on white paper
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.4, 1.2, 1.4)), (0, (3, 1, 1, 1, 1, 1)))
_LEGEND_LINE = 0.62
"""Inches that a legend's line and the gaps beside it take."""
_STYLE: dict[Any, Any] = {
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # a fixed position; otherwise matplotlib measures it again in every drawing
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "pdf.use14corefonts": False,
    "text.usetex": False,
}


@dataclass(frozen=True)
class ReportFigure:
    """A figure, the numbers it shows, and its words."""

    name: str
    """File name without ending, and prefix of the ids in a page."""
    figure: Figure
    data: pd.DataFrame
    caption: str
    alt: str

    @functools.cached_property
    def svg(self) -> str:
        """The figure as SVG, with text as text; made once, for the file and the page."""
        return _svg(self)


@dataclass(frozen=True)
class ArmStyle:
    """How one arm is drawn: by colour, marker and dashes, each of which identifies it."""

    color: str
    marker: str
    dashes: Any


def arm_styles(arms: Sequence[str]) -> dict[str, ArmStyle]:
    """A style for each arm, from a palette that colour-blind readers can distinguish."""
    palette = [color for k, color in enumerate(sns.color_palette("colorblind").as_hex()) if k not in _PALE]
    return {
        arm: ArmStyle(palette[k % len(palette)], _MARKERS[k % len(_MARKERS)], _DASHES[k % len(_DASHES)])
        for k, arm in enumerate(arms)
    }


@contextmanager
def house_style() -> Iterator[None]:
    """Apply the style of every figure while it is drawn or saved."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        mpl.rcParams["font.sans-serif"] = [fonts.FALLBACK]
        mpl.rcParams["font.family"] = [fonts.family(), fonts.FALLBACK, "sans-serif"]  # the last is for readers of SVG
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # see lettering.py
        yield


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure of this size in inches; layout None: the caller places the axes."""
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def settle(figure: Figure, synthetic: str) -> None:
    """Lay the figure out once, so that every format has the same layout and saving does not repeat the work.

    A figure of a synthetic data set says so in a corner, so that it can be read wherever the figure is pasted.
    """
    if synthetic:
        mark = lettering.wrapped(words.synthetic([synthetic]), int(figure.get_figwidth() / lettering.INCHES))
        figure.suptitle(mark, x=0.995, ha="right", fontsize=7, fontweight="bold")
    lettering.use_installed_fonts(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine(None)  # any other would have every saving draw twice


def percent(values: Sequence[float | None]) -> np.ndarray:
    """Fractions in percent; None becomes NaN, which leaves a gap in a line."""
    return np.array([np.nan if value is None else 100 * value for value in values])


def grid(axes: Axes, axis: str) -> None:
    """Thin lines across one axis, no ticks."""
    axes.grid(visible=True, axis=axis)  # type: ignore[arg-type]
    axes.tick_params(length=0)


def ticks_at(axes: Axes, values: Sequence[float], texts: Sequence[str], *, log: bool) -> None:
    """Put ticks of the horizontal axis at these rising values only; slant their labels if they would overlap."""
    if log:
        axes.set_xscale("log")
    positions = [math.log10(value) if log else value for value in values]
    span = positions[-1] - positions[0]
    margin = 0.08 * span or (0.1 if log else 1.0)
    ends = positions[0] - margin, positions[-1] + margin
    axes.set_xlim(*(10**end if log else end for end in ends))
    axes.xaxis.set_major_locator(FixedLocator(list(values)))
    axes.xaxis.set_major_formatter(FixedFormatter(list(texts)))
    axes.xaxis.set_minor_locator(NullLocator())
    figure = axes.get_figure(root=True)
    inches = 0.9 * axes.get_position().width * (figure.get_figwidth() if figure else 0) / (span or 1)
    needed = 0.075 * max(map(len, texts)) + 0.06
    if any(inches * (b - a) < needed for a, b in itertools.pairwise(positions)):
        axes.tick_params(axis="x", labelrotation=45)
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")


@dataclass(frozen=True)
class LegendLayout:
    """How names stand in a legend of a given width."""

    columns: int
    names: dict[str, str]
    """Each name, broken into lines."""
    height: float
    """In inches."""


def legend_layout(names: Sequence[str], width: float, *, most_columns: int = 2) -> LegendLayout:
    """Arrange names side by side where they fit, else one beneath the other, else broken into lines.

    Parameters
    ----------
    names : sequence of str
    width : float
        Inches that the legend may take.
    most_columns : int
    """
    longest = max(map(lettering.n_columns, names), default=1)
    fits = [k for k in range(1, most_columns + 1) if k * (_LEGEND_LINE + longest * lettering.INCHES) <= width]
    columns = min(max(fits, default=1), max(len(names), 1))
    letters = max(int((width / columns - _LEGEND_LINE) / lettering.INCHES), 6)
    broken = {name: lettering.wrapped(name, letters) for name in names}
    lines = [text.count("\n") + 1 for text in broken.values()]
    down = math.ceil(len(lines) / columns)
    by_column = [lines[k * down : (k + 1) * down] for k in range(columns)]
    return LegendLayout(columns, broken, max((sum(0.13 * n + 0.05 for n in part) for part in by_column), default=0.0))


def legend_beneath(figure: Figure, styles: Mapping[str, ArmStyle], *, markers: bool = True) -> None:
    """Draw one legend below all panels: line and marker of each name, no wider than the figure."""
    layout = legend_layout(list(styles), figure.get_figwidth())
    handles = [
        Line2D(
            [],
            [],
            color=style.color,
            linestyle=style.dashes,
            marker=style.marker if markers else "",
            markersize=4.5,
            linewidth=1.5,
            label=layout.names[name],
        )
        for name, style in styles.items()
    ]
    location = "lower center" if figure.get_layout_engine() is None else "outside lower center"
    figure.legend(handles=handles, loc=location, ncols=layout.columns, handlelength=3)


def _svg(drawn: ReportFigure) -> str:
    out = io.StringIO()
    with house_style():
        mpl.rcParams["svg.hashsalt"] = drawn.name
        drawn.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r'(<path [^>"]*(?:"[^"]*"[^>"]*)*?d=")([^"]*)', _rounded, out.getvalue())


def _rounded(path: re.Match[str]) -> str:
    """Round a path to 0.01 pt, which halves the file and is invisible."""
    return path[1] + re.sub(r"(\.\d\d)\d+", r"\1", path[2])


def pdf(drawn: ReportFigure) -> bytes:
    """The figure as PDF."""
    out = io.BytesIO()
    metadata: dict[str, Any] = {"CreationDate": None, "Creator": None, "Producer": None}
    with house_style(), lettering.code_points_instead(drawn.figure) as wider:
        drawn.figure.savefig(out, format="pdf", metadata=metadata, bbox_inches="tight" if wider else None)
    return out.getvalue()


def csv(drawn: ReportFigure) -> str:
    """The numbers that the figure shows, unrounded."""
    return csv_of(drawn.data)
