"""A figure on the page: without a tool bar, told in words, in a box that scrolls if it is wide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import plotly.graph_objects as go
import streamlit as st


def show(
    figure: go.Figure, *, key: str, alt: str, picked: Callable[[], None] | None = None
) -> None:
    """Draw the figure.

    Args:
        alt: what is read aloud in its place.
        picked: called when a point of it is clicked; None: a click does nothing.
    """
    st.plotly_chart(
        figure,
        key=key,
        config={"displayModeBar": False},
        alt=alt,
        on_select=picked or "ignore",
        selection_mode="points",
    )


@contextmanager
def scrolling(name: str, width: int) -> Iterator[None]:
    """A box that is never narrower than its picture needs (px); on a phone it scrolls sideways."""
    key = re.sub(r"\W", "-", name, flags=re.ASCII)
    with st.container(key=key):
        st.html(
            f"<style>.st-key-{key} {{ overflow-x: auto }}"
            f".st-key-{key} > * {{ min-width: {width}px }}</style>"
        )
        yield
