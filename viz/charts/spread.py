"""How far a change spreads: one bar a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from viz import theme


def layer_bars(
    shares: Mapping[str, Sequence[float]],
    written: Mapping[str, Sequence[str]],
    layer: str,
    chosen: tuple[str, int],
) -> go.Figure:
    """Shares on a fixed 0–1 scale, layers in the order of the calculation, stack by stack.

    Args:
        shares: name of the stack → between 0 and 1, a layer each.
        written: each share as the reader's language writes it ("81 %").
        layer: what a layer is called, with `{layer}` for its number from 1.
        chosen: the stack and layer that is looked at, in the accent's colour.
    """
    stacks = [name for name, values in shares.items() for _ in values]
    numbers = [str(n + 1) for values in shares.values() for n in range(len(values))]
    colours = [
        theme.ACCENT if (stack, number) == (chosen[0], str(chosen[1] + 1)) else theme.NEUTRAL
        for stack, number in zip(stacks, numbers, strict=True)
    ]
    bars = go.Bar(
        x=[stacks, numbers],
        y=[share for values in shares.values() for share in values],
        text=[text for values in written.values() for text in values],
        textposition="outside",
        cliponaxis=False,
        marker={"color": colours},
        customdata=[
            f"{stack} · {layer.format(layer=number)}"
            for stack, number in zip(stacks, numbers, strict=True)
        ],
        hovertemplate="%{customdata}: <b>%{text}</b><extra></extra>",
    )
    return go.Figure(
        bars,
        {
            "xaxis": {"fixedrange": True, "ticks": "", "showgrid": False},
            "yaxis": {"range": [0, 1.1], "visible": False, "fixedrange": True},
            "height": 220,
            "margin": {"l": 8, "r": 8, "t": 16, "b": 8},
            "bargap": 0.3,
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
        },
    )
