"""Several measures of the same keys, one column of bars each, the keys in one order."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from viz import theme
from viz.charts.labels import tick

NARROWEST = 140  # pixels of a column of bars
LABELS = 130  # pixels for the keys
ROW = 26  # pixels
GAP = 0.02  # between two columns, as a share of the width
NAME = 36  # pixels for the name of a measure

_GROUND: dict[str, object] = {
    "margin": {"l": 8, "r": 8, "t": NAME, "b": 8},
    "bargap": 0.3,
    "showlegend": False,
    "paper_bgcolor": theme.CLEAR,
    "plot_bgcolor": theme.CLEAR,
    "dragmode": False,
}


@dataclass(frozen=True)
class Column:
    """One measure: its name, a number for each key, and how each is written."""

    name: str
    values: Float[np.ndarray, " key"]
    written: Sequence[str]
    signed: bool = False


def side_by_side(keys: Sequence[str], columns: Sequence[Column]) -> go.Figure:
    """Bars for each measure, each on a scale of its own from 0 (signed: with 0 in the middle).

    The longest bar of a column has the accent's colour, one below 0 the colour of what is below 0.

    Args:
        keys: labels, first on top; shown as typed, never read as markup.
    """
    width = (1 - GAP * (len(columns) - 1)) / len(columns)
    starts = [n * (width + GAP) for n in range(len(columns))]
    layout: dict[str, object] = {"yaxis": _keys(keys), "height": _height(keys)}
    for n, (column, start) in enumerate(zip(columns, starts, strict=True)):
        layout[_axis("xaxis", n)] = _scale(column) | {"domain": [start, start + width]}
    names = [
        _name(column, start + width / 2, 1) | {"xanchor": "center"}
        for column, start in zip(columns, starts, strict=True)
    ]
    bars = [_bars(column, keys, _axis("x", n), "y") for n, column in enumerate(columns)]
    return go.Figure(bars, layout | {"annotations": names} | _GROUND)


def stacked(keys: Sequence[str], columns: Sequence[Column]) -> go.Figure:
    """The same, one measure below the other: for a phone."""
    height = _height(keys)
    pitch = 1 / len(columns)
    layout: dict[str, object] = {"height": height * len(columns)}
    tops = [1 - n * pitch for n in range(len(columns))]
    for n, (column, top) in enumerate(zip(columns, tops, strict=True)):
        layout[_axis("xaxis", n)] = _scale(column) | {"anchor": _axis("y", n)}
        # Below each picture as much room as its name takes above it.
        domain = [top - pitch * (1 - NAME / height), top]
        layout[_axis("yaxis", n)] = _keys(keys) | {"domain": domain, "anchor": _axis("x", n)}
    names = [
        _name(column, 0, top) | {"xanchor": "left"}
        for column, top in zip(columns, tops, strict=True)
    ]
    bars = [_bars(column, keys, _axis("x", n), _axis("y", n)) for n, column in enumerate(columns)]
    return go.Figure(bars, layout | {"annotations": names} | _GROUND)


def least_width(n_columns: int) -> int:
    """Pixels below which the columns are too narrow to read."""
    return LABELS + NARROWEST * n_columns


def _height(keys: Sequence[str]) -> int:
    return 50 + ROW * max(3, len(keys))


def _axis(name: str, n: int) -> str:
    """Plotly's name of the n-th axis: x, x2, x3 …"""
    return name if n == 0 else f"{name}{n + 1}"


def _keys(keys: Sequence[str]) -> dict[str, object]:
    return {
        "tickvals": list(range(len(keys))),
        "ticktext": [tick(key) for key in keys],
        "range": [len(keys) - 0.5, -0.5],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
    }


def _name(column: Column, x: float, y: float) -> dict[str, object]:
    """Above the picture of a measure."""
    return {
        "text": f"<b>{html.escape(column.name, quote=False)}</b>",
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
    }


def _bars(column: Column, keys: Sequence[str], xaxis: str, yaxis: str) -> go.Bar:
    longest = int(np.abs(column.values).argmax()) if np.abs(column.values).max(initial=0) else None
    colours = [
        theme.SIGNED[0][1] if value < 0 else theme.ACCENT if row == longest else theme.NEUTRAL
        for row, value in enumerate(column.values)
    ]
    name = html.escape(column.name, quote=False)
    return go.Bar(
        x=column.values,
        y=list(range(len(keys))),
        xaxis=xaxis,
        yaxis=yaxis,
        orientation="h",
        text=list(column.written),
        textposition="outside",
        textfont={"size": 11},
        cliponaxis=False,
        marker={
            "color": colours,
            "opacity": [1 if row == longest else 0.6 for row in range(len(keys))],
        },
        customdata=[html.escape(key, quote=False) for key in keys],
        hovertemplate=f"%{{customdata}}<br>{name}: <b>%{{text}}</b><extra></extra>",
    )


def _scale(column: Column) -> dict[str, object]:
    """Room for the longest bar and for the number behind it."""
    limit = float(np.abs(column.values).max(initial=0)) or 1.0
    low = -1.9 * limit if column.signed else 0
    return {
        "range": [low, 1.9 * limit],
        "showticklabels": False,
        "showgrid": False,
        "zeroline": True,
        "zerolinecolor": theme.NEUTRAL,
        "fixedrange": True,
    }
