"""What several pages are built of: numbered parts, a head's pickers, badges, the way to what-if."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import numpy as np
import streamlit as st
from jaxtyping import Float

from model.analysis.words import sharpest_head
from viz import choice, sentence, state
from viz.i18n import Say
from viz.numbers import number
from viz.sentence import Looked

Option = TypeVar("Option", bound=str)
LabelVisibility = Literal["visible", "hidden", "collapsed"]

WINDOW = 40
"""Rows and columns of a long sentence that a picture shows; more would be too small to read."""

SAME = 1e-5
"""Float32 numbers computed in two orders differ by less than this."""


def one_of(
    key: str,
    options: Sequence[Option],
    label: str,
    name: Callable[[Option], str],
    *,
    param: str | None = None,
    label_visibility: LabelVisibility = "visible",
    help: str | None = None,
) -> Option:
    """A row of buttons, one of them always chosen.

    Which one stands in the link, unless it is the first, by the option's own name, so that it opens
    in any language. A link that the page did not write itself wins.

    Args:
        name: what an option is called on screen.
        param: its name in the link; None: the key.
    """
    param = param or key
    state.follow_link(key, param, options)
    chosen = st.segmented_control(
        label,
        options,
        format_func=name,
        key=key,
        required=True,
        label_visibility=label_visibility,
        help=help,
        persist_state="session",
    )
    option = chosen or options[0]
    state.into_link(param, option, options[0])
    return option


def choose(say: Say, page: str, parts: Sequence[str]) -> str:
    """A row of numbered parts, one of them on screen; which one stands in the link.

    Each part has its name in the catalogue under `<page>.<part>.name`.
    """
    return one_of(
        f"{page}.part",
        parts,
        say(f"{page}.part"),
        lambda part: f"{parts.index(part) + 1} · {say(f'{page}.{part}.name')}",
        param="part",
        label_visibility="collapsed",
    )


def layer_and_head(
    say: Say, page: str, attention: Float[np.ndarray, "layer head query key"]
) -> tuple[int, int]:
    """Two pickers; at first the head that is the most decided."""
    n_layers, n_heads = attention.shape[:2]
    layer, head = sharpest_head(attention)
    return (
        _picked(say("layer.label"), f"{page}.layer", n_layers, layer),
        _picked(say("head.label"), f"{page}.head", n_heads, head),
    )


def one_sentence(page: str, draw: Callable[[Say, Looked], None]) -> None:
    """A page about the typed sentence: what it is for, the sentence, `draw`, the way to what-if."""
    say = state.say()
    looked = sentence.opening(say, page)
    if looked is None:
        return
    choice.link_notice(say, looked)
    draw(say, looked)
    break_it(say)


def break_it(say: Say) -> None:
    """The way to the page on which this sentence's attention can be changed."""
    st.page_link("viz/views/whatif.py", label=say("parts.break_it"), icon="🔨")


def badge(say: Say, difference: float, size: float = 1.0, sentence: str = "parts.badge") -> None:
    """What was computed for the page against the model's own; `size`: of the largest numbers."""
    same = difference <= SAME * max(1.0, size)
    st.badge(
        say(sentence, difference=number(difference)),
        icon="✅" if same else "⚠️",
        color="green" if same else "orange",
    )


def _picked(label: str, key: str, count: int, first: int) -> int:
    state.forget_beyond(key, count)
    chosen: int = st.selectbox(
        label,
        range(count),
        index=first,
        format_func=lambda n: str(n + 1),
        key=key,
        width=100,
        persist_state="page",
    )
    return chosen
