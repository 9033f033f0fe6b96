"""A convolution's window beside an RNN's chain and self-attention's reach, on one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from jaxtyping import Float

from model.analysis import windows
from model.analysis.words import (
    AttentionMap,
    attention_map,
    pronoun_span,
    pronoun_word,
    strongest_head,
)
from viz import cache, parts, picture, sentence, state
from viz.charts.reach import Edge, Place, least_width, reach
from viz.history import reading
from viz.i18n import Say
from viz.parts import WINDOW
from viz.sentence import EXAMPLES, Looked
from viz.state import Look

WIDTHS = ("3", "5", "7", "9")
MOST_LAYERS = 8
_LECTURE = EXAMPLES["spoken"][0].text
_LECTURE_PAIR = ("거기", "카페")


@dataclass(frozen=True)
class Pair:
    """The word that looks and the word that it should hear of; indices into `words`."""

    words: Sequence[str]
    query: int
    key: int

    @property
    def names(self) -> dict[str, str]:
        """Both, for a sentence of the catalogue."""
        return {"query": self.words[self.query], "key": self.words[self.key]}


def render(say: Say) -> None:
    """Two words of the sentence, and what it takes to bring one to the other."""
    first = "history:lecture" not in st.session_state
    st.session_state["history:lecture"] = True
    if first and say.lang == "ko" and state.look() == Look():
        sentence.show(_LECTURE)  # nothing was chosen yet: the lecture's own
    looked = reading.ask(say)
    if looked is None:
        return
    shown = attention_map(looked.trace, "encoder", merged=True)
    pair = _pair(say, looked, shown.keys[:WINDOW])
    if len(shown.keys) > WINDOW:
        st.caption(say("history.window.cut", shown=WINDOW, count=len(shown.keys)))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        width = int(parts.one_of("history.width", WIDTHS, say("history.window.width"), str))
        layers = st.slider(
            say("history.window.layers"),
            1,
            MOST_LAYERS,
            1,
            key="history.layers",
            width=240,
            bind="query-params",
            persist_state="session",
        )
    if pair.query == pair.key:
        st.info(say("history.window.same"), icon="✏️")
        return
    ways = {
        "cnn": len(windows.path(width, pair.query, pair.key)) - 1,
        "rnn": len(windows.chain(pair.query, pair.key)) - 1,
    }
    st.markdown(f"#### {say.markdown('history.window.verdict', **pair.names, **ways)}")
    _convolution(say, pair, width, layers)
    _recurrent(say, pair)
    _attention(say, pair, shown)


# ── two words ────────────────────────────────────────────────────────────────────────────────────


def _pair(say: Say, looked: Looked, words: list[str]) -> Pair:
    """Two pickers; another sentence begins with a pair of its own."""
    text = looked.trace.source_text
    if st.session_state.get("history:window") != text:
        st.session_state["history:window"] = text
        query, key = _telling_pair(looked, words)
        st.session_state["history.query"], st.session_state["history.key"] = query, key
    with st.container(horizontal=True, gap="medium"):
        query, key = (_word(say, name, words) for name in ("query", "key"))
    return Pair(words, query, key)


def _word(say: Say, name: str, words: list[str]) -> int:
    chosen: int = st.selectbox(
        say(f"history.window.{name}"),
        range(len(words)),
        format_func=lambda n: f"{n + 1} · {words[n]}",
        key=f"history.{name}",
        width=220,
        persist_state="page",
    )
    return chosen


def _telling_pair(looked: Looked, words: list[str]) -> tuple[int, int]:
    """The lecture's pair; a pronoun and what the model takes it for; else the last and the first
    word."""
    if all(word in words for word in _LECTURE_PAIR):
        query, key = map(words.index, _LECTURE_PAIR)
        return query, key
    pronoun, named = pronoun_word(looked.trace), _named(looked)
    if pronoun is not None and named is not None and max(pronoun, named) < len(words):
        return pronoun, named
    ordinary = [n for n, (_, _, span) in enumerate(looked.trace.source_words) if span is not None]
    inside = [n for n in ordinary if n < len(words)] or [0]
    return inside[-1], inside[0]


def _named(looked: Looked) -> int | None:
    """The word that the encoder takes the sentence's pronoun for."""
    bundle, trace, span = looked.bundle, looked.trace, pronoun_span(looked.trace)
    if span is None:
        return None
    shares = cache.pronoun_names(bundle.name, bundle.version, trace.source_text, span)
    _, start, end, _ = max(shares, key=lambda one: one[3])
    return next(n for n, (_, _, at) in enumerate(trace.source_words) if at == (start, end))


