"""One head's attention map."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from viz import theme

MOST_TICKS = 40


@dataclass(frozen=True)
class HeatmapText:
    """Every word on the map, already in the reader's language."""

    query: str
    key: str
    weight: str
    masked: str


def heatmap(
    weights: Float[np.ndarray, "query key"],
    query_labels: Sequence[str],
    key_labels: Sequence[str],
    *,
    text: HeatmapText,
    mask: Bool[np.ndarray, "query key"] | None = None,
    pinned: int | None = None,
) -> go.Figure:
    """One head's weights: rows are queries (top to bottom), columns are keys.

    The colour scale is fixed to 0–1, so that a uniform head looks as flat as it is. A masked cell
    is hatched: it is not a weight that happens to be zero, it was never allowed.

    Args:
        weights: after softmax; rows sum to 1.
        query_labels: one label a row; shown as typed, never read as markup.
        key_labels: one label a column.
        text: words for axes and tooltips.
        mask: True = may attend; None where everything may.
        pinned: the row to frame.
    """
    queries, keys = _literal(query_labels), _literal(key_labels)
    traces = [_cells(weights, queries, keys, text)]
    if mask is not None and not mask.all():
        traces += _hatching(mask, queries, keys, text)
    # One layout at once: each update of a figure that exists checks all of it again.
    return go.Figure(
        traces,
        {
            "xaxis": _axis(keys) | {"title": {"text": text.key}, "side": "top", "tickangle": -50},
            "yaxis": _axis(queries)
            | {"title": {"text": text.query}, "range": [len(queries) - 0.5, -0.5]},
            "shapes": [] if pinned is None else [_frame(pinned, len(keys))],
            "height": _height(len(queries)),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
        },
    )


def _cells(
    weights: Float[np.ndarray, "query key"], queries: list[str], keys: list[str], text: HeatmapText
) -> go.Heatmap:
    return go.Heatmap(
        z=np.round(weights, 4),
        zmin=0,
        zmax=1,
        colorscale=theme.INK,
        xgap=1,
        ygap=1,
        customdata=_names(queries, keys),
        hovertemplate=(
            f"{text.query}: <b>%{{customdata[0]}}</b><br>{text.key}: <b>%{{customdata[1]}}</b><br>"
            f"{text.weight}: <b>%{{z:.3f}}</b><extra></extra>"
        ),
        colorbar={"thickness": 8, "outlinewidth": 0, "tickvals": [0, 0.5, 1], "len": 0.6},
    )


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
        hovertemplate=(
            f"{text.query}: <b>%{{customdata[0]}}</b><br>{text.key}: <b>%{{customdata[1]}}</b><br>"
            f"{text.masked}<extra></extra>"
        ),
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


def _frame(row: int, n_keys: int) -> dict[str, object]:
    edges = {"x0": -0.5, "x1": n_keys - 0.5, "y0": row - 0.5, "y1": row + 0.5}
    return {"type": "rect", "line": {"color": theme.ACCENT, "width": 2}, **edges}


def _literal(labels: Sequence[str]) -> list[str]:
    # Plotly reads a little HTML in labels: "</s>" would vanish and "<b>" turn bold.
    return [html.escape(label, quote=False) for label in labels]


def _names(queries: list[str], keys: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    rows, columns = np.meshgrid(np.array(queries), np.array(keys), indexing="ij")
    return np.stack([rows, columns], axis=-1)


def _axis(labels: list[str]) -> dict[str, object]:
    # Positions, not names: the same word twice in a sentence would share one row otherwise.
    step = math.ceil(len(labels) / MOST_TICKS)
    positions = list(range(0, len(labels), step))
    return {
        "tickvals": positions,
        "ticktext": [_short(labels[position]) for position in positions],
        "range": [-0.5, len(labels) - 0.5],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
    }


def _short(label: str, most: int = 14) -> str:
    return label if len(html.unescape(label)) <= most else label[: most - 1] + "…"


def _height(n_queries: int) -> int:
    return int(np.clip(120 + 24 * n_queries, 320, 960))
