"""The course of trainings: a line a measure, or a line a run."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from viz import theme
from viz.charts.waves import COLOURS

Unit = Literal["share", "loss", "rate"]
HEIGHT = 250  # pixels


@dataclass(frozen=True)
class Course:
    """One line: a value at each step, named in the reader's language.

    Attributes:
        colour: which of the colours; lines of one run may share it.
        dashed: a second measure of the same run, say.
    """

    name: str
    steps: Sequence[int]
    values: Sequence[float]
    colour: int = 0
    dashed: bool = False


def curves(
    courses: Sequence[Course],
    *,
    step: str,
    value: str,
    unit: Unit,
    now: int | None = None,
    steps: int | None = None,
) -> go.Figure:
    """Lines over training steps: shares on a fixed scale from 0 to 1, all else from 0 on.

    Args:
        step, value: titles of the axes.
        now: a moment to mark with an upright line.
        steps: where the axis ends; None ends it with the data.
    """
    lines = [_line(course, unit) for course in courses]
    vertical: dict[str, object] = {"rangemode": "tozero"}
    if unit == "share":
        vertical = {
            "range": [-0.02, 1.02],
            "tickformat": ".0%",
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
        }
    horizontal: dict[str, object] = {"rangemode": "tozero"}
    if steps:
        horizontal = {"range": [0, steps]}
    return go.Figure(
        lines,
        {
            "xaxis": horizontal | {"title": {"text": step}, "fixedrange": True, "zeroline": False},
            "yaxis": vertical | {"title": {"text": value}, "fixedrange": True, "zeroline": False},
            "shapes": [] if now is None else [_moment(now)],
            "height": HEIGHT,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "showlegend": True,
            "hovermode": "x unified",
            "paper_bgcolor": theme.CLEAR,
            "plot_bgcolor": theme.CLEAR,
            "dragmode": False,
        },
    )


def _line(course: Course, unit: Unit) -> go.Scatter:
    name = html.escape(course.name, quote=False)
    return go.Scatter(
        x=list(course.steps),
        y=list(course.values),
        name=name,
        mode="lines+markers" if len(course.steps) <= 30 else "lines",
        marker={"size": 5},
        line={
            "color": COLOURS[course.colour % len(COLOURS)],
            "width": 2,
            "dash": "dash" if course.dashed else "solid",
        },
        hovertemplate="%{y:.1%}" if unit == "share" else "%{y:.4~g}",
    )


def _moment(step: int) -> dict[str, object]:
    edge = {"color": theme.CHOSEN_CELL, "width": 2, "dash": "dot"}
    return {"type": "line", "x0": step, "x1": step, "y0": 0, "y1": 1, "yref": "paper", "line": edge}
