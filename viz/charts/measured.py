"""Shares measured over many sentences: with their intervals, beside rules that know no model."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from viz import theme

OTHER = theme.SIGNED[0][1]
"""What the accent is compared with: earth, the other end of the signed scale."""

_GROUND = {"paper_bgcolor": theme.CLEAR, "plot_bgcolor": theme.CLEAR, "dragmode": False}
_SHARE = {"tickvals": [0, 0.25, 0.5, 0.75, 1], "tickformat": ".0%", "fixedrange": True}


@dataclass(frozen=True)
class Measured:
    """A share and its 95 % interval; a rule has no interval of a model.

    Attributes:
        written: share and interval as the reader's language writes them.
        chosen: drawn in the accent's colour.
    """

    name: str
    value: float
    low: float
    high: float
    written: str
    chosen: bool = False


def intervals(rows: Sequence[Measured], rules: Sequence[tuple[str, float]]) -> go.Figure:
    """A point and its interval a row on a fixed 0–1 scale, first row on top.

    Args:
        rules: (name, share) of what is reached without a model: a dashed line from top to bottom.
    """
    places = list(range(len(rows)))
    colours = [theme.ACCENT if row.chosen else theme.NEUTRAL for row in rows]
    points = go.Scatter(
        x=[row.value for row in rows],
        y=places,
        mode="markers",
        marker={"color": colours, "size": 11},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [row.high - row.value for row in rows],
            "arrayminus": [row.value - row.low for row in rows],
            "thickness": 2,
            "width": 5,
            "color": theme.NEUTRAL,
        },
        customdata=[[html.escape(row.name, quote=False), row.written] for row in rows],
        hovertemplate="%{customdata[0]}: <b>%{customdata[1]}</b><extra></extra>",
        showlegend=False,
    )
    styles = ("dash", "dot", "dashdot", "longdash", "longdashdot", "solid")
    lines = [
        go.Scatter(
            x=[value, value],
            y=[-0.5, len(rows) - 0.5],
            mode="lines",
            name=html.escape(name, quote=False),
            line={"color": OTHER, "dash": styles[n % len(styles)], "width": 1.5},
            hovertemplate=f"{html.escape(name, quote=False)}: <b>%{{x:.1%}}</b><extra></extra>",
        )
        for n, (name, value) in enumerate(rules)
    ]
    return go.Figure(
        [*lines, points],
        {
            "xaxis": _SHARE | {"range": [-0.02, 1.02], "side": "top", "zeroline": False},
            "yaxis": {
                "tickvals": places,
                "ticktext": [html.escape(row.name, quote=False) for row in rows],
                "range": [len(rows) - 0.5, -0.5],
                "fixedrange": True,
                "ticks": "",
                "showgrid": False,
            },
            "height": 110 + 28 * len(rows),
            "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
            "legend": {"orientation": "h", "y": 0, "yanchor": "top", "x": 0, "itemclick": False},
            **_GROUND,
        },
    )


@dataclass(frozen=True)
class Curve:
    """A share at each step, and the lowest and the highest of several draws around it."""

    name: str
    values: Sequence[float]
    lows: Sequence[float] | None = None
    highs: Sequence[float] | None = None


def falling(
    curves: tuple[Curve, Curve], rule: tuple[str, float], title: str, share: str
) -> go.Figure:
    """Two shares over a growing number, from 0 on, on a fixed 0–1 scale.

    Args:
        rule: (name, share) of what is reached without a model: a dashed line across.
    """
    n = max(len(curve.values) for curve in curves)
    shown = html.escape(rule[0], quote=False)
    drawn = [
        go.Scatter(
            x=[0, n - 1],
            y=[rule[1], rule[1]],
            mode="lines",
            name=shown,
            line={"color": theme.NEUTRAL, "dash": "dash", "width": 1.5},
            hovertemplate=f"{shown}: <b>%{{y:.1%}}</b><extra></extra>",
        )
    ]
    for curve, colour, symbol in zip(
        curves, (theme.ACCENT, OTHER), ("circle", "diamond"), strict=True
    ):
        steps = list(range(len(curve.values)))
        if curve.lows is not None and curve.highs is not None:
            drawn.append(
                go.Scatter(
                    x=[*steps, *reversed(steps)],
                    y=[*curve.highs, *reversed(curve.lows)],
                    mode="lines",
                    fill="toself",
                    fillcolor="rgba(194,87,26,0.18)",
                    line={"width": 0},
                    hoverinfo="skip",
                    showlegend=False,
                )
            )
        drawn.append(
            go.Scatter(
                x=steps,
                y=list(curve.values),
                name=html.escape(curve.name, quote=False),
                mode="lines+markers",
                line={"color": colour, "width": 2.5},
                marker={"symbol": symbol, "size": 9},
                hovertemplate=f"{html.escape(curve.name, quote=False)} · %{{x}}: "
                "<b>%{y:.1%}</b><extra></extra>",
            )
        )
    return go.Figure(
        drawn,
        {
            "xaxis": {
                "title": {"text": title},
                "dtick": 1 if n <= 12 else 2,
                "range": [-0.2, n - 0.8],
                "fixedrange": True,
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": _SHARE | {"title": {"text": share}, "range": [-0.02, 1.05], "zeroline": False},
            "height": 340,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
            **_GROUND,
        },
    )


def heads_apart(
    across: Float[np.ndarray, "layer head"],
    up: Float[np.ndarray, "layer head"],
    titles: tuple[str, str],
    name: str,
    *,
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> go.Figure:
    """Every head a point: one measure across, another up.

    Args:
        name: what a head is called, with {layer} and {head} for its numbers from 1.
        limits: of both axes; the caller's, so that a picture can be compared with another.
    """
    cells = [(layer, head) for layer, head in np.ndindex(across.shape)]
    layers = [layer for layer, _ in cells]
    symbols = ["circle", "diamond", "square", "cross", "x", "triangle-up", "star", "hexagon"]
    points = go.Scatter(
        x=across.ravel().tolist(),
        y=up.ravel().tolist(),
        mode="markers",
        # Later layers are darker, and each has a sign of its own.
        marker={
            "size": 11,
            "color": theme.ACCENT,
            "opacity": [0.35 + 0.6 * layer / max(1, len(across) - 1) for layer in layers],
            "symbol": [symbols[layer % len(symbols)] for layer in layers],
        },
        customdata=[name.format(layer=layer + 1, head=head + 1) for layer, head in cells],
        hovertemplate=(
            f"<b>%{{customdata}}</b><br>{titles[0]}: %{{x:.3f}}<br>{titles[1]}: %{{y:.3f}}"
            "<extra></extra>"
        ),
    )
    axis = {"fixedrange": True, "zeroline": False}
    return go.Figure(
        points,
        {
            "xaxis": axis | {"title": {"text": titles[0]}, "range": list(limits[0])},
            "yaxis": axis | {"title": {"text": titles[1]}, "range": list(limits[1])},
            "height": 380,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            **_GROUND,
        },
    )
