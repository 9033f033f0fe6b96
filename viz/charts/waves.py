"""Sinusoids as curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from jaxtyping import Float

from viz import theme
from viz.numbers import number

COLOURS = ("#0d9488", "#c2571a", "#7c6bd6", "#b0821f", "#c0437a", "#3b82c4", "#6b8e23", "#8a938f")
"""Apart from each other, and from paper and blackboard."""


@dataclass(frozen=True)
class WaveText:
    """Every word on the picture, already in the reader's language."""

    position: str
    dimension: str
    value: str


def waves(
    table: Float[np.ndarray, "position dimension"], dimensions: Sequence[int], text: WaveText
) -> alt.Chart:
    """One curve a dimension: its value at every position, on a scale from −1 to 1.

    Args:
        table: the whole encoding.
        dimensions: which of its columns to draw, at most eight.
    """
    length = len(table)
    rows = [
        {
            "position": position,
            "value": float(table[position, dimension]),
            "written": number(float(table[position, dimension])),
            "dimension": str(dimension),
        }
        for dimension in dimensions
        for position in range(length)
    ]
    names = [str(dimension) for dimension in dimensions]
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(point={"size": 22} if length <= 64 else False, strokeWidth=2)
        .encode(
            x=alt.X(
                "position:Q",
                title=text.position,
                scale=alt.Scale(domain=[0, max(1, length - 1)], nice=False),
                axis=alt.Axis(tickMinStep=1, format="d"),
            ),
            y=alt.Y("value:Q", title=text.value, scale=alt.Scale(domain=[-1, 1])),
            color=alt.Color(
                "dimension:N",
                title=text.dimension,
                sort=names,
                scale=alt.Scale(domain=names, range=list(COLOURS[: len(names)])),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("dimension:N", title=text.dimension),
                alt.Tooltip("position:Q", title=text.position),
                alt.Tooltip("written:N", title=text.value),
            ],
        )
        .properties(height=320)
    )


def fall(values: Sequence[float], *, distance: str, product: str) -> alt.Chart:
    """One number for each distance 0, 1, 2 …; the scale holds zero and both ends."""
    rows = pd.DataFrame(
        {
            "distance": range(len(values)),
            "value": list(values),
            "written": [number(value) for value in values],
        }
    )
    top = max(values)
    return (
        alt.Chart(rows)
        .mark_line(point={"size": 22, "color": theme.ACCENT}, color=theme.ACCENT)
        .encode(
            x=alt.X("distance:Q", title=distance, axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y(
                "value:Q", title=product, scale=alt.Scale(domain=[min(0.0, *values), 1.05 * top])
            ),
            tooltip=[
                alt.Tooltip("distance:Q", title=distance),
                alt.Tooltip("written:N", title=product),
            ],
        )
        .properties(height=320)
    )
