"""The head view: the attention of every head as lines from queries to keys, in one message.

All layers and heads travel once, as bytes, to a canvas in the browser. Hovering, switching layers
and toggling heads then cost no trip to the server; only what the student *selects* comes back.
"""

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import streamlit as st
from jaxtyping import Bool, Float, UInt8

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "jumok_head_view",
    js=(_HERE / "head_view.js").read_text(encoding="utf-8"),
    css=(_HERE / "head_view.css").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class HeadViewText:
    """Every word of the head view, translated; the browser fills in the names in braces."""

    title: str  # what the whole picture is, for screen readers
    layers: str  # caption of the layer buttons: "Layer"
    layer: str  # "Layer {layer}"
    heads: str  # caption of the head chips: "Head"
    head: str  # "Head {head}"
    all_heads: str  # button: "All heads"
    queries: str  # title of the left column: "Query"
    keys: str  # title of the right column: "Key"
    weight: str  # title of a table's column: "Weight"
    mean: str  # what a percentage is while several heads are on: "mean of {count} heads"
    percent: str  # "{percent} %"
    row: str  # one row read aloud: "{query}: {keys}"
    item: str  # one part of {keys}: "{key} {percent}", with {percent} as formatted above
    masked: str  # beside the hollow dot: "masked: may not be looked at"
    nothing: str  # "“{query}” has nothing to look at here."
    empty: str  # no tokens at all
    hint: str  # one line below the picture: point, click, double-click
    help: str  # the keys, for screen readers: arrows, 1-9, 0, Esc


@dataclass(frozen=True)
class Pin:
    """What the student has selected; zero-based.

    `head` is None while several heads are on together, `query` is None while no row is pinned.
    """

    layer: int
    head: int | None
    query: int | None

    def within(self, n_layers: int, n_heads: int, n_queries: int) -> Self:
        """The same selection as far as it exists in a picture of this size."""
        return type(self)(
            layer=min(max(self.layer, 0), max(n_layers - 1, 0)),
            head=self.head if self.head is not None and 0 <= self.head < n_heads else None,
            query=self.query if self.query is not None and 0 <= self.query < n_queries else None,
        )


@dataclass(frozen=True)
class _Agreement:
    """What browser and server last agreed on, and after how many selections made in the browser."""

    clicks: int
    pin: Pin


def quantise(
    attention: Float[np.ndarray, "layer head query key"],
) -> UInt8[np.ndarray, "layer head query key"]:
    """Weights 0..1 as whole steps 0..255, round(255·w); off by at most 1/510.

    Raises ValueError for a weight that is no number or lies outside 0..1 (by more than 1e-4).
    """
    if not np.all((attention >= -1e-4) & (attention <= 1 + 1e-4)):
        raise ValueError("attention weights must lie between 0 and 1")
    steps: UInt8[np.ndarray, "layer head query key"]
    steps = np.rint(np.clip(attention, 0, 1) * 255).astype(np.uint8)
    return steps


def pack(header: dict[str, Any], body: bytes) -> bytes:
    """One message: the header's length (4 bytes, little-endian), the header as JSON, the body.

    The body is deflated at the fastest level: half the bytes for less than a millisecond.
    """
    head = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack("<I", len(head)) + head + zlib.compress(body, level=1)


def head_view(
    attention: Float[np.ndarray, "layer head query key"],
    query_labels: Sequence[str],
    key_labels: Sequence[str],
    *,
    pin: Pin,
    text: HeadViewText,
    key: str,
    mask: Bool[np.ndarray, "query key"] | None = None,
    on_change: Callable[[], None] | None = None,
) -> Pin:
    """Draw every head of every layer as lines from queries (left) to keys (right).

    attention: weights after softmax; the picture's scale is fixed at 0..1.
    pin: what should be selected. A pin that differs from the last one wins over the browser;
        the same pin again leaves the student's own selection alone.
    mask: True = may attend; the other pairs are marked.
    on_change: called before the rerun that a selection starts; read it there with `selected(key)`.
    Returns the selection as the browser now shows it. Raises ValueError where shapes disagree.
    """
    n_layers, n_heads, n_queries, n_keys = attention.shape
    if (n_queries, n_keys) != (len(query_labels), len(key_labels)):
        raise ValueError(
            f"attention {attention.shape} needs {n_queries} query and {n_keys} key labels, "
            f"got {len(query_labels)} and {len(key_labels)}"
        )
    if mask is not None and mask.shape != (n_queries, n_keys):
        raise ValueError(f"mask {mask.shape} does not fit attention {attention.shape}")

    agreed = _agree(key, pin, (n_layers, n_heads, n_queries))
    header = {
        "layers": n_layers,
        "heads": n_heads,
        "queries": list(query_labels),
        "keys": list(key_labels),
        "masked": mask is not None,
        "pin": asdict(agreed.pin),
        "clicks": agreed.clicks,
        "percent": _percent(attention, agreed.pin),
        "text": asdict(text),
    }
    body = quantise(attention).tobytes()
    if mask is not None:
        body += np.ascontiguousarray(mask, dtype=np.uint8).tobytes()
    _component(key=key, data=pack(header, body), on_pin_change=on_change or _ignore)
    return agreed.pin


def selected(key: str) -> Pin | None:
    """The last selection made in the browser; None before the first one. For use in `on_change`."""
    said = _said(key)
    return None if said is None else said.pin


def _said(key: str) -> _Agreement | None:
    value = (st.session_state.get(key) or {}).get("pin")
    if value is None:
        return None
    return _Agreement(value["clicks"], Pin(value["layer"], value["head"], value["query"]))


def _agree(key: str, wanted: Pin, size: tuple[int, int, int]) -> _Agreement:
    """Whoever spoke last is right: a new click, or a pin the page did not send before."""
    memory = f"{key}:agreed"
    before: tuple[_Agreement, Pin] | None = st.session_state.get(memory)
    said = _said(key)
    if before is None or (said is None and before[0].clicks > 0):  # first time, or shown anew
        now = _Agreement(said.clicks if said else 0, wanted)
    else:
        agreed, asked = before
        held = said if said and said.clicks > agreed.clicks else agreed
        now = held if wanted in (asked, agreed.pin) else _Agreement(held.clicks, wanted)
    now = _Agreement(now.clicks, now.pin.within(*size))
    st.session_state[memory] = (now, wanted)
    return now


def _percent(attention: Float[np.ndarray, "layer head query key"], pin: Pin) -> list[str]:
    """The pinned row in per cent, from the exact weights; several heads are averaged."""
    if pin.query is None or 0 in attention.shape:
        return []
    rows = attention[pin.layer, :, pin.query]
    row = rows.mean(axis=0) if pin.head is None else rows[pin.head]
    return [_whole(float(weight)) for weight in row]


def _whole(share: float) -> str:
    """Whole per cent, and never 0 or 100 for what is not quite that."""
    if 0 < share < 0.005:
        return "<1"
    if 0.995 < share < 1 - 1e-6:
        return ">99"
    return f"{100 * share:.0f}"


def _ignore() -> None:
    """Streamlit keeps a component's state only under a name that has a callback."""
