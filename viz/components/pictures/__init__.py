"""The charts of a page as files, and a link to what is on screen; both made in the browser.

Why not by Plotly's own button, or on the server? Plotly's picture has no ground (pale words on
white slides, from the dark theme) and its button knows one format; a server without Korean fonts
draws no Korean, and one that renders for thirty people at once keeps them waiting. The browser has
drawn the chart already, with fonts that its reader can read.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from viz.components.code import code

CODE = code(__file__, shared=("view", "save"), own=("pictures",))
_component = st.components.v2.component("jumok_pictures", js=CODE.js, css=CODE.css)


def pictures(
    *, sentence: str, carried: Mapping[str, str], text: Mapping[str, str], key: str
) -> None:
    """List the Plotly and Altair charts that are on the page, each with its save buttons.

    Args:
        sentence: stands below a saved chart's title, and gives the files their names.
        carried: what the copied link says even where the address bar does not: language and model.
        text: every word, by name; `save` buttons have theirs from `save_text`.
    """
    _component(key=key, data={"sentence": sentence, "carried": dict(carried), "text": dict(text)})
