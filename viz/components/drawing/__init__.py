"""A drawing: SVG in the page's own text colour, with tooltips; `st.html` leaves SVG out."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from viz.components.code import code

CODE = code(__file__, shared=("save",), own=("drawing",))
_component = st.components.v2.component("jumok_drawing", js=CODE.js, css=CODE.css)


def drawing(svg: str, *, text: Mapping[str, str], key: str) -> None:
    """Show an SVG that this program drew; it scrolls sideways where it is wider than the page.

    Args:
        svg: trusted markup: whoever drew it has escaped what people typed.
        text: the save buttons' words (`save_text`), `title` and `of`, which stand above a saved
            drawing: what it is, and the sentence.
    """
    _component(key=key, data={"svg": svg, "text": dict(text)})
