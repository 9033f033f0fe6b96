"""The front door: type a sentence, and watch which words every head looks at."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import streamlit as st
from jaxtyping import Float

from model import Bundle
from model.analysis import neuron
from model.analysis.neuron import Neurons
from model.analysis.words import (
    SIDES,
    AttentionMap,
    attention_map,
    pronoun_span,
    pronoun_word,
    strongest_key,
    together,
)
from viz import cache, choice, parts, picture, sentence, state, takehome, theme
from viz.charts.bars import bar_list
from viz.charts.cells import Axis, signed_map
from viz.charts.heatmap import HeatmapText, heatmap
from viz.components.head_view import (
    HeadViewText,
    Pin,
    View,
    Window,
    head_view,
    selected,
    viewed,
)
from viz.components.save import save_text
from viz.i18n import Say, literal
from viz.lab.honesty import facts
from viz.numbers import number
from viz.sentence import Example, Looked
from viz.state import KINDS, SCALES, UNITS, Look
from viz.tables import table
from viz.window import SIZES, window

HEAD_VIEW = "look:head_view"
HEATMAP = "look:heatmap"


def render() -> None:
    """The page, from the sentence to what the model makes of it."""
    say = state.say()
    bundle = sentence.bundle(say)
    looked = sentence.ask(say, bundle) if bundle else None
    if looked is None:
        return
    choice.link_notice(say, looked)
    _picture(say, looked)
    naming, translation = st.columns(2, gap="large")
    with naming:
        _naming(say, looked)
    with translation:
        _translation(say, looked)
    _honesty(say, looked.bundle)


# ── the picture ──────────────────────────────────────────────────────────────────────────────────


@st.fragment
def _picture(say: Say, looked: Looked) -> None:
    """Line, head view and heatmap. A fragment: choosing a head or a word redraws nothing else."""
    look, shown = state.look(), choice.shown_map(looked)
    pin = choice.pin(looked, shown)
    part = _window(look, shown, pin)
    _line(say, looked, shown, pin)
    with st.container(key="switches", horizontal=True, vertical_alignment="bottom", gap="medium"):
        pair = sentence.twins_of(looked.trace.source_text)
        if pair is not None and look.kind == "encoder":
            _twin(say, looked, pair, pin)
        choice.switch(say, "kind", KINDS, look.kind)
        choice.switch(say, "unit", UNITS, look.unit)
    with st.container(key=f"pictures_{look.layout}"):
        lines, cells = st.columns([11, 10], gap="large")
    with lines:
        head_view(
            shown.attention,
            shown.queries,
            shown.keys,
            pin=pin,
            text=_head_view_text(say),
            key=HEAD_VIEW,
            mask=None if shown.mask.all() else shown.mask,
            view=View(look.layout, look.rows, look.lines, look.least, part),
            sizes=SIZES,
            end_marks=_end_marks(shown) if look.kind == "cross" else None,
            save=save_text(say),
            caption=looked.trace.source_text,
            on_change=_pinned,
        )
    with cells:
        _heatmap(say, shown, pin, part)
    if look.unit == "words":
        st.caption(say("unit.merged"))
    _cell(say, looked, shown, pin)
    sentence.write_link(looked)
    takehome.offer(say, looked)


def _window(look: Look, shown: AttentionMap, pin: Pin) -> Window | None:
    """The part of a long sentence that is shown."""
    found = None if pin.query is None else strongest_key(_weights(shown, pin)[pin.query])
    return window(look.window, len(shown.queries), len(shown.keys), pin, found and found[0])


def _end_marks(shown: AttentionMap) -> list[int]:
    """Keys that stand for no word of the sentence."""
    return [key for key in range(len(shown.keys)) if key not in shown.ordinary_keys]


def _pinned() -> None:
    pin, view = selected(HEAD_VIEW), viewed(HEAD_VIEW)
    if pin is None or view is None:
        return
    part = view.window
    state.change(
        layer=pin.layer,
        head="all" if pin.head is None else pin.head,
        query=choice.rows_in_link(pin),
        layout=view.layout,
        rows=view.rows,
        lines=view.lines,
        least=view.least,
        window=None if part is None else (part.query, part.key, part.size),
    )


def _line(say: Say, looked: Looked, shown: AttentionMap, pin: Pin) -> None:
    """In plain words: who looks at whom, and how much."""
    kind, best = state.look().kind, choice.best_head(looked.bundle, looked.trace.source_lang)
    measured = kind == "encoder" and (pin.layer, pin.head) == best
    where = f"{say(f'kind.{kind}')} · {_where(say, pin)}"
    st.caption(f"{where} — {say('line.best')}" if measured else where)
    st.subheader(_who_looks_at_whom(say, shown, pin), anchor=False)


def _who_looks_at_whom(say: Say, shown: AttentionMap, pin: Pin) -> str:
    if pin.query is None:
        return say("line.choose")
    query = " + ".join(shown.queries[row] for row in pin.rows)
    rows = together(_weights(shown, pin), pin.rows, state.look().rows)
    found = strongest_key(rows)
    if found is None:
        return say.markdown("line.nothing", query=query)
    key, weight = found
    if len(pin.rows) > 1:
        how = state.look().rows
        percent = say.percent(weight)
        return say.markdown(f"line.{how}", query=query, key=shown.keys[key], percent=percent)
    itself = state.look().kind != "cross" and key == pin.query
    return say.markdown(
        "line.itself" if itself else "line.gives",
        query=query,
        key=shown.keys[key],
        percent=say.percent(weight),
    )


def _weights(shown: AttentionMap, pin: Pin) -> Float[np.ndarray, "query key"]:
    """The selected head's weights; the layer's mean where several heads are selected."""
    layer = shown.attention[pin.layer]
    return layer.mean(axis=0) if pin.head is None else layer[pin.head]


def _where(say: Say, pin: Pin) -> str:
    if pin.head is None:
        return say("line.where_all", layer=pin.layer + 1)
    return say("line.where", layer=pin.layer + 1, head=pin.head + 1)


def _twin(say: Say, looked: Looked, pair: tuple[Example, Example], pin: Pin) -> None:
    """One click to the twin, and what the same head does with its pronoun."""
    here, there = pair
    change = say("line.to_twin", here=here.chip, there=there.chip)
    if st.button(change, key="look.twin", icon="🔀"):
        sentence.show(there.text)
        st.rerun()
    bundle = looked.bundle
    trace = cache.trace(bundle.name, bundle.version, there.text, None, looked.to)
    shown = attention_map(trace, "encoder", merged=state.look().unit == "words")
    pronoun = pronoun_word(trace)
    row = None if pronoun is None else shown.row_of(pronoun)
    found = None if row is None else strongest_key(_weights(shown, pin)[row])
    if row is None or found is None:
        return
    key, weight = found
    query, looked_at, percent = shown.queries[row], shown.keys[key], say.percent(weight)
    then = say.markdown("line.twin", query=query, key=looked_at, percent=percent)
    st.markdown(then, width="stretch")


def _head_view_text(say: Say) -> HeadViewText:
    return HeadViewText(
        **{field.name: say(f"head_view.{field.name}") for field in fields(HeadViewText)}
    )


def _heatmap(say: Say, shown: AttentionMap, pin: Pin, part: Window | None) -> None:
    look, weights = state.look(), _weights(shown, pin)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        title = say("map.title_all" if pin.head is None else "map.title")
        st.markdown(f"**{title}**", width="stretch")
        choice.switch(say, "scale", SCALES, look.scale)
    part = part or Window(0, 0, max(weights.shape))
    names = ("query", "key", "weight", "masked", "row_largest")
    figure = heatmap(
        weights[part.rows, part.columns],
        shown.queries[part.rows],
        shown.keys[part.columns],
        text=HeatmapText(*(say(f"map.{name}") for name in names)),
        mask=shown.mask[part.rows, part.columns],
        pinned=[row - part.query for row in pin.rows if part.query <= row < part.rows.stop],
        scale=look.scale,
        selectable=True,
        cell=_cell_in(part, pin, look),
    )
    st.session_state["look:heatmap:first"] = (part.query, part.key)
    with st.container(key=f"look_map_{theme.map_step(len(shown.keys[part.columns]))}"):
        picture.show(
            figure,
            key=HEATMAP,
            alt=_described(say, shown, pin, weights),
            picked=_cell_chosen,
        )
    masked = "" if shown.mask.all() else f" {say('map.caption_masked')}"
    st.caption(say(f"map.caption_{look.scale}") + masked)


def _cell_in(part: Window, pin: Pin, look: Look) -> tuple[int, int] | None:
    """The chosen cell, counted from the window's corner."""
    if look.key is None or pin.query is None:
        return None
    row, column = pin.query - part.query, look.key - part.key
    inside = 0 <= row < part.size and 0 <= column < part.size
    return (row, column) if inside else None