# ── three ways to hear of a word ─────────────────────────────────────────────────────────────────


def _convolution(say: Say, pair: Pair, width: int, layers: int) -> None:
    """The cone of words that one position sees, and whether the other word lies in it."""
    way = windows.path(width, pair.query, pair.key)
    seen = windows.seen(len(pair.words), width, layers)
    needed, sees = len(way) - 1, seen[layers, pair.query]
    st.markdown(f"##### {say('history.window.cnn.title', width=width)}")
    field = windows.receptive_field(width, layers)
    st.markdown(
        say("history.window.cnn.field", layers=layers, width=width, field=field)
        + " "
        + say.markdown(
            f"history.window.cnn.{'sees' if sees[pair.key] else 'blind'}",
            **pair.names,
            layers=needed,
        )
    )
    edges = [
        Edge((int(below), level), (int(above), level + 1))
        for level in range(layers)
        for above in np.flatnonzero(seen[layers - level - 1, pair.query])
        for below in np.flatnonzero(seen[1, above])
    ]
    names = [
        say("history.window.words"),
        *(say("history.window.layer", layer=n + 1) for n in range(layers)),
    ]
    # A way that is shorter than the stack goes straight up from there.
    steps = [*way, *[pair.query] * (layers - needed)]
    places = [(word, level) for level, word in enumerate(steps)] if sees[pair.key] else []
    _draw(pair, names, edges, places, key="cnn")


def _recurrent(say: Say, pair: Pair) -> None:
    """State after state: what a word says is passed on and rewritten at every step."""
    chain = windows.chain(pair.query, pair.key)
    st.markdown(f"##### {say('history.window.rnn.title')}")
    st.markdown(say.markdown("history.window.rnn.says", **pair.names, steps=len(chain) - 1))
    words = range(len(pair.words))
    forward = 1 if pair.query >= pair.key else -1
    edges = [Edge((n, 0), (n, 1)) for n in words]
    edges += [Edge((n, 1), (n + forward, 1)) for n in words if n + forward in words]
    names = [say("history.window.words"), say("history.window.states")]
    _draw(pair, names, edges, [(pair.key, 0), *((n, 1) for n in chain)], key="rnn")


def _attention(say: Say, pair: Pair, shown: AttentionMap) -> None:
    """One row of the loaded Transformer: every word in one step, each with its weight."""
    st.markdown(f"##### {say('history.window.attention.title')}")
    layer, head = _head(say, pair, shown.attention)
    row = shown.attention[layer, head, pair.query, : len(pair.words)]
    st.markdown(
        say.markdown(
            "history.window.attention.says",
            **pair.names,
            layer=layer + 1,
            head=head + 1,
            share=say.percent(float(row[pair.key])),
        )
    )
    edges = [Edge((n, 0), (pair.query, 1), float(share)) for n, share in enumerate(row)]
    names = [say("history.window.words"), say("history.window.layer", layer=layer + 1)]
    said = [say.percent(float(share)) for share in row]
    way = [(pair.key, 0), (pair.query, 1)]
    _draw(pair, names, edges, way, key="attention", share=float(row[pair.key]), said=said)
    st.caption(say("history.window.attention.real"))


def _head(
    say: Say, pair: Pair, attention: Float[np.ndarray, "layer head query key"]
) -> tuple[int, int]:
    """Two pickers; another pair of words begins with the head that looks the most along it."""
    asked = (tuple(pair.words), pair.query, pair.key, attention.shape[:2])
    if st.session_state.get("history:window:pair") != asked:
        st.session_state["history:window:pair"] = asked
        layer, head = strongest_head(attention, pair.query, pair.key)
        st.session_state["history.layer"], st.session_state["history.head"] = layer, head
    with st.container(horizontal=True, gap="medium"):
        layer, head = (
            st.selectbox(
                say(f"{name}.label"),
                range(count),
                format_func=lambda n: str(n + 1),
                key=f"history.{name}",
                width=100,
                persist_state="page",
            )
            for name, count in zip(("layer", "head"), attention.shape[:2], strict=True)
        )
    return layer, head


def _draw(
    pair: Pair,
    levels: Sequence[str],
    edges: Sequence[Edge],
    way: Sequence[Place],
    *,
    key: str,
    share: float = 1.0,
    said: Sequence[str] = (),
) -> None:
    """Words stand at one place in all three pictures; a long sentence scrolls in its box."""
    with picture.scrolling(f"history_reach_{key}", least_width(len(pair.words))):
        picture.show(
            reach(pair.words, levels, edges, way, way_share=share, said=said),
            key=f"history:window:{key}",
            alt=", ".join(pair.words),
        )
