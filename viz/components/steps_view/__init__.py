"""The steps view: one head's calculation, stage after stage, in one message.

All stages of a head travel once, as float32 bytes. Next and back, another query, another key and
the numbers of every cell then cost no trip to the server; where the student is comes back a moment
later, so that the link can follow.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import streamlit as st

from model.analysis.steps import STAGES, Stages
from viz.components.agreement import agree, heard
from viz.components.code import code

CODE = code(
    __file__,
    shared=("view", "canvas", "stepping", "save"),
    own=("notation", "equations", "tables", "figures", "steps_view"),
)
_component = st.components.v2.component("jumok_steps_view", js=CODE.js, css=CODE.css)

Form = Literal["matrix", "row"]
FORMS: tuple[Form, ...] = get_args(Form)

ARRAYS = (
    "word", "position", "before", "x", "memory", "w_q", "w_k", "w_v", "b_q", "b_k", "b_v", "q", "k",
    "v", "scores", "scaled", "masked", "top", "exp", "total", "weights", "context", "concat", "w_o",
    "b_o", "out",
)  # fmt: skip
"""What travels, in this order; products of two of these numbers are made in the browser."""


@dataclass(frozen=True)
class Place:
    """Where the student is: stage and query row (from 0), and whole matrices or one row."""

    stage: int = 0
    query: int = 0
    form: Form = "row"

    def within(self, n_queries: int) -> Self:
        """The same place as far as it exists in a sentence of this length."""
        return type(self)(
            stage=min(max(self.stage, 0), len(STAGES) - 1),
            query=min(max(self.query, 0), max(n_queries - 1, 0)),
            form=self.form if self.form in FORMS else "row",
        )


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One message: the header's length (4 bytes, little-endian), the header as JSON, the numbers.

    float32, little-endian, one array after the other; the header names them and their shapes. Not
    deflated: floats shrink by a tenth at most, and the server's time is dearer than the bytes.
    """
    shapes = [[name, *array.shape] for name, array in arrays.items()]
    head = json.dumps(dict(header) | {"arrays": shapes}, ensure_ascii=False).encode()
    body = b"".join(np.ascontiguousarray(array, dtype="<f4").tobytes() for array in arrays.values())
    return struct.pack("<I", len(head)) + head + body


def steps_view(
    stages: Stages,
    queries: Sequence[str],
    keys: Sequence[str],
    *,
    place: Place,
    head: int,
    symbols: Mapping[str, bool],
    text: Mapping[str, str],
    key: str,
    on_change: Callable[[], None],
) -> None:
    """Show one head's calculation; the student steps through it in the browser.

    Args:
        place: where to be. A place that differs from where the browser is wins over it; the same
            place again sends the same bytes, which Streamlit does not send twice.
        head: this head, from 0.
        symbols: `cross`: keys and values are made of another sequence; `pre`: a LayerNorm first.
        text: every word of the view, by name; the browser fills in the names in braces. With the
            save buttons' (`save_text`), and `of`: what a saved picture says it is of.
        on_change: called before the rerun that follows a move; read it there with `moved_to(key)`.

    Raises:
        ValueError: labels do not fit the rows or columns.
    """
    if stages.scores.shape != (len(queries), len(keys)):
        raise ValueError(
            f"scores {stages.scores.shape} need as many query and key labels, "
            f"got {len(queries)} and {len(keys)}"
        )
    agreed = agree(key, place.within(len(queries)), _said(key))
    header = {
        "queries": list(queries),
        "keys": list(keys),
        "stages": STAGES,
        "head": head,
        "heads": stages.n_heads,
        **symbols,
        "place": asdict(agreed.sent),
        "turn": agreed.turn,
        "text": dict(text),
    }
    left_out = {"memory"} if not symbols["cross"] else set()
    arrays = {
        name: array
        for name in ARRAYS
        if name not in left_out and (array := getattr(stages, name)) is not None
    }
    arrays["differences"] = np.array([stages.differences[stage] for stage in STAGES])
    _component(key=key, data=pack(header, arrays), on_place_change=on_change)


def moved_to(key: str) -> Place | None:
    """Where the student has gone in the browser; None before the first move. For `on_change`."""
    said = _said(key)
    return None if said is None else said[0]


def _said(key: str) -> tuple[Place, int] | None:
    value = heard(key, "place")
    if value is None:
        return None
    return Place(value["stage"], value["query"], value["form"]), value["turn"]
