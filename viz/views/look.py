"""The front door: type a sentence, and watch which words every head looks at."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import streamlit as st
from jaxtyping import Float

from model import Bundle, ModelError, Trace
from model.analysis.words import (
    AttentionMap,
    attention_map,
    pronoun_span,
    pronoun_word,
    sharpest_head,
    shredded,
    strongest_key,
    telling_row,
)
from model.tokenizer import language_of
from viz import cache, state
from viz.charts.bars import bar_list
from viz.charts.heatmap import HeatmapText, heatmap
from viz.components.head_view import HeadViewText, Pin, head_view, selected
from viz.i18n import Say, literal
from viz.state import FAMOUS, KINDS, TARGETS, UNITS, Look, Target

HEAD_VIEW = "look:head_view"


@dataclass(frozen=True)
class Example:
    """A sentence to try; `chip` is what its chip says, for twins the word that differs."""

    chip: str
    text: str


# Grouped by idea. A group of two is a pair of twins: one word differs, and the answer with it.
EXAMPLES: dict[str, tuple[Example, ...]] = {
    "animal_en": (
        Example("tired", FAMOUS),
        Example("wide", FAMOUS.replace("tired", "wide")),
    ),
    "animal_ko": (
        Example(
            "피곤하였기",
            "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다.",
        ),
        Example(
            "넓었기",
            "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 넓었기 때문이다.",
        ),
    ),
    "kettle_ko": (
        Example("가득 찰", "그녀는 주전자의 물을 컵에 따랐다. 그것이 가득 찰 때까지."),
        Example("텅 빌", "그녀는 주전자의 물을 컵에 따랐다. 그것이 텅 빌 때까지."),
    ),
    "short": (
        Example("I am a student.", "I am a student."),
        Example("I am Sam.", "I am Sam."),
        Example("나는 학교에 갔다.", "나는 학교에 갔다."),
    ),
    "spoken": (Example("어제 카페 갔었어 …", "어제 카페 갔었어 거기 사람 많더라"),),
}


def render() -> None:
    """The page, from the sentence to what the model makes of it."""
    say, look = state.say(), state.look()
    try:
        bundle = cache.bundle(state.model_name(cache.checkpoints()))
    except ModelError as error:
        st.error(f"**{say('error.title_page')}** · {say.error(error)}", icon="🧯")
        return
    _sentence_box(say, look)
    _examples(say, look)
    looked = _read(say, bundle, look)
    if looked is None:
        return
    _notices(say, bundle, looked)
    _picture(say, bundle, looked)
    naming, translation = st.columns(2, gap="large")
    with naming:
        _naming(say, bundle, looked)
    with translation:
        _translation(say, bundle, looked)
    _honesty(say, bundle)


# ── what is read ─────────────────────────────────────────────────────────────────────────────────


def _sentence_box(say: Say, look: Look) -> None:
    state.follow("look.text", look.text)
    st.text_input(say("text.label"), key="look.text", on_change=_typed, autocomplete="off")


def _typed() -> None:
    _show(st.session_state["look.text"])


def _show(text: str) -> None:
    """Another sentence: its rows and its translation are its own; layer and head stay."""
    state.change(text=text, target=None, query=None)


def _examples(say: Say, look: Look) -> None:
    with st.container(key="examples", horizontal=True, gap="small"):
        for group, examples in EXAMPLES.items():
            key = f"look.example.{group}"
            texts = [example.text for example in examples]
            state.follow(key, look.text if look.text in texts else None)
            chips = {example.text: example.chip for example in examples}
            st.pills(
                say(f"examples.{group}"),
                texts,
                format_func=chips.__getitem__,
                key=key,
                on_change=_picked,
                args=(key,),
            )


def _picked(key: str) -> None:
    text = st.session_state[key]
    if text is not None:  # a second click on the chosen chip lets go of it: stay where we are
        _show(text)


@dataclass(frozen=True)
class Looked:
    """A view that could be drawn, with the Trace behind it."""

    look: Look
    to: Target
    trace: Trace


def _read(say: Say, bundle: Bundle, look: Look) -> Looked | None:
    """The Trace of what was asked for; with a message that of the last sentence that worked."""
    try:
        looked = _looked(bundle, look)
    except ModelError as error:
        st.error(say.error(error), icon="✏️")
        return _last(say, bundle, look)
    st.session_state["look:last"] = look
    return looked


def _last(say: Say, bundle: Bundle, look: Look) -> Looked | None:
    last: Look = st.session_state.get("look:last", Look())
    try:
        looked = _looked(bundle, replace(look, text=last.text, to=last.to, target=last.target))
    except ModelError:  # a checkpoint that cannot read even the first sentence
        return None
    st.caption(say("text.kept"))
    return looked


def _looked(bundle: Bundle, look: Look) -> Looked:
    targets = _targets(bundle, look.text)
    to = look.to if look.to in targets else targets[0]
    return Looked(look, to, cache.trace(bundle.name, bundle.version, look.text, look.target, to))


def _targets(bundle: Bundle, text: str) -> tuple[Target, ...]:
    """The languages that the model has learned to write for a text in this language."""
    source = language_of(text)
    return tuple(target for start, target in bundle.directions if start == source) or TARGETS


def _notices(say: Say, bundle: Bundle, looked: Looked) -> None:
    trace = looked.trace
    if names := state.ignored() + _clamped(bundle, looked):
        st.info(say.markdown("text.ignored", names=", ".join(names)), icon="🔗")
    learned = {source for source, _ in bundle.directions}
    if learned and trace.source_lang not in learned:
        language = say(f"lang.{trace.source_lang}")
        st.info(say("text.unlearned", language=language), icon="🌐")
    if unknown := trace.unknown("source") + trace.unknown("target"):
        st.info(say.markdown("text.unknown", words=_listed(unknown)), icon="❔")
    if letters := shredded(trace):
        st.info(say.markdown("text.shredded", words=_listed(letters)), icon="🔤")


def _clamped(bundle: Bundle, looked: Looked) -> list[str]:
    """Bring layer, head and row back to what exists here; the names of those that were moved."""
    look = state.look()
    shown = attention_map(looked.trace, look.kind, merged=look.unit == "words")
    pin = _pin(bundle, looked.trace, look, shown)
    asked = {"layer": look.layer, "head": look.head, "query": look.query}
    moved = {
        name: getattr(pin, name)
        for name, value in asked.items()
        if isinstance(value, int) and value != getattr(pin, name)
    }
    if moved:
        state.change(**moved)
    return list(moved)


def _listed(words: list[str], most: int = 6, longest: int = 16) -> str:
    short = (word if len(word) <= longest else f"{word[:longest]}…" for word in words)
    distinct = list(dict.fromkeys(short))
    return ", ".join(distinct[:most]) + (" …" if len(distinct) > most else "")


# ── the picture ──────────────────────────────────────────────────────────────────────────────────


@st.fragment
def _picture(say: Say, bundle: Bundle, looked: Looked) -> None:
    """Line, head view and heatmap. A fragment: choosing a head or a word redraws nothing else."""
    look = state.look()
    shown = attention_map(looked.trace, look.kind, merged=look.unit == "words")
    pin = _pin(bundle, looked.trace, look, shown)
    _line(say, bundle, looked, shown, pin)
    with st.container(key="switches", horizontal=True, vertical_alignment="bottom", gap="medium"):
        pair = twins_of(looked.trace.source_text)
        if pair is not None and look.kind == "encoder":
            _twin(say, bundle, looked, pair, pin)
        _choice(say, "kind", KINDS, look.kind)
        _choice(say, "unit", UNITS, look.unit)
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


def _pin(bundle: Bundle, trace: Trace, look: Look, shown: AttentionMap) -> Pin:
    """What the student chose, as far as it exists here; the page chooses the rest."""
    n_layers, n_heads, n_queries, _ = shown.attention.shape
    layer, head = _telling_head(bundle, trace, look, shown)
    if look.layer is not None:
        layer = min(look.layer, n_layers - 1)
    if isinstance(look.head, int):
        head = min(look.head, n_heads - 1)
    if look.query == "none":
        row = None
    elif look.query is not None:
        row = min(look.query, n_queries - 1)
    else:
        row = _telling_row(trace, look, shown, layer, head)
    return Pin(layer, None if look.head == "all" else head, row)


def _telling_head(bundle: Bundle, trace: Trace, look: Look, shown: AttentionMap) -> tuple[int, int]:
    """The head that was measured to resolve pronouns; elsewhere the most decided one."""
    best = _best_head(bundle, trace) if look.kind == "encoder" else None
    return best or sharpest_head(shown.attention)


def _best_head(bundle: Bundle, trace: Trace) -> tuple[int, int] | None:
    best = bundle.metrics.get("heads", {}).get("best", {}).get(trace.source_lang)
    return (best["layer"], best["head"]) if best else None


def _telling_row(
    trace: Trace, look: Look, shown: AttentionMap, layer: int, head: int
) -> int | None:
    """The pronoun's row in the encoder; elsewhere the row that looks the most decidedly."""
    pronoun = pronoun_word(trace) if look.kind == "encoder" else None
    if pronoun is not None:
        return shown.row_of(pronoun)
    weights = shown.attention[layer, head]
    return telling_row(weights, shown.ordinary, of_itself=look.kind != "cross")


