"""What takes longer than a blink: the set it is asked on, progress, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from model.analysis.leaderboard import Measured, Progress, Question
from model.config import Lang
from model.corpus.splits import Split
from viz import cache
from viz.i18n import Say
from viz.lab.pair import HELD_OUT
from viz.sentence import Looked

Made = TypeVar("Made")

SIZES = (50, 100, 250, 500, 1000)
"""Pairs of twins in a set; the last is what `python -m model evaluate` asks."""

OWN = "lab:own"
"""Where the session keeps the file that was uploaded: its name and its bytes."""


@dataclass(frozen=True)
class Asked:
    """A set of questions: what names it in caches, and how to get it (which may take seconds)."""

    key: tuple[Hashable, ...]
    questions: Callable[[Progress], list[Question]]


def asked(say: Say, looked: Looked, part: str, items: int, first: Split = "pairs") -> Asked | None:
    """Which sentences, in which language and how many; None where there are none.

    Args:
        part: of the page; each keeps its own choice.
        items: pairs of twins at first.
        first: which kind of set at first.
    """
    kinds = [*HELD_OUT, *(["own"] if OWN in st.session_state else [])]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = st.segmented_control(
            say("lab.set.which"),
            kinds,
            default=first,
            format_func=lambda one: say(f"lab.split.{one}"),
            key=f"lab.{part}.set",
            required=True,
            help=say("lab.set.help"),
            persist_state="session",
        )
        if kind == "own":
            return _own(looked)
        lang = st.segmented_control(
            say("lab.set.lang"),
            languages(looked),
            default=_language(looked),
            format_func=lambda one: say(f"lang.{one}"),
            key=f"lab.{part}.lang",
            required=True,
            persist_state="session",
        )
        count = st.selectbox(
            say("lab.set.items"),
            SIZES,
            index=SIZES.index(items),
            format_func=lambda one: say("lab.set.pairs", count=f"{one:,}"),
            key=f"lab.{part}.items",
            width=140,
            persist_state="session",
        )
    bundle = looked.bundle
    split = next(one for one in HELD_OUT if one == kind)
    return Asked(
        (split, lang, count),
        lambda progress: cache.questions(
            bundle.name, bundle.version, split, (lang or "en",), count, progress
        ),
    )


def languages(looked: Looked) -> tuple[Lang, ...]:
    """The languages that the model reads and that pronouns are labelled for."""
    learned = {source for source, _ in looked.bundle.directions}
    return tuple(lang for lang in ("en", "ko") if lang in learned) or ("en", "ko")


def _language(looked: Looked) -> Lang:
    return next(
        (lang for lang in languages(looked) if lang == looked.trace.source_lang),
        languages(looked)[0],
    )


def _own(looked: Looked) -> Asked | None:
    _, data = st.session_state[OWN]
    bundle = looked.bundle
    questions, _ = cache.own_set(bundle.name, bundle.version, data)
    return Asked(("own", hash(data)), lambda progress: questions) if questions else None


def measured(
    say: Say,
    looked: Looked,
    what: str,
    key: tuple[Hashable, ...],
    make: Callable[[Progress, Progress], Made],
    *,
    goes_on: tuple[Hashable, ...] | None = None,
) -> Made | None:
    """What was computed before for this key; else a button, and then progress with a way out.

    It is computed in the session's own run, a sentence or a batch at a time: a click on Cancel, or
    on anything else, ends it at the next one, and nobody else's page waits for it.

    Args:
        what: names the run in the catalogue (`lab.run.<what>`) and in the session.
        key: everything that changes the answer, but for the checkpoint.
        make: from what is told how many sentences are collected, and how many are answered.
        goes_on: what of the key has to stay for the next answer to need no button; None: each does.
    """
    full = _full(looked, what, key)
    found: Made | None = cache.kept(full)
    running, asked_for = f"lab:run.{what}", _full(looked, what, goes_on or key)
    if found is not None:
        return found
    place = st.empty()
    if st.session_state.get(running) != asked_for:
        place.button(
            say(f"lab.run.{what}"),
            key=f"lab.start.{what}",
            icon="▶️",
            type="primary",
            on_click=_start,
            args=(running, asked_for),
        )
        return None
    with place.container(horizontal=True, vertical_alignment="center", gap="medium"):
        bar = st.progress(0.0, say("lab.run.begins"))
        st.button(say("lab.run.cancel"), key=f"lab.cancel.{what}", on_click=_stop, args=(running,))

    def tells(sentence: str) -> Progress:
        def told(done: int, of: int) -> None:
            bar.progress(done / max(1, of), say(sentence, done=f"{done:,}", of=f"{of:,}"))

        return told

    found = make(tells("lab.run.collected"), tells("lab.run.done"))
    cache.keep(full, found)
    if goes_on is None:
        _stop(running)
    place.empty()
    return found


def kept(looked: Looked, what: str, key: tuple[Hashable, ...]) -> Any:
    """What `measured` has found for this key; None where it was not asked yet."""
    return cache.kept(_full(looked, what, key))


def _full(looked: Looked, what: str, key: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
    return (what, looked.bundle.name, looked.bundle.version, *key)


def _start(running: str, key: tuple[Hashable, ...]) -> None:
    st.session_state[running] = key


def _stop(running: str) -> None:
    st.session_state.pop(running, None)


def share(say: Say, one: Measured) -> str:
    """A share with its interval: "96 % (95 % – 97 %)"."""
    if one.value is None:
        return "—"
    if one.interval is None:
        return say.percent(one.value)
    low, high = (say.percent(min(1.0, max(0.0, end))) for end in one.interval)
    return say("lab.share", value=say.percent(one.value), low=low, high=high)


def bounds(one: Measured) -> tuple[float, float, float]:
    """Value, lower and upper end; without an interval all the same."""
    value = one.value or 0.0
    low, high = one.interval or (value, value)
    return value, low, high


def head_name(say: Say, layer: int, head: int) -> str:
    """A head as the whole app calls it."""
    return say("lab.head", layer=layer + 1, head=head + 1)
