"""One sentence through all of them: translations, alignment maps, and one step by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import streamlit as st
from jaxtyping import Bool, Float

from model import AnyBundle, ModelError, Trace
from model.analysis.one_vector import one_vector
from model.analysis.words import attention_map, telling_row
from viz import cache, parts, picture
from viz.charts.vectors import Strip, strips
from viz.components.panels import Link, PanelText, Place, panel
from viz.components.save import save_text
from viz.history import reading, rivals, step
from viz.i18n import Say
from viz.parts import WINDOW
from viz.sentence import Looked
from viz.tables import Markdown, table

GROUP = "history"
READ = ("own", "same")


@dataclass(frozen=True)
class Read:
    """A model and what it did with the sentence.

    Attributes:
        target: the translation that it was given to read; None: its own.
    """

    name: str
    title: str
    bundle: AnyBundle
    trace: Trace
    target: str | None

    @property
    def attends(self) -> bool:
        """Whether its decoder looks back at the source."""
        return "cross" in self.trace.kinds


@dataclass(frozen=True)
class Map:
    """Target words × source words; layer and head are chosen already."""

    weights: Float[np.ndarray, "query key"]
    mask: Bool[np.ndarray, "query key"]
    queries: list[str]
    keys: list[str]
    ordinary: list[int]


def render(say: Say) -> None:
    """The sentence, and what each model makes of it."""
    looked = reading.ask(say)
    if looked is None:
        return
    bundles = rivals.found(say, looked.bundle)
    own = _read(say, looked, bundles, None)
    if not own:
        return
    _translations(say, own)
    shown = own
    same = own[-1].trace.output
    if len(own) > 1 and same.strip():
        how = parts.one_of(
            "history.read",
            READ,
            say("history.together.read.label"),
            lambda one: say(f"history.together.read.{one}"),
        )
        if how == "same":
            shown = _read(say, looked, bundles, same)
    _maps(say, shown)
    step.render(say, {one.name: (one.bundle, one.trace, one.target) for one in shown})


def _read(
    say: Say, looked: Looked, bundles: Mapping[str, AnyBundle], target: str | None
) -> list[Read]:
    """Each model on the sentence, in order of history; one that cannot read it says why."""
    text, to = looked.trace.source_text, rivals.target_language(looked.trace.source_lang)
    read = []
    for name in cache.HISTORY:
        if name not in bundles:
            continue
        bundle, title = bundles[name], rivals.title(say, name, bundles[name])
        try:
            trace = cache.trace(bundle.name, bundle.version, text, target, to)
        except ModelError as error:
            st.error(f"**{title}** · {say.error(error)}", icon="✏️")
            continue
        read.append(Read(name, title, bundle, trace, target))
    return read


# ── translations ─────────────────────────────────────────────────────────────────────────────────


def _translations(say: Say, read: list[Read]) -> None:
    table(
        {
            say("history.together.model"): [Markdown(f"**{one.title}**") for one in read],
            say("history.together.sees"): [
                say(f"history.together.what.{one.name}") for one in read
            ],
            say("history.together.parameters"): [
                f"{one.bundle.config.n_parameters:,}" for one in read
            ],
            say("history.together.writes"): [one.trace.output or "∅" for one in read],
        }
    )


# ── maps ─────────────────────────────────────────────────────────────────────────────────────────


def _maps(say: Say, read: list[Read]) -> None:
    """A picture for each model, two in a row; those with attention point together."""
    st.markdown(f"#### {say('history.together.maps')}")
    maps = {one.name: _map(say, one) for one in read if one.attends}
    for start in range(0, len(read), 2):
        for one, column in zip(read[start : start + 2], st.columns(2, gap="large"), strict=False):
            with column:
                if one.attends:
                    _panel(say, one, maps)
                else:
                    _plain(say, one)
    longest = max((len(one.keys) for one in maps.values()), default=0)
    st.caption(say("history.together.scale"))
    if longest > WINDOW:
        st.caption(say("history.together.closer"))


def _map(say: Say, one: Read) -> Map:
    shown = attention_map(one.trace, "cross", merged=True)
    weights = shown.attention[0, 0]
    if shown.attention.shape[:2] != (1, 1):
        weights = _of_heads(say, one, shown.attention)
    return Map(weights, shown.mask, shown.queries, shown.keys, shown.ordinary)


def _of_heads(
    say: Say, one: Read, attention: Float[np.ndarray, "layer head query key"]
) -> Float[np.ndarray, "query key"]:
    """A Transformer has many maps: their mean, or the one that is chosen."""
    n_layers, n_heads = attention.shape[:2]
    heads = ["mean", *(f"{layer}.{head}" for layer, head in np.ndindex(n_layers, n_heads))]
    chosen = st.selectbox(
        say("history.together.head", model=one.title),
        heads,
        format_func=lambda head: _head_name(say, head),
        key=f"history.head.{n_layers}.{n_heads}",
        width=260,
        persist_state="page",
    )
    if chosen == "mean":
        mean: Float[np.ndarray, "query key"] = attention.mean(axis=(0, 1))
        return mean
    layer, head = map(int, chosen.split("."))
    return attention[layer, head]


def _head_name(say: Say, head: str) -> str:
    if head == "mean":
        return say("history.together.mean")
    layer, number = map(int, head.split("."))
    return say("line.where", layer=layer + 1, head=number + 1)


def _panel(say: Say, one: Read, maps: Mapping[str, Map]) -> None:
    shown = maps[one.name]
    links = {name: _link(shown, other) for name, other in maps.items() if name != one.name}
    rows = reading.spelled(shown.queries, shown.ordinary)  # a full stop tells a class little
    row = telling_row(shown.weights, rows, of_itself=False) or 0
    panel(
        shown.weights,
        shown.queries,
        shown.keys,
        place=Place(GROUP, one.name, links),
        title=one.title,
        caption=f"{one.trace.source_text} → {one.trace.output}",
        text=PanelText(**{field.name: say(f"panel.{field.name}") for field in fields(PanelText)}),
        save=save_text(say),
        key=f"history:panel:{one.name}",
        mask=None if shown.mask.all() else shown.mask,
        start=(row, None) if one.name == next(iter(maps)) else None,
    )


def _link(own: Map, other: Map) -> Link:
    """The same words: by their place where both read the same, else by what they say."""
    return Link(_same(own.queries, other.queries), _same(own.keys, other.keys))


def _same(own: list[str], other: list[str]) -> list[list[int]] | None:
    if own == other:
        return None
    return [[n for n, word in enumerate(other) if word == mine] for mine in own]


def _plain(say: Say, one: Read) -> None:
    """No map: one vector, and the same at every step."""
    vector = one_vector(one.trace)
    st.markdown(f"**{one.title}**")
    count = len(one.trace.target_tokens) - 1
    st.markdown(say("history.together.plain", numbers=len(vector), steps=count))
    picture.show(
        strips([Strip("c", vector)], dimension=say("history.together.dimension")),
        key="history:together:plain",
        alt=say("history.together.plain_alt", numbers=len(vector)),
    )
    st.caption(say("history.together.plain_says"))
