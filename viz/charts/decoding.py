"""What comes next, before and after the sliders; and how likely the right piece was."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from viz import theme
from viz.charts.labels import tick
from viz.numbers import number

ASTRAY = theme.SIGNED[0][1]
"""The run that has left the right way: earth, the other end of the signed scale."""

MOST_TICKS = 40


def before_after(
    names: Sequence[str],
    before: Sequence[float],
    after: Sequence[float],
    drawn: int,
    *,
    labels: tuple[str, str],
) -> go.Figure:
    """Two bars a piece on a fixed 0–1 scale, first name on top.

    Args:
        before: probabilities as the model gives them.
        after: what is drawn from; 0 for a piece that was cut off.
        drawn: which of the names was drawn; its name is marked.
        labels: what the two bars are called.
    """
    positions = list(range(len(names)))
    shown = [html.escape(name, quote=False) for name in names]
    ticks = [f"<b>▸ {name}</b>" if n == drawn else name for n, name in enumerate(shown)]
    colours = [theme.ACCENT if n == drawn else "rgba(13,148,136,0.6)" for n in positions]
    bars = [
        _bars(positions, before, labels[0], theme.NEUTRAL, shown),
        _bars(positions, after, labels[1], colours, shown),
    ]
    layout = {
        "xaxis": {"range": [0, 1.16], "visible": False, "fixedrange": True},
        "yaxis": {
            "tickvals": positions,
            "ticktext": ticks,
            "autorange": "reversed",
            "fixedrange": True,
            "ticks": "",
        },
        "barmode": "group",
        "bargap": 0.25,
        "height": 60 + 40 * len(names),
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    }
    return go.Figure(bars, _ground() | layout)


def _bars(
    positions: list[int],
    shares: Sequence[float],
    name: str,
    colour: str | list[str],
    names: Sequence[str],
) -> go.Bar:
    return go.Bar(
        x=list(shares),
        y=positions,
        orientation="h",
        name=name,
        text=[number(share) for share in shares],
        textposition="outside",
        cliponaxis=False,
        marker={"color": colour},
        customdata=list(names),
        hovertemplate=f"%{{customdata}} · {html.escape(name)}: %{{text}}<extra></extra>",
    )


def side_by_side(
    right: Sequence[str],
    teacher: Float[np.ndarray, " step"],
    free: Float[np.ndarray, " step"],
    wrong_at: int,
    *,
    labels: tuple[str, str, str],
) -> go.Figure:
    """At each position P of the right piece, with the teacher and alone, on a fixed 0–1 scale.

    Args:
        right: the right piece at each position.
        free: NaN behind the free run's end; no bar stands there.
        wrong_at: the position at which the wrong piece was put in; a line marks it.
        labels: what the two bars and the line are called.
    """
    bars = [
        _columns(right, teacher, labels[0], theme.ACCENT),
        _columns(right, free, labels[1], ASTRAY),
    ]
    line = {
        "type": "line",
        "x0": wrong_at + 0.5,
        "x1": wrong_at + 0.5,
        "y0": 0,
        "y1": 1.08,
        "line": {"color": ASTRAY, "width": 2, "dash": "dot"},
    }
    late = 2 * (wrong_at + 1) > len(right)  # the words stand where there is room for them
    note = {
        "x": wrong_at + 0.5,
        "y": 1.08,
        "text": html.escape(labels[2]),
        "showarrow": False,
        "xanchor": "right" if late else "left",
        "yanchor": "top",
        "xshift": -4 if late else 4,
    }
    layout = {
        "xaxis": _pieces(right),
        "yaxis": {"range": [0, 1.1], "tickvals": [0, 0.25, 0.5, 0.75, 1], "fixedrange": True},
        "shapes": [line],
        "annotations": [note],
        "barmode": "group",
        "bargap": 0.25,
        "height": 340,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }
    return go.Figure(bars, _ground() | layout)


def losses(
    right: Sequence[str], nats: Float[np.ndarray, " step"], mean: float, *, labels: tuple[str, str]
) -> go.Figure:
    """−log P of each right piece, and their mean as a line.

    Args:
        labels: what a bar and the line are called.
    """
    line = go.Scatter(
        x=[-0.5, len(right) - 0.5],
        y=[mean, mean],
        mode="lines",
        name=f"{labels[1]} {number(mean)}",
        line={"color": ASTRAY, "width": 2},
        hoverinfo="skip",
    )
    layout = {
        "xaxis": _pieces(right),
        "yaxis": {"rangemode": "tozero", "fixedrange": True},
        "bargap": 0.3,
        "height": 320,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }
    return go.Figure([_columns(right, nats, labels[0], theme.ACCENT), line], _ground() | layout)


def _columns(
    pieces: Sequence[str], values: Float[np.ndarray, " step"], name: str, colour: str
) -> go.Bar:
    return go.Bar(
        x=list(range(len(pieces))),
        y=values,
        name=name,
        marker={"color": colour},
        customdata=[
            (html.escape(piece, quote=False), number(float(value)))
            for piece, value in zip(pieces, values, strict=True)
        ],
        hovertemplate=(
            f"%{{x}} · <b>%{{customdata[0]}}</b><br>{html.escape(name)}: "
            "%{customdata[1]}<extra></extra>"
        ),
    )


def _pieces(pieces: Sequence[str]) -> dict[str, object]:
    # Positions, not names: the same piece twice would share one bar otherwise.
    positions = list(range(0, len(pieces), math.ceil(len(pieces) / MOST_TICKS)))
    return {
        "tickvals": positions,
        "ticktext": [tick(pieces[n]) for n in positions],
        "range": [-0.5, len(pieces) - 0.5],
        "tickangle": -45,
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }


def _ground() -> dict[str, object]:
    return {
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": theme.CLEAR,
        "plot_bgcolor": theme.CLEAR,
        "dragmode": False,
    }
