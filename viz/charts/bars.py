"""A short list of shares, largest first."""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go

from viz import theme


def bar_list(
    names: Sequence[str], shares: Sequence[float], written: Sequence[str], *, chosen: int = 0
) -> go.Figure:
    """Horizontal bars on a fixed 0–1 scale, first name on top.

    Args:
        names: what each bar stands for; shown as typed, never read as markup.
        shares: between 0 and 1.
        written: each share as the reader's language writes it ("81 %").
        chosen: the bar in the accent's colour.
    """
    positions = list(range(len(names)))
    labels = [html.escape(name, quote=False) for name in names]
    colours = [theme.ACCENT if place == chosen else theme.NEUTRAL for place in positions]
    bars = go.Bar(
        x=list(shares),
        y=positions,
        orientation="h",
        text=list(written),
        textposition="outside",
        cliponaxis=False,
        marker={"color": colours},
        customdata=labels,
        hovertemplate="%{customdata}: %{text}<extra></extra>",
    )
    return go.Figure(
        bars,
        {
            "xaxis": {"range": [0, 1.14], "visible": False, "fixedrange": True},
            "yaxis": {
                "tickvals": positions,
                "ticktext": labels,
                "autorange": "reversed",
                "fixedrange": True,
                "ticks": "",
            },
            "height": 24 + 30 * len(names),
            "margin": {"l": 8, "r": 8, "t": 4, "b": 4},
            "bargap": 0.35,
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
        },
    )
