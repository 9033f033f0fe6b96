"""Translation quality over what the training cost: every system a named point."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import plotly.graph_objects as go

from viz import theme
from viz.charts.waves import COLOURS

Kind = Literal["transformer", "single", "ensemble"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Side = Literal["top left", "top center", "top right", "middle left", "bottom left", "bottom center"]
HEIGHT = 400  # pixels

_LOOKS: Mapping[Kind, tuple[str, str]] = {
    "transformer": (theme.ACCENT, "diamond"),
    "single": (COLOURS[1], "circle"),
    "ensemble": (COLOURS[2], "square"),
}


@dataclass(frozen=True)
class System:
    """One system: its name, BLEU and cost, and on which side of its point the name stands."""

    name: str
    bleu: float
    flops: float
    written: str
    kind: Kind
    side: Side


def quality_over_cost(
    systems: Sequence[System],
    *,
    flops: tuple[str, tuple[float, float]],
    bleu: tuple[str, tuple[float, float]],
    kinds: Mapping[Kind, str],
) -> go.Figure:
    """BLEU up, training cost across on a logarithmic scale: left and up is better.

    Args:
        flops, bleu: title and ends of the axes; the caller's, so that two pictures can be compared.
        kinds: what each kind of system is called.
    """
    (across, costs), (up, scores) = flops, bleu
    return go.Figure(
        [
            _points([one for one in systems if one.kind == kind], kind, kinds[kind])
            for kind in KINDS
        ],
        {
            "xaxis": {
                "title": {"text": across},
                "type": "log",
                "range": [math.log10(end) for end in costs],
                "dtick": 1,
                "exponentformat": "power",
                "fixedrange": True,
            },
            "yaxis": {
                "title": {"text": up},
                "range": list(scores),
                "dtick": 1,
                "fixedrange": True,
                "zeroline": False,
            },
            "height": HEIGHT,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "showlegend": True,
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
        },
    )


def _points(systems: Sequence[System], kind: Kind, name: str) -> go.Scatter:
    colour, symbol = _LOOKS[kind]
    names = [html.escape(one.name, quote=False) for one in systems]
    return go.Scatter(
        x=[one.flops for one in systems],
        y=[one.bleu for one in systems],
        name=name,
        mode="markers+text",
        marker={"color": colour, "symbol": symbol, "size": 12},
        text=names,
        textposition=[one.side for one in systems],
        cliponaxis=False,
        customdata=[one.written for one in systems],
        hovertemplate="%{text}<br>BLEU <b>%{y}</b> · <b>%{customdata}</b> FLOPs<extra></extra>",
    )
