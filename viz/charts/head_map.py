"""One number for every head: layers are rows, heads are columns."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from viz import theme
from viz.numbers import number

NARROWEST = 46  # pixels of a cell, so that a short name fits into it
LABELS = 110  # pixels for the rows' labels and the colour scale
ROW = 44  # pixels


@dataclass(frozen=True)
class HeadCell:
    """What the map says of one head; a value of NaN has no colour."""

    layer: int
    head: int
    value: float
    text: str
    said: str


def head_map(
    cells: Sequence[HeadCell],
    *,
    layer: str,
    head: str,
    limit: float,
    text_colour: str = theme.PAGE_TEXT["light"],
    chosen: tuple[int, int] | None = None,
) -> go.Figure:
    """A cell for each head, its text in it; a click on a cell gives its head as x, its layer as y.

    The colours go from 0 (the page itself) to `limit`, which is the caller's, never the data's own.

    Args:
        layer, head: titles of rows and columns, both counted from 1 on screen.
        text_colour: of the page's text, light or dark.
        chosen: layer and head to frame, zero-based.
    """
    n_layers = 1 + max(cell.layer for cell in cells)
    n_heads = 1 + max(cell.head for cell in cells)
    values = np.full((n_layers, n_heads), np.nan)
    for cell in cells:
        values[cell.layer, cell.head] = cell.value
    ink = go.Heatmap(
        z=np.where(np.isfinite(values), values, 0),
        zmin=0,
        zmax=limit,
        colorscale=[[0, theme.ink(0)], [1, theme.ink(1)]],
        xgap=2,
        ygap=2,
        hoverinfo="skip",
        colorbar={
            "thickness": 8,
            "outlinewidth": 0,
            "len": 0.9,
            "tickvals": [0, limit],
            "ticktext": ["0", number(limit)],
        },
    )
    return go.Figure(
        [ink, _points(cells)],
        {
            "xaxis": _axis(head, n_heads)
            | {"side": "top", "showticklabels": True, "range": [-0.5, n_heads - 0.5]},
            "yaxis": _axis(layer, n_layers) | {"range": [n_layers - 0.5, -0.5]},
            "annotations": [_text(cell, text_colour) for cell in cells],
            "shapes": [] if chosen is None else [_frame(*chosen)],
            "height": 70 + ROW * n_layers,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
            "hoverdistance": 60,
            "showlegend": False,
        },
    )


def least_width(n_heads: int) -> int:
    """Pixels below which the cells' texts would run into each other."""
    return LABELS + NARROWEST * n_heads


def _points(cells: Sequence[HeadCell]) -> go.Scatter:
    """A point without ink on every cell: a click on a heatmap itself never reaches Python."""
    clear = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=[cell.head for cell in cells],
        y=[cell.layer for cell in cells],
        mode="markers",
        marker={"size": 30, "opacity": 0},
        selected=clear,
        unselected=clear,
        hovertext=[html.escape(cell.said, quote=False) for cell in cells],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _text(cell: HeadCell, colour: str) -> dict[str, object]:
    """In a colour of its own: Plotly's choice does not know the page behind a pale cell."""
    return {
        "text": html.escape(cell.text, quote=False),
        "x": cell.head,
        "y": cell.layer,
        "showarrow": False,
        "font": {"size": 13, "color": colour},
    }


def _axis(title: str, n: int) -> dict[str, object]:
    places = list(range(n))
    return {
        "title": {"text": title},
        "tickvals": places,
        "ticktext": [str(place + 1) for place in places],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
    }


def _frame(layer: int, head: int) -> dict[str, object]:
    edges = {"x0": head - 0.5, "x1": head + 0.5, "y0": layer - 0.5, "y1": layer + 0.5}
    return {"type": "rect", "line": {"color": theme.ACCENT, "width": 3}, **edges}
