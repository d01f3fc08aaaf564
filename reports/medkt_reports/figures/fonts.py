"""The font of the figures: a subset of DejaVu Sans, which reduces the time to write a PDF to a third.

In: DejaVu Sans from matplotlib. Out: a font family that matplotlib knows until the process ends. matplotlib
subsets a font for each PDF. With the full font, most of that time is spent on scripts and ligatures that no figure has.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import matplotlib as mpl
from fontTools import subset
from matplotlib import font_manager

FALLBACK = "DejaVu Sans"
"""Has the letters that the subset lacks: labels in Cyrillic, Arabic, ..."""
_FAMILY = "medkt Sans"  # its licence asks that an altered font has another name
# Latin, Greek, punctuation, letter-like signs, arrows and operators
_LETTERS = (*range(0x20, 0x250), *range(0x370, 0x400), *range(0x2000, 0x2070), *range(0x20A0, 0x2300))
_UNUSED = ("GSUB", "GPOS", "GDEF", "MATH", "FFTM")  # kerning stays: it has a table of its own
_FAMILY_NAMES, _POSTSCRIPT_NAME = (1, 4, 16), 6


@functools.cache
def family() -> str:
    """Name of the family; the first call makes and registers it."""
    folder = Path(tempfile.mkdtemp(prefix="medkt-fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for style in ("", "-Bold"):
        source = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{style}.ttf"
        options = subset.Options(legacy_kern=True, glyph_names=True, notdef_outline=True)
        options.drop_tables += [*_UNUSED]
        path = folder / f"medktSans{style}.ttf"
        with subset.load_font(str(source), options) as font:
            cut = subset.Subsetter(options)
            cut.populate(unicodes=_LETTERS)
            cut.subset(font)
            for record in font["name"].names:
                if record.nameID in _FAMILY_NAMES:
                    record.string = _FAMILY.encode(record.getEncoding())
                elif record.nameID == _POSTSCRIPT_NAME:
                    record.string = f"medktSans{style}".encode(record.getEncoding())
            font.save(path)
        font_manager.fontManager.addfont(path)
    return _FAMILY
