"""How the measures of a head are written, on every page alike."""

from __future__ import annotations

import math

from model.analysis.roles import Measure
from viz.i18n import Say

IN_BITS_OR_TOKENS = ("entropy", "distance")
"""All other measures are shares."""


def written(say: Say, measure: Measure, value: float) -> str:
    """Per cent, or bits and tokens with two decimals; a dash where nothing could be measured."""
    if math.isnan(value):
        return "—"
    return f"{value:.2f}" if measure in IN_BITS_OR_TOKENS else say.percent(value)
