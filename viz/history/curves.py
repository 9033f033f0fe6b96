"""Curves on the page, told in words to who cannot see them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from viz.charts.lines import Line, Scale, lines

QUIET = {"displayModeBar": False}


def draw(
    drawn: Sequence[Line], x: Scale, y: Scale, *, key: str, mark: tuple[float, str] | None = None
) -> None:
    """One chart; read aloud, every curve's first and last value."""
    told = "; ".join(f"{line.name}: {line.written[0]} … {line.written[-1]}" for line in drawn)
    st.plotly_chart(
        lines(drawn, x, y, mark=mark), key=key, config=QUIET, alt=f"{y.title} · {x.title}. {told}"
    )
