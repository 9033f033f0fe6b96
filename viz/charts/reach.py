"""Who hears of whom: words from left to right, layers from below, and the ways between them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from viz import theme

LEVEL = 62  # pixels from layer to layer
NAMES = 84  # pixels for the layers' names, so that several pictures stand exactly in line
PITCH = 64  # pixels that a word needs at least
_SHADES = 20

Place = tuple[int, int]
"""Word, layer; both from 0, layer 0 is the words themselves."""


@dataclass(frozen=True)
class Edge:
    """One step of information from a place to another; `share` (0 … 1) is its ink."""

    start: Place
    end: Place
    share: float = 1.0


def reach(
    words: Sequence[str],
    levels: Sequence[str],
    edges: Sequence[Edge],
    way: Sequence[Place],
    *,
    way_share: float = 1.0,
    said: Sequence[str] = (),
) -> go.Figure:
    """A dot for every word in every layer; what is connected has ink, the way from one word to
    another its own colour.

    Args:
        levels: names of the layers, from below.
        way: the places that a word passes; empty where it does not arrive.
        way_share: how strong that way is, 0 … 1.
        said: a text over each word, a weight perhaps.
    """
    reached = {place for edge in edges for place in (edge.start, edge.end)}
    labels = [html.escape(word, quote=False) for word in words]
    shades = sorted({round(edge.share * _SHADES) for edge in edges} - {0})
    lines = [
        _lines([e for e in edges if round(e.share * _SHADES) == shade], shade / _SHADES)
        for shade in shades
    ]
    way_line = go.Scatter(
        x=[word for word, _ in way],
        y=[level for _, level in way],
        mode="lines",
        line={"color": theme.CHOSEN_CELL, "width": _width(way_share)},
        name="way",
    )
    places = [(word, level) for level in range(len(levels)) for word in range(len(words))]
    dots = go.Scatter(
        x=[word for word, _ in places],
        y=[level for _, level in places],
        mode="markers",
        name="places",
        marker={
            "size": 12,
            "color": [_colour(place, reached, way) for place in places],
            "line": {"width": 0},
        },
        customdata=[f"{labels[word]} · {levels[level]}" for word, level in places],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure = go.Figure([*lines, way_line, dots], _layout(labels, levels))
    figure.update_traces(hoverinfo="skip", selector={"mode": "lines"})
    for word, text in enumerate(said):
        figure.add_annotation(x=word, y=0, yshift=-16, text=text, showarrow=False)
    return figure


def least_width(n_words: int) -> int:
    """Pixels below which the words would run into each other."""
    return NAMES + 40 + PITCH * n_words


def _lines(edges: Sequence[Edge], share: float) -> go.Scatter:
    """All edges of one strength as one trace."""
    x, y = [], []
    for edge in edges:
        x += [edge.start[0], edge.end[0], None]
        y += [edge.start[1], edge.end[1], None]
    line = {"color": theme.ACCENT, "width": _width(share)}
    return go.Scatter(x=x, y=y, mode="lines", line=line, opacity=max(0.12, share), name="edges")


def _width(share: float) -> float:
    return 1 + 3 * share


def _colour(place: Place, reached: set[Place], way: Sequence[Place]) -> str:
    if place in way:
        return theme.CHOSEN_CELL
    return theme.ACCENT if place in reached else theme.MASKED_LINE


def _layout(labels: Sequence[str], levels: Sequence[str]) -> dict[str, object]:
    return {
        "xaxis": {
            "tickvals": list(range(len(labels))),
            "ticktext": labels,
            "tickangle": 0 if len(labels) <= 8 else -40,
            "range": [-0.6, len(labels) - 0.4],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "ticks": "",
        },
        "yaxis": {
            "tickvals": list(range(len(levels))),
            "ticktext": [html.escape(level, quote=False) for level in levels],
            "range": [-0.5, len(levels) - 0.6],
            "automargin": False,
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "ticks": "",
        },
        "height": 60 + LEVEL * len(levels),
        "margin": {"l": NAMES, "r": 8, "t": 4, "b": 8},
        "showlegend": False,
        "dragmode": False,
        "paper_bgcolor": theme.CLEAR,
        "plot_bgcolor": theme.CLEAR,
    }
