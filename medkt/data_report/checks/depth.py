"""Find collections of 16-bit images that use fewer bits, so that they are dark and have few grey levels.

In: a `Survey`. Out: `Finding`s.
"""

from __future__ import annotations

import numpy as np

from medkt.data_report.findings import Evidence, Finding
from medkt.data_report.survey import Survey

WHITE = 65_535


def unused_bits(survey: Survey) -> tuple[list[Finding], str]:
    """Compare the brightest pixel of all 16-bit images with white.

    Returns
    -------
    findings : list of Finding
        A warning if no image uses the upper half of the range.
    looked_at : str
        The number of 16-bit images.
    """
    deep = survey.readable() & (survey.brightest >= 0)
    n = int(deep.sum())
    if n == 0:
        return [], "not checked: no image has 16 bits"
    brightest = int(survey.brightest[deep].max())
    bits = brightest.bit_length()
    scope = f"{n:,} images of 16 bits; their brightest pixel is {brightest:,} of {WHITE:,}"
    if bits >= 16:
        return [], scope
    factor = 2 ** (16 - bits)
    left = len(np.unique(np.arange(brightest + 1) >> 8)) if brightest else 1
    facts = {
        "16-bit images": n,
        "brightest pixel": f"{brightest:,} of {WHITE:,}",
        "bits used": bits,
        "grey levels left": left,
    }
    return [
        Finding(
            "unused bits",
            "warning",
            "16-bit images that use fewer bits, and come out dark",
            f"16 bits are scaled to 8 over their full range, so at most {left} of 256 grey levels are left. Multiply "
            f"the pixels of all files by {factor} (one factor keeps brightness comparable), and check again.",
            (Evidence((), facts),),
        )
    ], scope
