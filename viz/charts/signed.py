"""Numbers of either sign, as a picture: one cell a number, colours around zero."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from viz import theme
from viz.numbers import D3_FORMAT, number

MOST_TICKS = 40
MOST_WRITTEN = 120  # cells with their number in them; more would be too small to read


@dataclass(frozen=True)
class Axis:
    """One side of the picture; without labels, rows or columns are simply counted from 0."""

    title: str
    labels: Sequence[str] | None = None


def signed_map(
    values: Float[np.ndarray, "row column"],
    rows: Axis,
    columns: Axis,
    *,
    limit: float,
    value: str,
    height: int | None = None,
) -> go.Figure:
    """A matrix on a colour scale from −limit to limit: 0 is the page itself.

    The scale is the caller's, never the data's own: two pictures with one limit can be compared.
    −∞ has no colour; it is hatched like a masked cell.

    Args:
        value: what a number is called in the tooltip.
        height: in pixels; None fits the number of rows.
    """
    finite = np.where(np.isfinite(values), values, np.nan)
    written = values.size <= MOST_WRITTEN
    cells = go.Heatmap(
        z=finite,
        zmin=-limit,
        zmax=limit,
        colorscale=theme.SIGNED,
        xgap=1 if values.shape[1] <= MOST_TICKS else 0,
        ygap=1 if values.shape[0] <= MOST_TICKS else 0,
        hoverongaps=False,
        colorbar={
            "thickness": 8,
            "outlinewidth": 0,
            "len": 0.8,
            "tickvals": [-limit, 0, limit],
            "ticktext": [number(-limit), "0", number(limit)],
        },
        **_words(values, rows, columns, value, written),
    )
    return go.Figure(
        [cells, *_nothing(values, written)],
        {
            "xaxis": _axis(columns, values.shape[1])
            | {"range": [-0.5, values.shape[1] - 0.5], "side": "top"},
            "yaxis": _axis(rows, values.shape[0]) | {"range": [values.shape[0] - 0.5, -0.5]},
            "height": height or int(np.clip(110 + 26 * values.shape[0], 150, 720)),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
        },
    )


def _words(
    values: Float[np.ndarray, "row column"], rows: Axis, columns: Axis, value: str, written: bool
) -> dict[str, object]:
    """Tooltip, and the numbers in the cells where there is room for them."""
    names: dict[str, object] = {}
    row, column, shown = "%{y}", "%{x}", f"%{{z:{D3_FORMAT}}}"
    if rows.labels is not None or columns.labels is not None:
        names["customdata"] = np.stack(
            np.meshgrid(
                _literal(rows, values.shape[0]), _literal(columns, values.shape[1]), indexing="ij"
            ),
            axis=-1,
        )
        row, column = "%{customdata[0]}", "%{customdata[1]}"
    if written:
        names["text"] = [[number(float(cell)) for cell in line] for line in values]
        names["texttemplate"] = "%{text}"
        shown = "%{text}"
    names["hovertemplate"] = (
        f"{rows.title}: <b>{row}</b><br>{columns.title}: <b>{column}</b><br>"
        f"{value}: <b>{shown}</b><extra></extra>"
    )
    return names


def _nothing(
    values: Float[np.ndarray, "row column"], written: bool
) -> list[go.Heatmap | go.Scatter]:
    """Cells of −∞: grey ground, and the sign or a stroke."""
    rows, columns = np.nonzero(~np.isfinite(values))
    if not len(rows):
        return []
    ground = go.Heatmap(
        z=np.where(np.isfinite(values), np.nan, 0.0),
        colorscale=[[0, theme.MASKED_GROUND], [1, theme.MASKED_GROUND]],
        showscale=False,
        xgap=1,
        ygap=1,
        hoverinfo="skip",
    )
    if written:
        signs = [number(float(cell)) for cell in values[rows, columns]]
        marks = go.Scatter(x=columns, y=rows, mode="text", text=signs, hoverinfo="skip")
        return [ground, marks]
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


def _literal(axis: Axis, n: int) -> list[str]:
    # Plotly reads a little HTML in labels: "</s>" would vanish and "<b>" turn bold.
    labels = axis.labels if axis.labels is not None else [str(i) for i in range(n)]
    return [html.escape(label, quote=False) for label in labels]


def _axis(axis: Axis, n: int) -> dict[str, object]:
    step = max(1, math.ceil(n / MOST_TICKS)) if axis.labels is not None else max(1, n // 12)
    places = list(range(0, n, step))
    labels = _literal(axis, n)
    return {
        "title": {"text": axis.title},
        "tickvals": places,
        "ticktext": [_short(labels[place]) for place in places],
        "tickangle": -50 if axis.labels is not None and axis.title and n > 6 else 0,
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
    }


def _short(label: str, most: int = 14) -> str:
    return label if len(html.unescape(label)) <= most else label[: most - 1] + "…"
