"""Quality by the source's length: a line a model, each point with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from viz import theme
from viz.charts.waves import COLOURS

HEIGHT = 320  # pixels
_DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3))


@dataclass(frozen=True)
class Point:
    """What one model reached on texts of one length.

    Attributes:
        model: as the reader's language calls it.
        pieces: mean length of these texts.
        bucket: their shortest and longest length, "13–24".
        low, high: ends of the 95 % interval.
        written: value and interval, for the tooltip.
    """

    model: str
    pieces: float
    bucket: str
    texts: int
    value: float
    low: float
    high: float
    written: str


def by_length(
    points: Sequence[Point], *, pieces: str, value: str, model: str, texts: str, top: float
) -> alt.LayerChart:
    """Lines over the mean length, on a scale from 0 to `top`, the caller's.

    Args:
        pieces, value, model, texts: what axes and tooltip are called.
    """
    names = list(dict.fromkeys(point.model for point in points))
    rows = [vars(point) for point in points]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        color=alt.Color(
            "model:N",
            scale=alt.Scale(domain=names, range=list(COLOURS[: len(names)])),
            # Strokes, because points would be drawn dashed; two in a row fit on a phone.
            legend=alt.Legend(
                title=None,
                orient="top",
                labelLimit=0,
                columns=2,
                symbolType="stroke",
                symbolSize=600,
                symbolStrokeWidth=2.5,
            ),
        ),
        x=alt.X(
            "pieces:Q", title=pieces, scale=alt.Scale(zero=True, nice=True), axis=_axis(grid=False)
        ),
    )
    height = alt.Y("value:Q", title=value, scale=alt.Scale(domain=[0, top]), axis=_axis(grid=True))
    spread = base.mark_rule(strokeWidth=1.5, opacity=0.7).encode(
        y=alt.Y("low:Q", title=value), y2="high:Q"
    )
    lines = base.mark_line(strokeWidth=2.5).encode(
        y=height,
        strokeDash=alt.StrokeDash(
            "model:N", scale=alt.Scale(domain=names, range=[list(d) for d in _DASHES[: len(names)]])
        ),
    )
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=height,
        tooltip=[
            alt.Tooltip("model:N", title=model),
            alt.Tooltip("bucket:N", title=pieces),
            alt.Tooltip("texts:Q", title=texts),
            alt.Tooltip("written:N", title=value),
        ],
    )
    chart = alt.LayerChart(layer=[spread, lines, dots])
    return chart.properties(height=HEIGHT, background=theme.CLEAR)


def _axis(*, grid: bool) -> alt.Axis:
    return alt.Axis(grid=grid, tickCount=6, labelFlush=False)
