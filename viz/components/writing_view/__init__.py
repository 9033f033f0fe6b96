"""The writing view: a translation written piece by piece, all steps in one message.

Every step's attention rows and likeliest next pieces travel once. Next and back then cost no trip
to the server; where the student is comes back a moment later, so that the link can follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from jaxtyping import Float

from viz.components.agreement import heard
from viz.components.code import code
from viz.numbers import number

CODE = code(__file__, shared=("view", "stepping", "save"), own=("writing_view",))
_component = st.components.v2.component("jumok_writing_view", js=CODE.js, css=CODE.css)


@dataclass(frozen=True)
class Step:
    """One step of the writing.

    Attributes:
        self_row: the newest piece's masked self-attention over the decoder's input so far.
        cross_row: its cross-attention over the source.
        names, shares: the likeliest next pieces, likeliest first; the first one is written.
        rest: what all other pieces share.
        text: the translation before this step.
    """

    self_row: Float[np.ndarray, " read"]
    cross_row: Float[np.ndarray, " source"]
    names: Sequence[str]
    shares: Sequence[float]
    rest: float
    text: str


def writing_view(
    steps: Sequence[Step],
    source: Sequence[str],
    read: Sequence[str],
    *,
    run: str,
    step: int,
    text: Mapping[str, str],
    key: str,
    on_change: Callable[[], None],
) -> None:
    """Step through a translation in the browser, by button, slider or arrow key.

    Args:
        source: the encoder's pieces, as labels.
        read: the decoder's input at the last step; a step has read as many as its row is long.
        run: names this translation: another run starts at its first step.
        step: where to be when the view first appears, from 0.
        text: every word of the view, by name; the browser fills in the names in braces. With the
            save buttons' (`save_text`), and `of`: what a saved picture says it is of.
        on_change: called before the rerun that follows a move; read it there with `moved_to(key)`.

    Raises:
        ValueError: a row does not fit the labels.
    """
    for number_, now in enumerate(steps):
        if len(now.cross_row) != len(source) or len(now.self_row) > len(read):
            raise ValueError(
                f"step {number_} looks at {len(now.cross_row)} source and {len(now.self_row)} "
                f"target pieces, there are {len(source)} and {len(read)} labels"
            )
    data = {
        "run": run,
        "step": min(max(step, 0), max(len(steps) - 1, 0)),
        "source": list(source),
        "read": list(read),
        "steps": [_packed(now) for now in steps],
        "text": dict(text),
    }
    _component(key=key, data=data, on_step_change=on_change)


def moved_to(key: str) -> int | None:
    """The step that the student has gone to; None before the first move. For `on_change`."""
    step = heard(key, "step")
    return None if step is None else int(step)


def _packed(step: Step) -> dict[str, Any]:
    """Each number twice: as it is drawn, and as it is written."""
    shares = [*step.shares, step.rest]
    return {
        "self": _numbers(step.self_row),
        "cross": _numbers(step.cross_row),
        "names": list(step.names),
        "shares": _numbers(shares),
        "text": step.text,
    }


def _numbers(values: Sequence[float] | Float[np.ndarray, " n"]) -> list[list[float | str]]:
    return [[round(float(value), 4), number(float(value))] for value in values]
