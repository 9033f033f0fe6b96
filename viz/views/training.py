"""Train it here: the film of the model's own training, and a new one before the class's eyes."""

from __future__ import annotations

import streamlit as st

from model import ModelError
from viz import parts, state
from viz.training import after, film, owner, start, watch

_PARTS = {"film": film.part, "start": start.part, "watch": watch.part}


def render() -> None:
    """The page: three parts, one of them on screen."""
    say = state.say()
    st.markdown(f"### {say('training.title')}")
    st.caption(say("training.what_for"))
    part = parts.choose(say, "training", tuple(_PARTS))
    try:
        _PARTS[part](say)
        if part == "watch":
            after.shelf(say)
    except ModelError as error:  # the folder of all runs cannot be read
        st.error(say.error(error), icon="🧯")
    if part != "film":
        owner.teacher(say)
        owner.remember()
    state.look()
    state.write_link()


if __name__ == "__main__":
    render()