def _cell_chosen() -> None:
    """A click on a cell: its query becomes the row, its key is what is calculated."""
    points = st.session_state[HEATMAP].selection.points
    if points:
        row, column = st.session_state["look:heatmap:first"]
        state.change(query=row + int(points[0]["y"]), key=column + int(points[0]["x"]))
    else:  # a second click on the same cell
        state.change(key=None)


def _described(
    say: Say, shown: AttentionMap, pin: Pin, weights: Float[np.ndarray, "query key"]
) -> str:
    """The map for those who cannot see it: its size, and the largest weights of the chosen row."""
    rows, columns = weights.shape
    size = say("map.alt", where=_where(say, pin), rows=rows, columns=columns)
    if pin.query is None:
        return size
    row = weights[pin.query]
    top = [int(key) for key in row.argsort()[::-1][:4] if row[key] > 0]
    shares = ", ".join(f"{shown.keys[key]} {say.percent(float(row[key]))}" for key in top)
    return f"{size} {say('map.alt_row', query=shown.queries[pin.query], shares=shares)}"


# ── one cell ─────────────────────────────────────────────────────────────────────────────────────


def _cell(say: Say, looked: Looked, shown: AttentionMap, pin: Pin) -> None:
    """How one weight of the map came about: q · k, scaled, softmax."""
    if pin.query is None:
        return
    key = state.look().key
    with st.container(key="cell"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            choice.key_picker(say, shown, placeholder=say("cell.choose"))
            if key is not None:
                title = "cell.title_all" if pin.head is None else "cell.title"
                names = {"query": shown.queries[pin.query], "key": shown.keys[key]}
                where = _where(say, pin)
                st.markdown(f"##### {say.markdown(title, **names, where=where)}", width="stretch")
        if key is None:
            st.caption(say("cell.hint"))
        elif state.look().unit == "words":
            _cell_of_words(say, looked, pin.query, key)
        elif pin.head is None:
            _cell_of_heads(say, looked, pin, pin.query, key)
        else:
            _cell_of_head(say, looked, shown, pin.layer, pin.head, pin.query, key)


def _cell_of_words(say: Say, looked: Looked, query: int, key: int) -> None:
    """A word's weight is put together of its tokens'; they are what is calculated."""
    query_side, key_side = SIDES[state.look().kind]
    rows = looked.trace.words(query_side)[query][1]
    columns = looked.trace.words(key_side)[key][1]
    st.markdown(say("cell.words", queries=len(rows), keys=len(columns)))
    if st.button(say("cell.tokens"), key="look.cell.tokens", icon="🔎"):
        state.change(unit="tokens", query=rows[0], key=columns[0], window=None)
        st.rerun()


def _cell_of_heads(say: Say, looked: Looked, pin: Pin, query: int, key: int) -> None:
    """The mean of several heads: each of them."""
    pair = neuron.everywhere(looked.trace, state.look().kind, query, key)
    weights = pair.weights[pin.layer]
    table(
        {
            say("head.label"): [str(head + 1) for head in range(len(weights))],
            "q · k": [number(float(value)) for value in pair.scores[pin.layer]],
            "÷ √d_k": [number(float(value)) for value in pair.scaled[pin.layer]],
            say("map.weight"): [number(float(value)) for value in weights],
        }
    )
    st.markdown(say("cell.mean", heads=len(weights), mean=number(float(weights.mean()))))
    parts.badge(say, pair.largest_difference)


def _cell_of_head(
    say: Say, looked: Looked, shown: AttentionMap, layer: int, head: int, query: int, key: int
) -> None:
    """Numbers of one head's Trace, from the products to the weight."""
    found = neuron.neurons(looked.trace, state.look().kind, layer, head, query)
    left, numbers = st.columns([11, 10], gap="large")
    with left:
        three = np.stack([found.q, found.k[key], found.products[key]])
        limit = float(np.ceil(np.abs(three).max()))
        names = [f"q · {shown.queries[query]}", f"k · {shown.keys[key]}", "q × k"]
        figure = signed_map(
            three,
            Axis("", names),
            Axis(say("cell.dimension"), [str(d + 1) for d in range(three.shape[1])]),
            limit=limit,
            value=say("cell.value"),
        )
        picture.show(figure, key="look:cell", alt=say("cell.picture"))
        st.caption(say("cell.scale", limit=number(limit)))
    with numbers:
        for formula in _formulas(found, key):
            st.latex(formula)
        if not found.mask[key]:
            st.markdown(say("cell.masked"))
        largest = ", ".join(
            f"{d + 1} ({number(float(found.products[key, d]))})"
            for d in neuron.by_size(found.products[key])[:4]
        )
        st.markdown(say("cell.largest", dimensions=largest))
        parts.badge(say, found.largest_difference, float(np.abs(found.scores).max()))
        with st.container(horizontal=True, gap="medium"):
            st.page_link(
                "viz/views/attention.py",
                label=say("cell.steps"),
                icon="🪜",
                query_params={"step": "3"},
            )
            st.page_link("viz/views/neuron.py", label=say("cell.neuron"), icon="🧬")


def _formulas(found: Neurons, key: int) -> list[str]:
    """From the products to the weight, with the numbers filled in."""
    d_k = len(found.q)
    score, scaled, root = (
        number(float(value)) for value in (found.scores[key], found.scaled[key], d_k**0.5)
    )
    top, exp, total, weight = (
        _written(float(value))
        for value in (found.top, found.exp[key], found.total, found.weights[key])
    )
    lines = [
        rf"q\cdot k=\sum_{{d=1}}^{{{d_k}}} q_d\,k_d={score}",
        rf"\frac{{q\cdot k}}{{\sqrt{{d_k}}}}=\frac{{{score}}}{{{root}}}={scaled}",
    ]
    if not found.mask[key]:
        return [*lines, r"e^{-\infty}=0"]
    share = rf"\frac{{e^{{{scaled}-({top})}}}}{{\sum_j e^{{x_j-({top})}}}}"
    return [*lines, rf"{share}=\frac{{{exp}}}{{{total}}}={weight}"]


def _written(value: float) -> str:
    """As every number is written, but never "1" for what is not quite that."""
    written = number(value)
    return f"{value:.7g}" if written == "1" and value != 1 else written


# ── what the model makes of it ───────────────────────────────────────────────────────────────────


def _naming(say: Say, looked: Looked) -> None:
    """What the encoder thinks the pronoun stands for: the question it was trained to answer."""
    text, span = looked.trace.source_text, pronoun_span(looked.trace)
    if span is None:
        st.markdown(f"##### {say('naming.title_none')}")
        st.caption(say("naming.none"))
        return
    pronoun = text[slice(*span)]
    bundle = looked.bundle
    named = cache.pronoun_names(bundle.name, bundle.version, text, span)
    top = sorted(named, key=lambda candidate: -candidate[3])[:4]
    words = [word for word, *_ in top]
    shares = [share for *_, share in top]
    written = [say.percent(share) for share in shares]
    st.markdown(f"##### {say.markdown('naming.title', pronoun=pronoun)}")
    listed = ", ".join(f"{word} {share}" for word, share in zip(words, written, strict=True))
    picture.show(
        bar_list(words, shares, written),
        key="look:naming",
        alt=say("naming.alt", pronoun=pronoun, shares=listed),
    )
    st.caption(say.markdown("naming.caption", pronoun=pronoun))


def _translation(say: Say, looked: Looked) -> None:
    bundle = looked.bundle
    st.markdown(f"##### {say('translation.title')}")
    state.follow("look.to", looked.to)
    st.segmented_control(
        say("translation.to"),
        sentence.targets(bundle, looked.trace.source_text),
        format_func=lambda lang: say(f"lang.{lang}"),
        key="look.to",
        required=True,
        label_visibility="collapsed",
        on_change=_translate_into,
    )
    own = cache.trace(bundle.name, bundle.version, looked.trace.source_text, None, looked.to)
    st.markdown(f"#### {literal(own.output) or say('translation.nothing')}")
    state.follow("look.target", state.look().target or "")
    st.text_input(
        say("translation.own"),
        key="look.target",
        placeholder=say("translation.own_placeholder"),
        help=say("translation.own_help"),
        autocomplete="off",
        on_change=_own_translation,
    )
    if looked.look.target is not None:
        st.caption(say("translation.own_shown"))


def _translate_into() -> None:
    state.change(to=st.session_state["look.to"], target=None)
    _choose_rows_anew()


def _own_translation() -> None:
    target = st.session_state["look.target"]
    state.change(target=target if target.strip() else None)
    _choose_rows_anew()


def _choose_rows_anew() -> None:
    if state.look().kind != "encoder":  # its rows are the translation's
        state.rows_anew()


def _honesty(say: Say, bundle: Bundle) -> None:
    with st.expander(say("honesty.title"), icon="🔍"):
        st.markdown(facts(say, bundle.metrics))
        st.markdown(say("honesty.body"))
        card = cache.card(bundle.name)
        if card is None:
            st.caption(say("honesty.card_missing"))
        elif st.button(say("honesty.card"), key="look.card"):
            st.dialog(say("honesty.card"), width="large")(st.markdown)(card)


if __name__ == "__main__":
    render()
