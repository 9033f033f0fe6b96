"""The front door: type a sentence, and watch which words every head looks at."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import streamlit as st
from jaxtyping import Float

from model import Bundle
from model.analysis.words import (
    AttentionMap,
    attention_map,
    pronoun_span,
    pronoun_word,
    strongest_key,
)
from viz import cache, choice, sentence, state
from viz.charts.bars import bar_list
from viz.charts.heatmap import HeatmapText, heatmap
from viz.components.head_view import HeadViewText, Pin, head_view, selected
from viz.i18n import Say, literal
from viz.sentence import Example, Looked
from viz.state import KINDS, UNITS

HEAD_VIEW = "look:head_view"


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
    _line(say, looked, shown, pin)
    with st.container(key="switches", horizontal=True, vertical_alignment="bottom", gap="medium"):
        pair = sentence.twins_of(looked.trace.source_text)
        if pair is not None and look.kind == "encoder":
            _twin(say, looked, pair, pin)
        choice.switch(say, "kind", KINDS, look.kind)
        choice.switch(say, "unit", UNITS, look.unit)
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
            on_change=_pinned,
        )
    with cells:
        _heatmap(say, shown, pin)
    if look.unit == "words":
        st.caption(say("unit.merged"))
    if look.text == looked.trace.source_text:  # a link to a text that cannot be read helps nobody
        state.write_link()


def _pinned() -> None:
    pin = selected(HEAD_VIEW)
    if pin is not None:
        state.change(
            layer=pin.layer,
            head="all" if pin.head is None else pin.head,
            query="none" if pin.query is None else pin.query,
        )


def _line(say: Say, looked: Looked, shown: AttentionMap, pin: Pin) -> None:
    """In plain words: who looks at whom, and how much."""
    kind, best = state.look().kind, choice.best_head(looked.bundle, looked.trace)
    measured = kind == "encoder" and (pin.layer, pin.head) == best
    where = f"{say(f'kind.{kind}')} · {_where(say, pin)}"
    st.caption(f"{where} — {say('line.best')}" if measured else where)
    st.subheader(_who_looks_at_whom(say, shown, pin), anchor=False)


def _who_looks_at_whom(say: Say, shown: AttentionMap, pin: Pin) -> str:
    if pin.query is None:
        return say("line.choose")
    query = shown.queries[pin.query]
    weights = _weights(shown, pin)
    found = strongest_key(weights[pin.query])
    if found is None:
        return say.markdown("line.nothing", query=query)
    key, weight = found
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


def _heatmap(say: Say, shown: AttentionMap, pin: Pin) -> None:
    st.markdown(f"**{say('map.title_all' if pin.head is None else 'map.title')}**")
    weights = _weights(shown, pin)
    text = HeatmapText(*(say(f"map.{name}") for name in ("query", "key", "weight", "masked")))
    figure = heatmap(
        weights, shown.queries, shown.keys, text=text, mask=shown.mask, pinned=pin.query
    )
    st.plotly_chart(
        figure,
        key="look:heatmap",
        config={"displayModeBar": False},
        alt=_described(say, shown, pin, weights),
    )
    masked = "" if shown.mask.all() else f" {say('map.caption_masked')}"
    st.caption(say("map.caption") + masked)


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
    st.plotly_chart(
        bar_list(words, shares, written),
        key="look:naming",
        config={"displayModeBar": False},
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
        state.change(query=None)


def _honesty(say: Say, bundle: Bundle) -> None:
    with st.expander(say("honesty.title"), icon="🔍"):
        st.markdown(say("honesty.body"))
        card = cache.card(bundle.name)
        if card is None:
            st.caption(say("honesty.card_missing"))
        elif st.button(say("honesty.card"), key="look.card"):
            st.dialog(say("honesty.card"), width="large")(st.markdown)(card)


if __name__ == "__main__":
    render()
