"""One head's attention map."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from viz import theme
from viz.charts.labels import tick

MOST_TICKS = theme.MAP_COLUMNS


@dataclass(frozen=True)
class HeatmapText:
    """Every word on the map, already in the reader's language."""

    query: str
    key: str
    weight: str
    masked: str
    row_largest: str = ""  # end of the colour scale where each row has its own


def heatmap(
    weights: Float[np.ndarray, "query key"],
    query_labels: Sequence[str],
    key_labels: Sequence[str],
    *,
    text: HeatmapText,
    mask: Bool[np.ndarray, "query key"] | None = None,
    pinned: int | Sequence[int] | None = None,
    scale: Literal["all", "row"] = "all",
    selectable: bool = False,
    cell: tuple[int, int] | None = None,
) -> go.Figure:
    """One head's weights: rows are queries (top to bottom), columns are keys.

    The colour scale is fixed to 0–1, so that a uniform head looks as flat as it is; only where it
    is asked for, and then the scale says so, a row's largest weight has the full colour. A masked
    cell is hatched: it is not a weight that happens to be zero, it was never allowed.

    Args:
        weights: after softmax; rows sum to 1.
        query_labels: one label a row; shown as typed, never read as markup.
        key_labels: one label a column.
        text: words for axes and tooltips.
        mask: True = may attend; None where everything may.
        pinned: the row or rows to frame.
        scale: one for all cells, or one for each row.
        selectable: put a point on every cell: a click on a cell itself never reaches Python. Its x
            and y are the column and the row.
        cell: row and column of the cell to frame.
    """
    queries, keys = _literal(query_labels), _literal(key_labels)
    hidden = np.zeros(weights.shape, bool) if mask is None else ~mask
    traces: list[go.Heatmap | go.Scatter] = [_cells(weights, queries, keys, text, scale)]
    if hidden.any():
        traces += _hatching(~hidden, queries, keys, text)
    if selectable:
        for trace in traces:
            trace.update(hoverinfo="skip", hovertemplate=None, customdata=None)
        traces += _points(weights, hidden, queries, keys, text)
    rows = () if pinned is None else (pinned,) if isinstance(pinned, int) else pinned
    frames = [_frame(row, -0.5, len(keys) - 0.5) for row in rows]
    if cell is not None:
        edge = {"color": theme.CHOSEN_CELL, "width": 3}
        frames.append(_frame(cell[0], cell[1] - 0.5, cell[1] + 0.5) | {"line": edge})
    # One layout at once: each update of a figure that exists checks all of it again.
    return go.Figure(
        traces,
        {
            "xaxis": _axis(key_labels)
            | {"title": {"text": text.key}, "side": "top", "tickangle": -60},
            "yaxis": _axis(query_labels)
            | {"title": {"text": text.query}, "range": [len(queries) - 0.5, -0.5]},
            "shapes": frames,
            "height": _height(len(queries)),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
            "hoverdistance": 60,
            "showlegend": False,
        },
    )


def _cells(
    weights: Float[np.ndarray, "query key"],
    queries: list[str],
    keys: list[str],
    text: HeatmapText,
    scale: Literal["all", "row"],
) -> go.Heatmap:
    shown, weight, ticks = weights, "%{z:.3f}", [0, 0.5, 1]
    if scale == "row":
        largest = weights.max(axis=1, keepdims=True, initial=0)
        shown, ticks = weights / np.where(largest > 0, largest, 1), [0, 1]
        weight = "%{customdata[2]}"
    return go.Heatmap(
        z=shown,
        zmin=0,
        zmax=1,
        colorscale=theme.INK,
        xgap=1,
        ygap=1,
        customdata=_names(queries, keys) if scale == "all" else _names(queries, keys, weights),
        hovertemplate=_said(text, f"{text.weight}: <b>{weight}</b>"),
        colorbar={
            "thickness": 8,
            "outlinewidth": 0,
            "tickvals": ticks,
            "ticktext": ["0", text.row_largest] if scale == "row" else None,
            "len": 0.6,
        },
    )


