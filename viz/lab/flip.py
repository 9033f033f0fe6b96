"""Part 1: does the answer change with the word, and in which head?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from jaxtyping import Float
from streamlit.delta_generator import DeltaGenerator

from model import ModelError
from model.analysis.twins import Flip, Marked, Reading, Swap
from viz import cache, choice, picture, theme
from viz.charts.cells import Axis, signed_map, weight_map
from viz.charts.rivals import Shares, leanings, rival_bars
from viz.export import numbers
from viz.i18n import Say, literal
from viz.lab.pair import Pair
from viz.numbers import number
from viz.parts import WINDOW
from viz.takehome import Numbers

SIDE_BY_SIDE = 16
"""Words that three maps beside one another have room for."""


def part(say: Say, pair: Pair) -> Numbers | None:
    """What naming and every head do in both twins, and the word that decides."""
    if pair.a is None or pair.b is None:
        st.caption(say("lab.needs_pair"))
        return None
    bundle = pair.looked.bundle
    try:
        found = cache.flip(bundle.name, bundle.version, pair.a, pair.b)
    except ModelError as error:
        st.info(say.error(error), icon="✏️")
        return None
    st.markdown(f"#### {verdict(say, pair, found.a, found.b)}")
    _outsiders(say, {say("lab.one"): found.a, say("lab.two"): found.b})
    bars, words = st.columns(2, gap="large")
    with bars:
        st.markdown(f"**{say.markdown('lab.twins.naming', pronoun=pair.pronoun)}**")
        naming_bars(
            say, pair.names, {say("lab.one"): found.a, say("lab.two"): found.b}, "lab:naming"
        )
        st.caption(say("lab.twins.naming_says"))
    with words:
        _which_word(say, pair, found)
    _heads(say, pair, found)
    _rows(say, pair, pair.a, pair.b)
    return partial(numbers.twins, found)


def verdict(say: Say, pair: Pair, a: Reading, b: Reading) -> str:
    """Whether the pronoun's meaning flips with the twin, in one sentence."""
    names = _coloured(pair)
    values = {
        "pronoun": pair.pronoun,
        "one": say.percent(float(a.naming[a.winner])),
        "two": say.percent(float(b.naming[b.winner])),
    }
    told = "flips" if a.winner != b.winner else "stays"
    line = say.markdown(f"lab.twins.{told}", **values, first="\0", second="\1")
    return line.replace("\0", names[a.winner]).replace("\1", names[b.winner])


def _outsiders(say: Say, readings: dict[str, Reading]) -> None:
    """Where a third word leads, it is said: the verdict is about the two candidates alone."""
    for name, reading in readings.items():
        if reading.outsider is not None:
            word, *_, share = reading.outsider
            told = say.markdown(
                "lab.twins.outsider", sentence=name, word=word, share=say.percent(share)
            )
            st.markdown(f"⚠️ {told}")


def _coloured(pair: Pair) -> tuple[str, str]:
    """The candidates as Markdown, in their colours and with their numbers."""
    first, second = map(literal, pair.names)
    return f":primary[{first} ①]", f":orange[{second} ②]"


def naming_bars(
    say: Say, names: tuple[str, str], readings: Mapping[str, Reading], key: str
) -> None:
    """A bar for each reading: what naming gives to both candidates and to all other words."""
    bars = []
    for name, reading in readings.items():
        first, second = map(float, reading.naming[:2])
        bars.append(Shares(name, first, second, (say.percent(first), say.percent(second))))
    first_name, second_name = names
    figure = rival_bars(bars, (f"① {first_name}", f"② {second_name}"), say("lab.rest"))
    told = "; ".join(
        f"{bar.name}: {first_name} {bar.written[0]}, {second_name} {bar.written[1]}" for bar in bars
    )
    picture.show(figure, key=key, alt=told)


def _which_word(say: Say, pair: Pair, found: Flip) -> None:
    """Each difference alone put into the first sentence: which one moves the pronoun?"""
    st.markdown(f"**{say('lab.twins.word')}**")
    swaps = [swap for swap in found.swaps if swap.reading is not None]
    names = [say("lab.one"), *map(_swap_name, swaps), say("lab.two")]
    values = [found.a.preference, *(_of(swap) for swap in swaps), found.b.preference]
    written = [number(round(value, 3)) for value in values]
    first, second = pair.names
    figure = leanings(names, values, written, (f"① {first}", f"② {second}"))
    told = "; ".join(f"{name}: {value}" for name, value in zip(names, written, strict=True))
    picture.show(figure, key="lab:words", alt=told)
    if found.deciding is not None:
        before, after = replaced(found.deciding)
        st.markdown(say.markdown("lab.twins.decides", before=before, after=after))
    else:
        st.markdown(say("lab.twins.decides_none"))
    if len(swaps) < len(found.swaps):
        st.caption(say("lab.twins.swap_gone", count=len(found.swaps) - len(swaps)))
    st.caption(say("lab.twins.word_says"))


def _of(swap: Swap) -> float:
    assert swap.reading is not None
    return swap.reading.preference


def replaced(swap: Swap) -> tuple[str, str]:
    """What was taken out, and what stands there now; ∅ where nothing does."""
    before, after = (
        " ".join(filter(None, words))
        for words in zip(*(one.words for one in swap.differences), strict=True)
    )
    return before or "∅", after or "∅"


