"""One token's vectors as strips of cells: one below the other, on one scale around zero."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from viz import theme
from viz.numbers import number


@dataclass(frozen=True)
class Strip:
    """One vector and the name that stands above it."""

    name: str
    values: Float[np.ndarray, " n"]


def strips(vectors: Sequence[Strip], *, dimension: str, marked: int | None = None) -> go.Figure:
    """Vectors of one length, one strip each, first on top; all share one scale, −a to a.

    Args:
        dimension: what a place in the vector is called in the tooltip; counted from 1.
        marked: the place to frame in every strip.
    """
    n = len(vectors[0].values)
    gap = np.full(n, np.nan)
    rows = [row for vector in vectors for row in (gap, vector.values)]
    names = [
        [""] * n if i % 2 == 0 else _hover(vectors[i // 2], dimension) for i in range(len(rows))
    ]
    frames = [] if marked is None else [_frame(marked, 2 * i + 1) for i in range(len(vectors))]
    cells = _cells(np.stack(rows), names, _limit([vector.values for vector in vectors]))
    return go.Figure(
        cells,
        _layout(n, len(rows), 54 * len(vectors) + 8)
        | {"annotations": [_name(v.name, 2 * i) for i, v in enumerate(vectors)], "shapes": frames},
    )


def hidden_layer(before: Strip, after: Strip, *, dimension: str, zero: str) -> go.Figure:
    """The hidden numbers before and after ReLU, each vector folded into rows; zeros are grey.

    Args:
        dimension: what a hidden number is called in the tooltip; counted from 1.
        zero: what the tooltip of a zero after ReLU adds.
    """
    n = len(before.values)
    width = 64 if n <= 1024 else 128
    upper, lower = (_folded(strip.values, width) for strip in (before, after))
    gap = np.full((2, width), np.nan)
    z = np.concatenate([gap, upper, gap, lower])
    alive = [
        f"{text} ({zero})" if value == 0 else text
        for text, value in zip(_hover(after, dimension), after.values, strict=True)
    ]
    unnamed = np.full((2, width), "")
    named = [_folded_names(names, width) for names in (_hover(before, dimension), alive)]
    names = np.concatenate([unnamed, named[0], unnamed, named[1]])
    silent = np.where(z == 0, 0.0, np.nan)
    silent[: len(upper) + 2] = np.nan
    ground = go.Heatmap(
        z=silent,
        colorscale=[[0, theme.MASKED_GROUND], [1, theme.MASKED_GROUND]],
        showscale=False,
        xgap=1,
        ygap=1,
        hoverinfo="skip",
    )
    cells = _cells(z, names.tolist(), _limit([before.values]), gap=1)
    layout = _layout(width, len(z), max(14 * len(z), 160))
    titles = [_name(before.name, 0.5), _name(after.name, len(upper) + 2.5)]
    return go.Figure([cells, ground], layout | {"annotations": titles})


def _cells(
    z: Float[np.ndarray, "row column"], names: Sequence[Sequence[str]], limit: float, gap: int = 0
) -> go.Heatmap:
    return go.Heatmap(
        z=z,
        zmin=-limit,
        zmax=limit,
        colorscale=theme.SIGNED,
        xgap=gap,
        ygap=gap,
        customdata=names,
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
        colorbar={
            "thickness": 8,
            "outlinewidth": 0,
            "len": 0.9,
            "tickvals": [-limit, 0, limit],
            "ticktext": [number(-limit), "0", number(limit)],
        },
    )


def _layout(columns: int, rows: int, height: int) -> dict[str, object]:
    axis = {"visible": False, "fixedrange": True}
    return {
        "xaxis": axis | {"range": [-0.5, columns - 0.5]},
        "yaxis": axis | {"range": [rows - 0.5, -0.5]},
        "height": height,
        "margin": {"l": 4, "r": 4, "t": 0, "b": 4},
        "paper_bgcolor": theme.CLEAR,
        "plot_bgcolor": theme.CLEAR,
        "dragmode": False,
    }


def _name(name: str, row: float) -> dict[str, object]:
    return {
        "text": html.escape(name, quote=False),
        "x": -0.5,
        "y": row,
        "yshift": 1,
        "xanchor": "left",
        "showarrow": False,
        "font": {"size": 13},
    }


def _hover(strip: Strip, dimension: str) -> list[str]:
    name = html.escape(strip.name, quote=False)
    return [
        f"{name}<br>{dimension} {i + 1}: <b>{number(float(v))}</b>"
        for i, v in enumerate(strip.values)
    ]


def _folded(values: Float[np.ndarray, " n"], width: int) -> Float[np.ndarray, "row column"]:
    cells = np.full(math.ceil(len(values) / width) * width, np.nan, dtype=np.float32)
    cells[: len(values)] = values
    return cells.reshape(-1, width)


def _folded_names(names: list[str], width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
    rows = math.ceil(len(names) / width)
    return np.array(names + [""] * (rows * width - len(names))).reshape(rows, width)


def _frame(column: int, row: int) -> dict[str, object]:
    edges = {"x0": column - 0.9, "x1": column + 0.9, "y0": row - 0.56, "y1": row + 0.56}
    return {"type": "rect", "line": {"color": theme.NEUTRAL, "width": 2}, **edges}


def _limit(vectors: Sequence[np.ndarray]) -> float:
    """The largest amount of all; 1 where everything is zero."""
    return max(float(np.abs(vector).max(initial=0)) for vector in vectors) or 1.0
