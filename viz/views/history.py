"""Before the Transformer: what came first, on the same sentence."""

from __future__ import annotations

import streamlit as st

from viz import parts, state
from viz.history import calc, cost, longer, memory, paper, scale, together, window

_PARTS = {
    "sentence": together.render,
    "longer": longer.render,
    "memory": memory.render,
    "calc": calc.render,
    "window": window.render,
    "cost": cost.render,
    "scale": scale.render,
    "paper": paper.render,
}


def render() -> None:
    """The page: one part on screen; those that read a sentence ask for it themselves."""
    say = state.say()
    st.markdown(f"### {say('history.title')}")
    st.caption(say("history.what_for"))
    state.look()  # what the link says of the sentence is kept by parts that read none
    part = parts.choose(say, "history", tuple(_PARTS))
    st.markdown(say(f"history.{part}.lead"))
    _PARTS[part](say)
    state.write_link()


if __name__ == "__main__":
    render()