def _swap_name(swap: Swap) -> str:
    return " → ".join(replaced(swap))


def _heads(say: Say, pair: Pair, found: Flip) -> None:
    """Layer × head: how much more each head gives to the first candidate than to the second."""
    one, two = found.a.lead, found.b.lead
    first, second = pair.names
    st.markdown(f"##### {say.markdown('lab.twins.heads', pronoun=pair.pronoun)}")
    turned = int((np.sign(one) * np.sign(two) < 0).sum())
    st.markdown(say("lab.twins.turned", turned=turned, count=one.size))
    maps = {"one": (one, 1), "two": (two, 1), "change": (two - one, 2)}
    for (name, (values, limit)), column in zip(maps.items(), st.columns(3), strict=True):
        with column:
            st.markdown(f"**{say(f'lab.twins.{name}')}**")
            head_map(say, values, f"lab:lead:{name}", limit, say("lab.twins.more"))
    st.caption(say.markdown("lab.twins.heads_says", first=first, second=second))


def head_map(
    say: Say, values: Float[np.ndarray, "layer head"], key: str, limit: float, value: str
) -> None:
    """One number a head, around zero on a fixed scale."""
    figure = signed_map(
        values,
        *head_axes(say, values.shape),
        limit=limit,
        value=value,
        text_colour=theme.page_text(st.context.theme.type),
    )
    picture.show(of_heads(figure, len(values)), key=key, alt=value)


def of_heads(figure: go.Figure, n_layers: int) -> go.Figure:
    """A map of all heads: short names that need not lean, and rows of one height everywhere."""
    return figure.update_xaxes(tickangle=0).update_layout(height=100 + 30 * n_layers)


def head_axes(say: Say, shape: tuple[int, ...]) -> tuple[Axis, Axis]:
    """Layers from top to bottom, heads from left to right, both counted from 1."""
    layers, heads = ([str(n + 1) for n in range(count)] for count in shape)
    return Axis(say("layer.label"), layers), Axis(say("head.label"), heads)


def _rows(say: Say, pair: Pair, a: Marked, b: Marked) -> None:
    """The pronoun's row in every head of a layer: both twins, and what has moved."""
    bundle, trace = pair.looked.bundle, pair.looked.trace
    one, two = (cache.pronoun_rows(bundle.name, bundle.version, marked) for marked in (a, b))
    best = choice.best_head(bundle, trace.source_lang)
    st.markdown(f"##### {say.markdown('lab.twins.rows', pronoun=pair.pronoun)}")
    layer = st.selectbox(
        say("layer.label"),
        range(len(one)),
        index=best[0] if best and best[0] < len(one) else len(one) - 1,
        format_func=lambda n: str(n + 1),
        key=f"lab.layer.{len(one)}",
        width=100,
        persist_state="page",
    )
    words = [_words(pair, marked.text) for marked in (a, b)]
    sides = (("one", one[layer], words[0]), ("two", two[layer], words[1]))
    *columns, last = _side_by_side(max(map(len, words)))
    heads = Axis(say("head.label"), [str(n + 1) for n in range(one.shape[1])])
    colour = theme.page_text(st.context.theme.type)
    for (name, weights, labels), column in zip(sides, columns, strict=True):
        with column:
            st.markdown(f"**{say(f'lab.twins.{name}')}**")
            shown = weights[:, :WINDOW]
            figure = weight_map(
                shown,
                heads,
                Axis("", labels[:WINDOW]),
                value=say("map.weight"),
                mask=np.ones(shown.shape, dtype=bool),
                text_colour=colour,
            )
            figure.update_traces(showscale=False)
            picture.show(figure, key=f"lab:rows:{name}", alt=say(f"lab.twins.{name}"))
    st.caption(say("lab.twins.rows_says"))
    with last:
        st.markdown(f"**{say('lab.twins.change')}**")
        if len(words[0]) != len(words[1]):
            st.caption(say("lab.twins.lengths"))
            return
        labels = [x if x == y else f"{x} → {y}" for x, y in zip(*words, strict=True)]
        moved = (two[layer] - one[layer])[:, :WINDOW]
        axis = Axis("", labels[:WINDOW])
        figure = signed_map(
            moved, heads, axis, limit=1, value=say("lab.twins.change"), text_colour=colour
        )
        figure.update_traces(showscale=False)
        picture.show(figure, key="lab:rows:change", alt=say("lab.twins.change"))
    if len(words[0]) > WINDOW:
        st.caption(say("lab.window", shown=WINDOW, count=len(words[0])))


def _side_by_side(n_words: int) -> Sequence[DeltaGenerator]:
    """Places for three maps; those of long sentences need the page's width, each for itself."""
    if n_words <= SIDE_BY_SIDE:
        return st.columns(3)
    room = st.container(key=f"look_map_{theme.map_step(min(n_words, WINDOW))}")
    return [room.container() for _ in range(3)]


def _words(pair: Pair, text: str) -> list[str]:
    bundle = pair.looked.bundle
    trace = cache.trace(bundle.name, bundle.version, text, None, pair.looked.to)
    return [word for word, _ in trace.words("source")]
