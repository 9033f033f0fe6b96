"""Who is right about a component's selection: the page or the browser; whoever spoke last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

_Place = TypeVar("_Place")


@dataclass(frozen=True)
class Agreement(Generic[_Place]):
    """What the page sent last, how often it has sent something new, and whether the browser has
    moved on since. `sent` and `turn` go into the message: as long as the page only follows the
    browser it sends the same bytes, which Streamlit does not send twice."""

    sent: _Place
    turn: int
    moved: bool


def heard(key: str, name: str) -> Any:
    """What a component's browser side has last set under this name; None before its first word."""
    return (st.session_state.get(key) or {}).get(name)


def agree(key: str, wanted: _Place, said: tuple[_Place, int] | None) -> Agreement[_Place]:
    """What to send: the same as before where the browser is at `wanted` already.

    Args:
        key: the component's; the agreement is kept beside its state.
        wanted: where the page is.
        said: where the browser is, and in which turn it went there; None before the first move.
    """
    memory = f"{key}:agreed"
    before: Agreement[_Place] | None = st.session_state.get(memory)
    if before is None or (said is None and before.moved):  # first time, or shown anew
        agreed = Agreement(wanted, before.turn + 1 if before else 1, moved=False)
    else:
        moved = said is not None and said[1] == before.turn
        now = said[0] if said is not None and moved else before.sent
        agreed = (
            Agreement(before.sent, before.turn, moved)
            if wanted == now
            else Agreement(wanted, before.turn + 1, moved=False)
        )
    st.session_state[memory] = agreed
    return agreed