def _said(text: HeatmapText, value: str) -> str:
    """A tooltip: query, key, and what is to be said of the two."""
    return (
        f"{text.query}: <b>%{{customdata[0]}}</b><br>{text.key}: <b>%{{customdata[1]}}</b><br>"
        f"{value}<extra></extra>"
    )


def _points(
    weights: Float[np.ndarray, "query key"],
    hidden: Bool[np.ndarray, "query key"],
    queries: list[str],
    keys: list[str],
    text: HeatmapText,
) -> list[go.Scatter]:
    """A point without ink on every cell, which can be clicked and says what the cell is."""
    names = _names(queries, keys, weights)
    made = []
    for cells, value in (
        (~hidden, f"{text.weight}: <b>%{{customdata[2]}}</b>"),
        (hidden, text.masked),
    ):
        rows, columns = np.nonzero(cells)
        clear = {"marker": {"opacity": 0}}
        made.append(
            go.Scatter(
                x=columns,
                y=rows,
                mode="markers",
                marker={"size": 8, "opacity": 0},
                selected=clear,
                unselected=clear,
                customdata=names[cells],
                hovertemplate=_said(text, value),
            )
        )
    return [points for points in made if len(points.x)]


def _hatching(
    mask: Bool[np.ndarray, "query key"], queries: list[str], keys: list[str], text: HeatmapText
) -> list[go.Heatmap | go.Scatter]:
    """Grey ground and one stroke a cell: Plotly has no hatched heatmap cells of its own."""
    ground = go.Heatmap(
        z=np.where(mask, np.nan, 0.0),
        colorscale=[[0, theme.MASKED_GROUND], [1, theme.MASKED_GROUND]],
        showscale=False,
        xgap=1,
        ygap=1,
        hoverongaps=False,
        customdata=_names(queries, keys),
        hovertemplate=_said(text, text.masked),
    )
    rows, columns = np.nonzero(~mask)
    gap = np.full(rows.shape, np.nan)
    strokes = go.Scatter(
        x=np.stack([columns - 0.35, columns + 0.35, gap], axis=1).ravel(),
        y=np.stack([rows + 0.35, rows - 0.35, gap], axis=1).ravel(),
        mode="lines",
        line={"color": theme.MASKED_LINE, "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    return [ground, strokes]


def _frame(row: int, left: float, right: float) -> dict[str, object]:
    edges = {"x0": left, "x1": right, "y0": row - 0.5, "y1": row + 0.5}
    return {"type": "rect", "line": {"color": theme.ACCENT, "width": 2}, **edges}


def _literal(labels: Sequence[str]) -> list[str]:
    # Plotly reads a little HTML in labels: "</s>" would vanish and "<b>" turn bold.
    return [html.escape(label, quote=False) for label in labels]


def _names(
    queries: list[str], keys: list[str], weights: Float[np.ndarray, "query key"] | None = None
) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    """Of each cell its query and its key, and if asked its weight as it is written."""
    rows, columns = np.meshgrid(np.array(queries), np.array(keys), indexing="ij")
    written = [] if weights is None else [np.array([[f"{w:.3f}" for w in row] for row in weights])]
    return np.stack([rows, columns, *written], axis=-1)


def _axis(labels: Sequence[str]) -> dict[str, object]:
    # Positions, not names: the same word twice in a sentence would share one row otherwise.
    step = math.ceil(len(labels) / MOST_TICKS)
    positions = list(range(0, len(labels), step))
    return {
        "tickvals": positions,
        "ticktext": [tick(labels[position]) for position in positions],
        "range": [-0.5, len(labels) - 0.5],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "tickfont": {"size": 12},
        "fixedrange": True,
    }


def _height(n_queries: int) -> int:
    return int(np.clip(120 + 24 * n_queries, 320, 960))