def _pinned() -> None:
    pin = selected(HEAD_VIEW)
    if pin is not None:
        state.change(
            layer=pin.layer,
            head="all" if pin.head is None else pin.head,
            query="none" if pin.query is None else pin.query,
        )


def _choice(say: Say, name: str, options: tuple[str, ...], now: str) -> None:
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


def _chosen(name: str) -> None:
    """Another kind has other heads, another unit other rows: the page chooses them anew."""
    state.change(**{name: st.session_state[f"look.{name}"]}, query=None)
    if name == "kind":
        state.change(layer=None, head=None)


def _line(say: Say, bundle: Bundle, looked: Looked, shown: AttentionMap, pin: Pin) -> None:
    """In plain words: who looks at whom, and how much."""
    kind = state.look().kind
    measured = kind == "encoder" and (pin.layer, pin.head) == _best_head(bundle, looked.trace)
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


def twins_of(text: str) -> tuple[Example, Example] | None:
    """This example and its twin, if the sentence is one of a pair."""
    for pair in EXAMPLES.values():
        here = [example for example in pair if example.text == text]
        there = [example for example in pair if example.text != text]
        if len(pair) == 2 and here:
            return here[0], there[0]
    return None


def _twin(
    say: Say, bundle: Bundle, looked: Looked, pair: tuple[Example, Example], pin: Pin
) -> None:
    """One click to the twin, and what the same head does with its pronoun."""
    here, there = pair
    change = say("line.to_twin", here=here.chip, there=there.chip)
    if st.button(change, key="look.twin", icon="🔀"):
        _show(there.text)
        st.rerun()
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


def _naming(say: Say, bundle: Bundle, looked: Looked) -> None:
    """What the encoder thinks the pronoun stands for: the question it was trained to answer."""
    text, span = looked.trace.source_text, pronoun_span(looked.trace)
    if span is None:
        st.markdown(f"##### {say('naming.title_none')}")
        st.caption(say("naming.none"))
        return
    pronoun = text[slice(*span)]
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


def _translation(say: Say, bundle: Bundle, looked: Looked) -> None:
    st.markdown(f"##### {say('translation.title')}")
    state.follow("look.to", looked.to)
    st.segmented_control(
        say("translation.to"),
        _targets(bundle, looked.trace.source_text),
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
