"""How far back an encoder remembers: its last vector's dependence on each word of the sentence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st
from jaxtyping import Float

from model import AnyBundle, ModelError
from model.analysis.longer import length
from model.analysis.memory import Reach
from model.analysis.words import word_sums
from viz import cache, picture
from viz.charts.side_by_side import Column, least_width, side_by_side
from viz.history import reading, rivals
from viz.i18n import Say
from viz.numbers import number
from viz.parts import WINDOW

LONGEST = 96
"""Pieces: the exact Jacobian of more takes longer than a class waits."""


def render(say: Say) -> None:
    """Each word's share of what the last vector depends on, a column a model."""
    looked = reading.ask(say)
    if looked is None:
        return
    bundles = rivals.found(say, looked.bundle)
    text = looked.trace.source_text
    pieces = max(length(bundle, text) for bundle in bundles.values())
    if pieces > LONGEST:
        st.info(say("history.memory.too_long", pieces=pieces, limit=LONGEST), icon="✏️")
        return
    with st.spinner(say("history.memory.measuring"), show_time=True):
        found = _reaches(say, bundles, text)
    if not found:
        return
    _verdicts(say, bundles, found)
    _bars(say, bundles, found)
    st.markdown(say("history.memory.means"))


def _reaches(say: Say, bundles: Mapping[str, AnyBundle], text: str) -> dict[str, Reach]:
    """Each model's; one that cannot read the text says why."""
    found = {}
    for name, bundle in bundles.items():
        try:
            found[name] = cache.memory_reach(bundle.name, bundle.version, text)
        except ModelError as error:
            st.error(f"**{rivals.title(say, name, bundle)}** · {say.error(error)}", icon="✏️")
    return found


def _verdicts(say: Say, bundles: Mapping[str, AnyBundle], found: Mapping[str, Reach]) -> None:
    """The first word and the last one, in each model."""
    for name, reach in found.items():
        words, shares = _words(reach), word_sums(reach.words, reach.shares)
        spelled = reading.spelled(words, range(len(words) - 1))  # `</s>` is no word
        first, last = spelled[0], spelled[-1]
        line = say.markdown(
            "history.memory.line",
            model=rivals.title(say, name, bundles[name]),
            first=words[first],
            first_share=say.percent(float(shares[first])),
            last=words[last],
            last_share=say.percent(float(shares[last])),
        )
        st.markdown(f"- {line}")


def _bars(say: Say, bundles: Mapping[str, AnyBundle], found: Mapping[str, Reach]) -> None:
    words = _words(next(iter(found.values())))[-WINDOW:]
    columns = [
        _column(say, rivals.title(say, name, bundles[name]), reach) for name, reach in found.items()
    ]
    with picture.scrolling("history_memory", least_width(len(columns))):
        picture.show(
            side_by_side(words, columns),
            key="history:memory:bars",
            alt=say("history.memory.bars", words=", ".join(words)),
        )


def _column(say: Say, name: str, reach: Reach) -> Column:
    """Shares, because norms of models of different sizes have different scales; the norms are
    written beside them."""
    shares: Float[np.ndarray, " word"] = word_sums(reach.words, reach.shares)
    norms: Float[np.ndarray, " word"] = word_sums(reach.words, reach.norms)
    written = [
        f"{say.percent(float(share))} ({number(float(norm))})"
        for share, norm in zip(shares, norms, strict=True)
    ]
    return Column(name, shares[-WINDOW:], written[-WINDOW:])


def _words(reach: Reach) -> list[str]:
    return [word for word, _ in reach.words]
