"""A matrix as a picture, one cell a number; where there is room, the number stands in it."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from viz import theme
from viz.charts.labels import tick
from viz.numbers import D3_FORMAT, number

MOST_TICKS = 40
MOST_WRITTEN = 120  # cells with their number in them; more would be too small to read
WIDEST_WRITTEN = 6  # columns


@dataclass(frozen=True)
class Axis:
    """One side of the picture; without labels, rows or columns are simply counted from 0."""

    title: str
    labels: Sequence[str] | None = None


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    colours: tuple[tuple[float, str], ...]


def signed_map(
    values: Float[np.ndarray, "row column"],
    rows: Axis,
    columns: Axis,
    *,
    limit: float,
    value: str,
    height: int | None = None,
    text_colour: str = theme.PAGE_TEXT["light"],
) -> go.Figure:
    """Numbers of either sign on a scale from −limit to limit: 0 is the page itself.

    The scale is the caller's, never the data's own: two pictures with one limit can be compared.
    −∞ has no colour; it is hatched like a masked cell.

    Args:
        value: what a number is called in the tooltip.
        height: in pixels; None fits the number of rows.
        text_colour: of the page's text, light or dark.
    """
    scale = _Scale(-limit, limit, theme.SIGNED)
    hidden = ~np.isfinite(values)
    return _map(values, hidden, rows, columns, scale, value, height, text_colour)


def weight_map(
    weights: Float[np.ndarray, "row column"],
    rows: Axis,
    columns: Axis,
    *,
    value: str,
    mask: Bool[np.ndarray, "row column"],
    height: int | None = None,
    text_colour: str = theme.PAGE_TEXT["light"],
) -> go.Figure:
    """Shares on a scale from 0 to 1; forbidden cells are hatched and say that they are 0."""
    scale = _Scale(0, 1, theme.INK)
    return _map(weights, ~mask, rows, columns, scale, value, height, text_colour)


def _map(
    values: Float[np.ndarray, "row column"],
    hidden: Bool[np.ndarray, "row column"],
    rows: Axis,
    columns: Axis,
    scale: _Scale,
    value: str,
    height: int | None,
    text_colour: str,
) -> go.Figure:
    n_rows, n_columns = values.shape
    written = values.size <= MOST_WRITTEN and n_columns <= WIDEST_WRITTEN
    ticks = [scale.low, 0, scale.high] if scale.low else [0, 0.5, scale.high]
    cells = go.Heatmap(
        z=np.where(hidden, np.nan, values),
        zmin=scale.low,
        zmax=scale.high,
        colorscale=theme.paler(scale.colours) if written else scale.colours,
        # Plotly's own choice does not know the page behind a pale cell.
        textfont={"color": text_colour},
        xgap=1 if n_columns <= MOST_TICKS else 0,
        ygap=1 if n_rows <= MOST_TICKS else 0,
        hoverongaps=False,
        colorbar={
            "thickness": 8,
            "outlinewidth": 0,
            "len": 0.8,
            "tickvals": ticks,
            "ticktext": [number(tick) for tick in ticks],
        },
        **_words(values, hidden, rows, columns, value, written),
    )
    return go.Figure(
        [cells, *_hatching(values, hidden, written)],
        {
            "xaxis": _axis(columns, n_columns)
            | {"range": [-0.5, n_columns - 0.5], "side": "top"}
            | {"tickangle": 0 if columns.labels is None else -50},
            "yaxis": _axis(rows, n_rows) | {"range": [n_rows - 0.5, -0.5]},
            "height": height or int(np.clip(110 + 26 * n_rows, 150, 720)),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
        },
    )


def _words(
    values: Float[np.ndarray, "row column"],
    hidden: Bool[np.ndarray, "row column"],
    rows: Axis,
    columns: Axis,
    value: str,
    written: bool,
) -> dict[str, object]:
    """Tooltip, and the numbers in the cells where there is room for them."""
    words: dict[str, object] = {}
    row, column, shown = "%{y}", "%{x}", f"%{{z:{D3_FORMAT}}}"
    if rows.labels is not None or columns.labels is not None:
        names = (_literal(axis, n) for axis, n in zip((rows, columns), values.shape, strict=True))
        words["customdata"] = np.stack(np.meshgrid(*names, indexing="ij"), axis=-1)
        row, column = "%{customdata[0]}", "%{customdata[1]}"
    if written:
        numbers = np.array([[number(float(cell)) for cell in line] for line in values])
        words["text"] = np.where(hidden, "", numbers)  # the hatching says what is hidden
        words["texttemplate"] = "%{text}"
        shown = "%{text}"
    words["hovertemplate"] = (
        f"{_said(rows, row)}{_said(columns, column)}{value}: <b>{shown}</b><extra></extra>"
    )
    return words


def _said(axis: Axis, name: str) -> str:
    return f"{axis.title}: <b>{name}</b><br>" if axis.title else f"<b>{name}</b><br>"


def _hatching(
    values: Float[np.ndarray, "row column"], hidden: Bool[np.ndarray, "row column"], written: bool
) -> list[go.Heatmap | go.Scatter]:
    """Grey ground and a stroke a forbidden cell, and its number where numbers are written."""
    rows, columns = np.nonzero(hidden)
    if not len(rows):
        return []
    ground = go.Heatmap(
        z=np.where(hidden, 0.0, np.nan),
        colorscale=[[0, theme.MASKED_GROUND], [1, theme.MASKED_GROUND]],
        showscale=False,
        xgap=1,
        ygap=1,
        hoverinfo="skip",
    )
    if written:
        numbers = [number(float(cell)) for cell in values[rows, columns]]
        font = {"color": theme.NEUTRAL, "size": 13}
        marks = go.Scatter(x=columns, y=rows, mode="text", text=numbers, textfont=font)
    else:
        gap = np.full(rows.shape, np.nan)
        x = np.stack([columns - 0.35, columns + 0.35, gap], axis=1).ravel()
        y = np.stack([rows + 0.35, rows - 0.35, gap], axis=1).ravel()
        line = {"color": theme.MASKED_LINE, "width": 1}
        marks = go.Scatter(x=x, y=y, mode="lines", line=line)
    return [ground, marks.update(hoverinfo="skip", showlegend=False)]


def _labels(axis: Axis, n: int) -> Sequence[str]:
    return axis.labels if axis.labels is not None else [str(i) for i in range(n)]


def _literal(axis: Axis, n: int) -> list[str]:
    # Plotly reads a little HTML in labels: "</s>" would vanish and "<b>" turn bold.
    return [html.escape(label, quote=False) for label in _labels(axis, n)]


def _axis(axis: Axis, n: int) -> dict[str, object]:
    step = math.ceil(n / MOST_TICKS) if axis.labels is not None else max(1, n // 8)
    places = list(range(0, n, step))
    labels = _labels(axis, n)
    return {
        "title": {"text": axis.title},
        "tickvals": places,
        "ticktext": [tick(labels[place]) for place in places],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        "fixedrange": True,
    }
