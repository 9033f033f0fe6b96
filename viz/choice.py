"""Which attention, layer, head and row: what the student chose, and the page's choice elsewhere."""

from __future__ import annotations

from typing import Literal

import numpy as np
import streamlit as st
from jaxtyping import Float

from model import Bundle, Trace
from model.analysis.words import (
    AttentionMap,
    attention_map,
    pronoun_word,
    sharpest_head,
    telling_row,
)
from viz import state
from viz.components.head_view import Pin
from viz.i18n import Say
from viz.sentence import Looked
from viz.state import KINDS, Kind, Look


def shown_map(looked: Looked) -> AttentionMap:
    """The attention of the chosen kind, by tokens or by words."""
    look = state.look()
    return attention_map(looked.trace, look.kind, merged=look.unit == "words")


def pin(looked: Looked, shown: AttentionMap) -> Pin:
    """What the student chose, as far as it exists here; the page chooses the rest."""
    look, (n_layers, n_heads, _, _) = state.look(), shown.attention.shape
    layer, head = telling_head(looked.bundle, looked.trace.source_lang, look.kind, shown.attention)
    if look.layer is not None:
        layer = min(look.layer, n_layers - 1)
    if isinstance(look.head, int):
        head = min(look.head, n_heads - 1)
    rows = _rows(looked, look, shown, layer, head)
    return Pin.of(layer, None if look.head == "all" else head, rows)


def _rows(
    looked: Looked, look: Look, shown: AttentionMap, layer: int, head: int
) -> tuple[int, ...]:
    """The chosen rows, from the top; one that does not exist here is the last one."""
    if look.query == "none":
        return ()
    if look.query is None:
        row = _telling_row(looked.trace, look, shown, layer, head)
        return () if row is None else (row,)
    chosen = look.query if isinstance(look.query, tuple) else (look.query,)
    return tuple(sorted({min(row, len(shown.queries) - 1) for row in chosen}))


def rows_in_link(pin: Pin) -> int | tuple[int, ...] | Literal["none"]:
    """A selection's rows as a `Look` keeps them."""
    if not pin.rows:
        return "none"
    return pin.rows if len(pin.rows) > 1 else pin.rows[0]


def link_notice(say: Say, looked: Looked) -> None:
    """Bring the link's layer, head and row back to what exists here, and say what was moved."""
    if names := state.ignored() + _clamped(looked):
        st.info(say.markdown("text.ignored", names=", ".join(names)), icon="🔗")


def best_head(bundle: Bundle, lang: str) -> tuple[int, int] | None:
    """The encoder head that was measured to resolve pronouns best in this language."""
    best = bundle.metrics.get("heads", {}).get("best", {}).get(lang)
    return (best["layer"], best["head"]) if best else None


def telling_head(
    bundle: Bundle, lang: str, kind: Kind, attention: Float[np.ndarray, "layer head query key"]
) -> tuple[int, int]:
    """The head that was measured to resolve pronouns; elsewhere the most decided one."""
    best = best_head(bundle, lang) if kind == "encoder" else None
    return best or sharpest_head(attention)


def switch(say: Say, name: str, options: tuple[str, ...], now: str) -> None:
    """A row of buttons for one setting of the view: `kind`, `unit` or `scale`."""
    key = f"look.{name}"
    state.follow(key, now)
    st.segmented_control(
        say(f"{name}.label"),
        options,
        format_func=lambda option: say(f"{name}.{option}"),
        key=key,
        required=True,
        help=say(f"{name}.help"),
        on_change=_chosen,
        args=(name,),
    )


def head_and_row(say: Say, looked: Looked) -> Pin:
    """Four pickers in a row: attention, layer, head, query token; one head, one row, always."""
    if state.look().unit == "words":  # the calculation is done on tokens; words have other rows
        state.rows_anew(unit="tokens")
    look = state.look()
    with st.container(key="pickers", horizontal=True, vertical_alignment="bottom", gap="small"):
        switch(say, "kind", KINDS, look.kind)
        shown = attention_map(looked.trace, look.kind, merged=False)
        chosen = pin(looked, shown)
        n_layers, n_heads = shown.attention.shape[:2]
        row = next(iter(shown.ordinary), 0) if chosen.query is None else chosen.query
        chosen = Pin(chosen.layer, _one_head(looked, look, shown, chosen), row)
        _select(say, "layer", [str(n + 1) for n in range(n_layers)], chosen.layer)
        _select(say, "head", [str(n + 1) for n in range(n_heads)], chosen.head)
        labels = [f"{n + 1} · {label}" for n, label in enumerate(shown.queries)]
        _select(say, "query", labels, chosen.query)
    return chosen


def _one_head(looked: Looked, look: Look, shown: AttentionMap, chosen: Pin) -> int:
    if chosen.head is not None:
        return chosen.head
    layer, head = telling_head(looked.bundle, looked.trace.source_lang, look.kind, shown.attention)
    return head if layer == chosen.layer else sharpest_head(shown.attention[[chosen.layer]])[1]


def key_picker(say: Say, shown: AttentionMap, *, placeholder: str | None = None) -> None:
    """The key of the pair whose calculation is shown; with a placeholder, none may be chosen."""
    labels = [f"{n + 1} · {label}" for n, label in enumerate(shown.keys)]
    _select(say, "key", labels, state.look().key, placeholder)


def _select(
    say: Say, name: str, labels: list[str], now: int | None, placeholder: str | None = None
) -> None:
    key = f"look.{name}"
    state.follow(key, now)
    st.selectbox(
        say(f"{name}.label"),
        range(len(labels)),
        index=0 if placeholder is None else None,
        format_func=labels.__getitem__,
        key=key,
        placeholder=placeholder,
        on_change=_selected,
        args=(name,),
        width=170 if name in ("query", "key") else 100,
    )


def _selected(name: str) -> None:
    state.change(**{name: st.session_state[f"look.{name}"]})


def _chosen(name: str) -> None:
    """Another kind has other heads, another unit other rows: the page chooses them anew."""
    state.change(**{name: st.session_state[f"look.{name}"]})
    if name in ("kind", "unit"):
        state.rows_anew()
    if name == "kind":
        state.change(layer=None, head=None)


def _clamped(looked: Looked) -> list[str]:
    look, shown = state.look(), shown_map(looked)
    chosen = pin(looked, shown)
    exists = {"layer": chosen.layer, "head": chosen.head, "query": rows_in_link(chosen)}
    if look.key is not None:
        exists["key"] = min(look.key, len(shown.keys) - 1)
    moved = {
        name: value
        for name, value in exists.items()
        if isinstance(getattr(look, name), int | tuple) and getattr(look, name) != value
    }
    if moved:
        state.change(**moved)
    return list(moved)


def _telling_row(
    trace: Trace, look: Look, shown: AttentionMap, layer: int, head: int
) -> int | None:
    """The pronoun's row in the encoder; elsewhere the row that looks the most decidedly."""
    pronoun = pronoun_word(trace) if look.kind == "encoder" else None
    if pronoun is not None:
        return shown.row_of(pronoun)
    weights = shown.attention[layer, head]
    return telling_row(weights, shown.ordinary, of_itself=look.kind != "cross")
