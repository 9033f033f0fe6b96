"""A button that opens the browser's own print dialogue, and what of a page goes on paper."""

from __future__ import annotations

import streamlit as st

_component = st.components.v2.component(
    "jumok_print_button",
    html='<button type="button"></button>',
    css="""
      button { font: inherit; color: var(--st-text-color); background: transparent; cursor: pointer;
        border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
        padding: .35rem .9rem; min-height: 2.5rem; }
      button:hover, button:focus-visible { color: var(--st-primary-color);
        border-color: var(--st-primary-color); }
      @media print { button { display: none; } }
    """,
    js="""
      export default function ({ parentElement, data }) {
        const button = parentElement.querySelector("button");
        button.textContent = data.label;
        button.onclick = () => window.print();
      }
    """,
)

_PAPER = """<style>@media print {{
  @page {{ margin: 16mm; }}
  body, .stApp {{ background: white !important; color: black !important; }}
  .stApp, .stAppViewContainer, .stMain, .stMainBlockContainer {{
    position: static !important; overflow: visible !important; height: auto !important;
    padding: 0 !important; }}
  header, .stAppHeader, .stAppToolbar, [data-testid="stToolbar"] {{ display: none !important; }}
  :is([data-testid="stElementContainer"], [data-testid="stLayoutWrapper"], [class*="st-key-"]):not(
    .st-key-{key}, .st-key-{key} *, :has(.st-key-{key})) {{ display: none !important; }}
  .st-key-{key} * {{ color: black !important; }}
}}</style>"""


def print_button(label: str, *, sheet: str) -> None:
    """Print one container of this page and nothing else.

    Args:
        sheet: the key of the container.
    """
    st.html(_PAPER.format(key=sheet))
    _component(key=f"{sheet}:print", data={"label": label})
