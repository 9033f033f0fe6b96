"""The coreference lab: does a head really know what *it* means, or was it luck?"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from viz import parts, sentence, state, takehome
from viz.i18n import Say
from viz.lab import board, cutting, flip, honesty, languages, layers, pair, worksheet
from viz.lab.pair import Pair
from viz.takehome import Numbers

# A part shows itself, and gives the numbers that may be taken home.
_PARTS: dict[str, Callable[[Say, Pair], Numbers | None]] = {
    "twins": flip.part,
    "lens": layers.part,
    "board": board.part,
    "cut": cutting.part,
    "langs": languages.part,
    "honest": honesty.part,
    "sheet": worksheet.part,
}


def render() -> None:
    """The page: a sentence and its twin, seven parts, one of them on screen.

    No fragment: a click in a fragment waits for the run before it, and Cancel must not wait.
    """
    say = state.say()
    looked = sentence.opening(say, "lab")
    if looked is None:
        return
    twins = pair.ask(say, looked)
    part = parts.choose(say, "lab", tuple(_PARTS))
    st.markdown(say(f"lab.{part}.lead"))
    numbers = _PARTS[part](say, twins)
    sentence.write_link(looked)
    takehome.offer(say, looked, numbers=numbers)


if __name__ == "__main__":
    render()
