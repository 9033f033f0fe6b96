"""Measured or computed curves: apart in colour, dash and sign, on scales that the caller sets."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from viz import theme
from viz.charts.waves import COLOURS

HEIGHT = 340  # pixels
_DASHES = ("solid", "dash", "dot", "dashdot")
_SIGNS = ("circle", "square", "diamond", "triangle-up")


@dataclass(frozen=True)
class Line:
    """One curve, named in the reader's language.

    Attributes:
        written: each value as the reader's language writes it.
        look: which colour, dash and sign, 0 to 3; the same thing looks the same in every chart.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    written: Sequence[str]
    look: int


@dataclass(frozen=True)
class Scale:
    """An axis: its title, where it begins and ends (None: with the data), its labelled places."""

    title: str
    ends: tuple[float, float] | None = None
    places: Sequence[float] | None = None
    log: bool = False


def lines(
    drawn: Sequence[Line], x: Scale, y: Scale, *, mark: tuple[float, str] | None = None
) -> go.Figure:
    """Curves with a point at every value; on a logarithmic axis, values must be above zero.

    Args:
        mark: a place on the x axis and what to call it: an upright line.
    """
    return go.Figure(
        [_curve(line) for line in drawn],
        {
            "xaxis": _axis(x),
            "yaxis": _axis(y),
            "height": HEIGHT,
            "margin": {"l": 8, "r": 16, "t": 8, "b": 8},
            "legend": {"orientation": "h", "y": 1.08, "yanchor": "bottom", "x": 0},
            "showlegend": True,
            "shapes": [] if mark is None else [_upright(mark[0])],
            "annotations": [] if mark is None else [_named(*mark, x)],
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
        },
    )


def _curve(line: Line) -> go.Scatter:
    name, colour = html.escape(line.name, quote=False), COLOURS[line.look]
    return go.Scatter(
        x=list(line.x),
        y=list(line.y),
        name=name,
        mode="lines+markers",
        line={"color": colour, "dash": _DASHES[line.look], "width": 2},
        marker={"color": colour, "symbol": _SIGNS[line.look], "size": 7},
        customdata=list(line.written),
        hovertemplate=f"{name} · %{{x:,}}: <b>%{{customdata}}</b><extra></extra>",
    )


def _axis(scale: Scale) -> dict[str, object]:
    axis: dict[str, object] = {
        "title": {"text": scale.title},
        "type": "log" if scale.log else "linear",
        "fixedrange": True,
        "zeroline": False,
    }
    if scale.log:
        axis |= {"dtick": 1, "exponentformat": "power"}  # a label at each power of ten
    if scale.places is not None:
        axis |= {"tickvals": list(scale.places), "ticktext": [f"{at:,}" for at in scale.places]}
    if scale.ends is not None:
        # A sign at an axis' end needs some room.
        low, high = (_at(end, scale) for end in scale.ends)
        axis |= {"range": [low - 0.03 * (high - low), high + 0.03 * (high - low)]}
    return axis


def _at(place: float, scale: Scale) -> float:
    """Where plotly puts a place: by its logarithm, on a logarithmic axis."""
    return math.log10(place) if scale.log else place


def _upright(place: float) -> dict[str, object]:
    edge = {"color": theme.NEUTRAL, "width": 1.5, "dash": "dot"}
    return {
        "type": "line",
        "x0": place,
        "x1": place,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": edge,
    }


def _named(place: float, name: str, x: Scale) -> dict[str, object]:
    """Above the plot, so that no curve runs through it."""
    return {
        "x": _at(place, x),
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "text": html.escape(name, quote=False),
        "showarrow": False,
    }
