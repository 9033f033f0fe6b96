"""Two words that a pronoun may stand for: which of them leads, and by how much."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from viz import theme

FIRST, SECOND = theme.ACCENT, theme.SIGNED[0][1]
"""The two rivals, everywhere on the page: ink and earth, the two ends of the signed scale."""

_REST = "rgba(138,147,143,0.35)"
_GROUND = {"paper_bgcolor": theme.CLEAR, "plot_bgcolor": theme.CLEAR, "dragmode": False}
_LEGEND = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "itemclick": False}


@dataclass(frozen=True)
class Shares:
    """One bar: what two rivals get, of 1 in all; the rest is every other word's.

    Attributes:
        name: what the bar stands for, shown as typed.
        written: the two shares as the reader's language writes them ("81 %").
    """

    name: str
    first: float
    second: float
    written: tuple[str, str]


def rival_bars(bars: Sequence[Shares], rivals: tuple[str, str], rest: str) -> go.Figure:
    """Stacked bars on a fixed 0–1 scale, first bar on top.

    Args:
        rivals: the two words; the first grows from the left, the second from the right.
        rest: what the share of all other words is called.
    """
    rows = list(range(len(bars)))
    shares = (
        (rivals[0], FIRST, [bar.first for bar in bars], [bar.written[0] for bar in bars]),
        (rest, _REST, [max(0.0, 1 - bar.first - bar.second) for bar in bars], None),
        (rivals[1], SECOND, [bar.second for bar in bars], [bar.written[1] for bar in bars]),
    )
    return go.Figure(
        [_stack(rows, *one) for one in shares],
        {
            "xaxis": {"range": [0, 1], "visible": False, "fixedrange": True},
            "yaxis": {
                "tickvals": rows,
                "ticktext": [html.escape(bar.name, quote=False) for bar in bars],
                "range": [len(bars) - 0.5, -0.5],
                "fixedrange": True,
                "ticks": "",
            },
            "barmode": "stack",
            "bargap": 0.35,
            "height": 56 + 40 * len(bars),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 4},
            "legend": _LEGEND | {"traceorder": "normal"},
            **_GROUND,
        },
    )


def _stack(
    rows: list[int], name: str, colour: str, shares: list[float], written: list[str] | None
) -> go.Bar:
    shown = html.escape(name, quote=False)
    said: dict[str, object] = {"hovertemplate": f"{shown}: %{{x:.1%}}<extra></extra>"}
    if written is not None:
        # What is too narrow for its number is told by the tooltip.
        inside = [
            text if share >= 0.12 else "" for text, share in zip(written, shares, strict=True)
        ]
        said = {
            "text": inside,
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "textfont": {"color": "white"},
            "customdata": written,
            "hovertemplate": f"{shown}: <b>%{{customdata}}</b><extra></extra>",
        }
    return go.Bar(x=shares, y=rows, orientation="h", name=shown, marker={"color": colour}, **said)


def rival_lines(
    shares: Sequence[tuple[str, Sequence[float]]],
    places: Sequence[str],
    title: str,
    written: Sequence[Sequence[str]],
) -> go.Figure:
    """How the shares of words change from place to place, on a fixed 0–1 scale.

    Args:
        shares: (word, its share at each place): the two rivals first, then others, which are grey.
        places: what stands below the axis; as many as each word has shares.
        title: of the axis.
        written: each share as the reader's language writes it.
    """
    colours = [FIRST, SECOND, *[theme.NEUTRAL] * len(shares)]
    lines = [
        go.Scatter(
            x=list(range(len(places))),
            y=list(values),
            name=html.escape(word, quote=False),
            mode="lines+markers",
            line={"color": colour, "width": 3 if n < 2 else 1, "dash": "solid" if n < 2 else "dot"},
            # Colour is not all that tells them apart.
            marker={
                "symbol": ("circle", "diamond", "x-thin")[min(n, 2)],
                "size": 10 if n < 2 else 5,
            },
            customdata=list(zip(places, texts, strict=True)),
            hovertemplate=(
                f"{html.escape(word, quote=False)} · %{{customdata[0]}}: "
                "<b>%{customdata[1]}</b><extra></extra>"
            ),
        )
        for n, ((word, values), colour, texts) in enumerate(
            zip(shares, colours, written, strict=False)
        )
    ]
    return go.Figure(
        lines,
        {
            "xaxis": {
                "title": {"text": title},
                "tickvals": list(range(len(places))),
                "ticktext": list(places),
                "range": [-0.2, len(places) - 0.8],
                "fixedrange": True,
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": {
                "range": [-0.03, 1.05],
                "tickvals": [0, 0.5, 1],
                "tickformat": ".0%",
                "fixedrange": True,
                "zeroline": False,
            },
            "height": 300,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "legend": _LEGEND,
            **_GROUND,
        },
    )


def leanings(
    names: Sequence[str], values: Sequence[float], written: Sequence[str], rivals: tuple[str, str]
) -> go.Figure:
    """Bars from 0 to either side: to the right for the first rival, to the left for the second.

    Args:
        values: between −1 and 1.
        written: each value as a number for people.
    """
    rows = list(range(len(names)))
    shown = [html.escape(name, quote=False) for name in names]
    bars = go.Bar(
        x=list(values),
        y=rows,
        orientation="h",
        marker={"color": [FIRST if value >= 0 else SECOND for value in values]},
        text=list(written),
        textposition="outside",
        cliponaxis=False,
        customdata=shown,
        hovertemplate="%{customdata}: <b>%{text}</b><extra></extra>",
    )
    first, second = (html.escape(name, quote=False) for name in rivals)
    return go.Figure(
        bars,
        {
            "xaxis": {
                "range": [-1.25, 1.25],
                "tickvals": [-1, 0, 1],
                "ticktext": [f"← {second}", "0", f"{first} →"],
                "side": "top",
                "fixedrange": True,
                "showgrid": False,
                "zerolinecolor": theme.NEUTRAL,
            },
            "yaxis": {
                "tickvals": rows,
                "ticktext": shown,
                "range": [len(names) - 0.5, -0.5],
                "fixedrange": True,
                "ticks": "",
            },
            "height": 50 + 34 * len(names),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 4},
            "bargap": 0.35,
            **_GROUND,
        },
    )
