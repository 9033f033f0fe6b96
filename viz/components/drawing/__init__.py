"""A drawing: SVG in the page's own text colour, with tooltips; `st.html` leaves SVG out."""

from __future__ import annotations

import streamlit as st

_component = st.components.v2.component(
    "jumok_drawing",
    js="""export default function drawing({ data, parentElement }) {
  const shown = parentElement.querySelector(".drawing") ?? document.createElement("div");
  shown.className = "drawing";
  shown.tabIndex = 0; // arrow keys scroll what is wider than the page
  if (shown.innerHTML !== data) shown.innerHTML = data;
  parentElement.appendChild(shown);
}""",
    css="""
.drawing {
  overflow-x: auto;
  padding-bottom: 8px;
  color: var(--st-text-color, #222);
  font-family: var(--st-font, sans-serif);
}
.drawing:focus-visible { outline: 3px solid var(--st-primary-color, #0b7a70); }
.drawing svg { display: block; }
""",
)


def drawing(svg: str, *, key: str) -> None:
    """Show an SVG that this program drew; it scrolls sideways where it is wider than the page.

    Args:
        svg: trusted markup: whoever drew it has escaped what people typed.
    """
    _component(key=key, data=svg)
