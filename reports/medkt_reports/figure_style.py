"""How every figure looks, and how it becomes bytes: the same results give the same bytes.

In: figures drawn with matplotlib's object API. Out: SVG and PDF without dates, CSV of the numbers drawn. No figure is
known to pyplot.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from medkt_reports import words

INK, QUIET, RULE = "#1c2127", "#5f6873", "#d4d9df"
_MARKERS = "osD^vPX<>*"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.4, 1.2, 1.4)), (0, (3, 1, 1, 1, 1, 1)))
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 8.5,
    "axes.titlesize": 8.5, "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8,
    "axes.titlelocation": "left", "axes.edgecolor": QUIET, "axes.linewidth": 0.7, "axes.axisbelow": True,
    "axes.labelcolor": INK, "axes.titlecolor": INK, "text.color": INK, "xtick.color": QUIET, "ytick.color": QUIET,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "grid.color": RULE, "grid.linewidth": 0.6,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
    "text.parse_math": False, "axes.unicode_minus": True, "axes.formatter.use_mathtext": False,
    "svg.fonttype": "none", "pdf.fonttype": 42, "pdf.use14corefonts": False, "text.usetex": False,
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A figure, the numbers it shows, and its words."""

    name: str
    """File name without its ending; also what its ids in a page begin with."""
    figure: Figure
    data: pd.DataFrame
    caption: str
    alt: str


@dataclass(frozen=True)
class ArmStyle:
    """How one arm is drawn, so that it is known by colour, marker and dashes alike."""

    color: str
    marker: str
    dashes: Any


def arm_styles(arms: Sequence[str]) -> dict[str, ArmStyle]:
    """A style for each arm, from a palette that colour-blind readers can tell apart."""
    palette = sns.color_palette("colorblind").as_hex()
    return {
        arm: ArmStyle(palette[k % len(palette)], _MARKERS[k % len(_MARKERS)], _DASHES[k % len(_DASHES)])
        for k, arm in enumerate(arms)
    }


@contextmanager
def house_style() -> Iterator[None]:
    """The style of every figure, for the time of drawing or saving it."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a label in another script
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, laid out by constraints."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def settle(figure: Figure, synthetic: str) -> None:
    """Lay the figure out once, so that every format has the same layout and saving does not repeat the work.

    A figure of a synthetic data set says so in a corner of its own, to be read wherever it is pasted.
    """
    if synthetic:
        figure.suptitle(words.synthetic([synthetic]), x=0.995, ha="right", fontsize=7, fontweight="bold")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def wrapped(text: str, width: int) -> str:
    """Text in lines of at most `width` characters; long words are kept whole."""
    return "\n".join(textwrap.wrap(text, width, break_long_words=len(text) > 3 * width)) or text


def grid(axes: Axes, axis: str) -> None:
    """Thin lines across one axis, no ticks."""
    axes.grid(visible=True, axis=axis)  # type: ignore[arg-type]
    axes.tick_params(length=0)


def svg(drawn: Drawn) -> str:
    """The figure as SVG, text kept as text."""
    out = io.StringIO()
    with house_style():
        mpl.rcParams["svg.hashsalt"] = drawn.name
        drawn.figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def pdf(drawn: Drawn) -> bytes:
    """The figure as PDF."""
    out = io.BytesIO()
    with house_style():
        drawn.figure.savefig(out, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return out.getvalue()


def csv(drawn: Drawn) -> str:
    """The numbers that the figure shows, unrounded."""
    return drawn.data.to_csv(index=False, lineterminator="\n")
