"""The sentence that every page looks at: typed once, read by the model, kept from page to page."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from model import Bundle, ModelError, Trace
from model.analysis.words import shredded
from model.tokenizer import language_of
from viz import cache, state
from viz.i18n import Say
from viz.state import FAMOUS, TARGETS, Look, Target


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


@dataclass(frozen=True)
class Looked:
    """A view that could be drawn, with the model and the Trace behind it."""

    bundle: Bundle
    look: Look
    to: Target
    trace: Trace


def opening(say: Say, page: str) -> Looked | None:
    """A page's title, what it is for, and the sentence; None where no model can read any."""
    st.markdown(f"### {say(f'{page}.title')}")
    st.caption(say(f"{page}.what_for"))
    chosen = bundle(say)
    return ask(say, chosen) if chosen else None


def bundle(say: Say) -> Bundle | None:
    """The chosen checkpoint; None, and a message, where it cannot be used."""
    try:
        return cache.bundle(state.model_name(cache.checkpoints()))
    except ModelError as error:
        st.error(f"**{say('error.title_page')}** · {say.error(error)}", icon="🧯")
        return None


def ask(say: Say, bundle: Bundle) -> Looked | None:
    """The text box, the examples, and the Trace of what was typed.

    Where the text cannot be read, a message says why and the last sentence that worked stays; None
    only where the checkpoint cannot read even the first one.
    """
    look = state.look()
    state.follow("look.text", look.text)
    st.text_input(say("text.label"), key="look.text", on_change=_typed, autocomplete="off")
    _examples(say, look)
    looked = _read(say, bundle, look)
    if looked is not None:
        _notices(say, looked)
    return looked


def show(text: str) -> None:
    """Another sentence: its rows and its translation are its own; layer and head stay."""
    state.rows_anew(text=text, target=None)


def write_link(looked: Looked) -> None:
    """Put the view into the address bar; not a text that cannot be read: it would help nobody."""
    if state.look().text == looked.trace.source_text:
        state.write_link()


def targets(bundle: Bundle, text: str) -> tuple[Target, ...]:
    """The languages that the model has learned to write for a text in this language."""
    source = language_of(text)
    return tuple(target for start, target in bundle.directions if start == source) or TARGETS


def twins_of(text: str) -> tuple[Example, Example] | None:
    """This example and its twin, if the sentence is one of a pair."""
    for pair in EXAMPLES.values():
        here = [example for example in pair if example.text == text]
        there = [example for example in pair if example.text != text]
        if len(pair) == 2 and here:
            return here[0], there[0]
    return None


def _typed() -> None:
    show(st.session_state["look.text"])


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
        show(text)


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
    learned = targets(bundle, look.text)
    to = look.to if look.to in learned else learned[0]
    trace = cache.trace(bundle.name, bundle.version, look.text, look.target, to)
    return Looked(bundle, look, to, trace)


def _notices(say: Say, looked: Looked) -> None:
    trace = looked.trace
    pieces, limit = len(trace.source_tokens), looked.bundle.config.max_len
    if pieces > limit // 2:  # said before it hurts
        st.caption(say("text.length", pieces=pieces, limit=limit))
    learned = {source for source, _ in looked.bundle.directions}
    if learned and trace.source_lang not in learned:
        language = say(f"lang.{trace.source_lang}")
        st.info(say("text.unlearned", language=language), icon="🌐")
    if unknown := trace.unknown("source") + trace.unknown("target"):
        st.info(say.markdown("text.unknown", words=_listed(unknown)), icon="❔")
    if letters := shredded(trace):
        st.info(say.markdown("text.shredded", words=_listed(letters)), icon="🔤")


def _listed(words: list[str], most: int = 6, longest: int = 16) -> str:
    short = (word if len(word) <= longest else f"{word[:longest]}…" for word in words)
    distinct = list(dict.fromkeys(short))
    return ", ".join(distinct[:most]) + (" …" if len(distinct) > most else "")
