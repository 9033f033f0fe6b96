"""The residual stream: what it carries, and the paths that lead through a stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from viz import theme
from viz.numbers import number

MOST_DRAWN = 4
"""Sublayers whose paths are drawn one by one: 16 lines; more would be a thicket."""


@dataclass(frozen=True)
class StreamText:
    """Every word on the picture of the stream."""

    carried: str
    contributed: str
    length: str


def stream_chart(
    sublayers: Sequence[tuple[int, str]],
    carried: Float[np.ndarray, " sublayer"],
    contributed: Float[np.ndarray, " sublayer"],
    *,
    text: StreamText,
    here: int | None = None,
) -> go.Figure:
    """For each sublayer how long the vector is that comes in, and how long what is added to it.

    Args:
        sublayers: each one's layer, counted from 1, and name.
        here: the sublayer that the page shows.
    """
    places = list(range(len(sublayers)))
    stream = go.Bar(
        x=places,
        y=carried,
        name=text.carried,
        marker={"color": theme.MASKED_LINE},
        customdata=[number(float(value)) for value in carried],
        hovertemplate=f"{text.carried}: <b>%{{customdata}}</b><extra></extra>",
    )
    parts = go.Bar(
        x=places,
        y=contributed,
        name=text.contributed,
        marker={"color": theme.ACCENT},
        customdata=[number(float(value)) for value in contributed],
        hovertemplate=f"{text.contributed}: <b>%{{customdata}}</b><extra></extra>",
    )
    labels = [f"{layer}<br>{name}" for layer, name in sublayers]  # narrow enough for a phone
    ticks = [f"<b>{label}</b>" if i == here else label for i, label in enumerate(labels)]
    return go.Figure(
        [stream, parts],
        _layout(300)
        | {
            "xaxis": {
                "tickvals": places,
                "ticktext": ticks,
                "tickfont": {"size": 12 if len(places) <= 9 else 9},
                "fixedrange": True,
            },
            "yaxis": {"title": {"text": text.length}, "rangemode": "tozero", "fixedrange": True},
            "hovermode": "x unified",
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "bargap": 0.25,
        },
    )


def unrolled_paths(
    paths: Bool[np.ndarray, "path sublayer"], labels: Sequence[str], *, through: str, around: str
) -> go.Figure:
    """Every path as one line from left to right: a dot where it goes through a sublayer.

    Args:
        paths: True where the path goes through the sublayer.
        through: the tooltip of a path, with the sublayers in `{sublayers}`.
        around: the tooltip of the path that goes around them all.
    """
    n_paths, n_sublayers = paths.shape
    hover = [_described(path, labels, through, around) for path in paths]
    lines = go.Scatter(
        x=np.tile([-0.6, n_sublayers - 0.4, np.nan], n_paths),
        y=np.repeat(np.arange(n_paths), 3),
        mode="lines",
        line={"color": theme.MASKED_LINE, "width": 1.5},
        text=np.repeat(hover, 3),
        hovertemplate="%{text}<extra></extra>",
    )
    path, sublayer = np.nonzero(paths)
    dots = go.Scatter(
        x=sublayer,
        y=path,
        mode="markers",
        marker={"color": theme.ACCENT, "size": 13},
        text=[hover[p] for p in path],
        hovertemplate="%{text}<extra></extra>",
    )
    return go.Figure(
        [lines, dots],
        _layout(70 + 17 * n_paths)
        | {
            "xaxis": {
                "tickvals": list(range(n_sublayers)),
                "ticktext": list(labels),
                "range": [-0.7, n_sublayers - 0.3],
                "side": "top",
                "fixedrange": True,
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": {"visible": False, "range": [n_paths - 0.4, -0.6], "fixedrange": True},
            "showlegend": False,
            "hovermode": "closest",
        },
    )


def path_lengths(counts: Sequence[int], *, length: str, paths: str) -> go.Figure:
    """How many paths go through 0, 1, …, n sublayers."""
    places = list(range(len(counts)))
    bars = go.Bar(
        x=places,
        y=[float(count) for count in counts],  # 48 layers have more paths than 64 bits can count
        marker={"color": theme.ACCENT},
        text=[f"{count:,}" if len(counts) <= 14 else "" for count in counts],
        textposition="outside",
        cliponaxis=False,
        customdata=[f"{count:,}" for count in counts],
        hovertemplate=f"{length}: <b>%{{x}}</b><br>{paths}: <b>%{{customdata}}</b><extra></extra>",
    )
    ticks = places[:: max(1, len(places) // 12)]
    return go.Figure(
        bars,
        _layout(260)
        | {
            "xaxis": {"title": {"text": length}, "tickvals": ticks, "fixedrange": True},
            "yaxis": {
                "visible": False,
                "range": [0, 1.15 * float(max(counts))],
                "fixedrange": True,
            },
            "bargap": 0.3,
        },
    )


def _described(
    path: Bool[np.ndarray, " sublayer"], labels: Sequence[str], through: str, around: str
) -> str:
    passed = [label for label, on in zip(labels, path, strict=True) if on]
    return through.format(sublayers=" → ".join(passed)) if passed else around


def _layout(height: int) -> dict[str, object]:
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": theme.CLEAR,
        "plot_bgcolor": theme.CLEAR,
        "dragmode": False,
    }
