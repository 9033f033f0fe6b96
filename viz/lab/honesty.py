"""Part 6: how it was trained, where it fails, and which words it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from model import ModelError
from model.analysis.leaderboard import Labelled, Leaderboard, Question
from model.analysis.seen import times_seen
from model.analysis.twins import exchanged
from viz import cache
from viz.i18n import Say
from viz.lab import board, runs
from viz.lab import pair as pairs
from viz.lab.flip import naming_bars
from viz.lab.pair import Pair
from viz.tables import table

SPLITS = ("pairs", "templates", "nouns")
_MADE_UP = {"en": "blicket", "ko": "두루빗"}
"""A word that nobody has ever seen, for each language that is read."""


def part(say: Say, pair: Pair) -> None:
    """Facts from the checkpoint's own record, then its failures, then its vocabulary."""
    _training(say, pair)
    _measured(say, pair.looked.bundle.metrics)
    if card := cache.card(pair.looked.bundle.name):
        with st.expander(say("lab.honest.card"), icon="📄"):
            st.markdown(card)
    _failures(say, pair)
    _words(say, pair)
    _in_place(say, pair)


# ── how it was trained ───────────────────────────────────────────────────────────────────────────


def _training(say: Say, pair: Pair) -> None:
    st.markdown(f"##### {say('lab.honest.trained')}")
    st.markdown(facts(say, pair.looked.bundle.metrics))


def facts(say: Say, metrics: Mapping[str, Any]) -> str:
    """What this checkpoint's record says of its training, and what holds for all: a list."""
    training = metrics.get("training", {})
    told = []
    if "steps" in training:
        told.append(say("lab.honest.steps", steps=f"{training['steps']:,}"))
        told.append(_texts(say, training.get("origins", [])))
        weight = training.get("settings", {}).get("naming_weight", 0)
        told.append(say("lab.honest.naming" if weight else "lab.honest.no_naming"))
    else:
        told.append(say("lab.honest.unknown"))
    told.append(say("lab.honest.unsupervised"))
    told.append(say("lab.honest.without"))
    return "\n".join(f"- {fact}" for fact in told)


def _texts(say: Say, origins: Sequence[Mapping[str, Any]]) -> str:
    """What it read."""
    if not origins:
        return say("lab.honest.data_own")
    lines = sum(origin["lines"] for origin in origins)
    return say("lab.honest.data", lines=f"{lines:,}", origins=len(origins))


def _measured(say: Say, metrics: Mapping[str, Any]) -> None:
    """Naming on what training never met, as the checkpoint's record has it."""
    found = {
        split: metrics if split == "pairs" else metrics.get(f"unseen_{split}", {})
        for split in SPLITS
    }
    langs = [lang for lang in ("en", "ko") if lang in metrics.get("naming", {})]
    rows = {split: one["naming"] for split, one in found.items() if "naming" in one}
    if not langs or not rows:
        return
    right = {say("lab.honest.on"): [say(f"lab.split.{split}") for split in rows]}
    for lang in langs:
        right[say("lab.honest.right", language=say(f"lang.{lang}"))] = [
            _share(say, naming.get(lang)) for naming in rows.values()
        ]
    table(right)
    st.caption(say("lab.honest.table"))


def _share(say: Say, one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "—"
    low, high = one["interval"]
    values = {"value": one["value"], "low": low, "high": high}
    return say("lab.share", **{n: say.percent(share) for n, share in values.items()})


# ── where it fails ───────────────────────────────────────────────────────────────────────────────


def _failures(say: Say, pair: Pair) -> None:
    """Every held-out sentence of a set that it names wrong, and the way into the lab."""
    st.markdown(f"##### {say('lab.honest.fails')}")
    asked = runs.asked(say, pair.looked, "honest", 250, "templates")
    found = board.ask(say, pair, asked) if asked is not None else None
    if found is None:
        st.caption(say("lab.board.wait"))
        return
    wrong = found.wrong()
    st.markdown(say("lab.honest.wrong", wrong=f"{len(wrong):,}", count=f"{len(found.asked):,}"))
    if not wrong:
        st.info(say("lab.honest.none"), icon="🔎")
        return
    st.dataframe(
        {
            say("lab.honest.sentence"): [one.sentence.text for one, _ in wrong],
            say("lab.honest.means"): [_word(one.sentence, one) for one, _ in wrong],
            say("lab.honest.named"): [named for _, named in wrong],
        },
        hide_index=True,
        height=260,
    )
    n = st.selectbox(
        say("lab.honest.choose"),
        range(len(wrong)),
        format_func=lambda one: f"{one + 1} · {wrong[one][0].sentence.text}",
        key=f"lab.wrong.{len(wrong)}.{len(found.asked)}",
    )
    chosen = wrong[n][0].sentence
    st.button(
        say("lab.honest.open"),
        key="lab.honest.open",
        icon="🔬",
        on_click=_open,
        args=(chosen, _twin(found, chosen)),
    )


def _open(chosen: Labelled, twin: Labelled | None) -> None:
    pairs.show(chosen, twin)
    st.session_state["lab.part"] = "twins"


def _word(sentence: Labelled, asked: Question) -> str:
    """What the pronoun stands for."""
    return sentence.text[slice(*asked.sentence.antecedent)]


def _twin(found: Leaderboard, chosen: Labelled) -> Labelled | None:
    """The other sentence of the pair."""
    others = (one.sentence for one in found.asked if one.sentence.twin == chosen.twin != "")
    return next((one for one in others if one != chosen), None)


# ── the words that it saw ────────────────────────────────────────────────────────────────────────


def _words(say: Say, pair: Pair) -> None:
    """How often the words of this sentence stood in training, and any other word."""
    st.markdown(f"##### {say('lab.honest.words')}")
    seen = pair.looked.bundle.metrics.get("seen")
    if not seen:
        st.markdown(say("lab.honest.not_counted"))
        return
    trace, lang = pair.looked.trace, pair.looked.trace.source_lang
    counted = {
        word: times
        for word, _, span in trace.source_words
        if span is not None and (times := times_seen(seen, word, lang)) is not None
    }
    if counted:
        table(
            {
                say("lab.honest.word"): list(counted),
                say("lab.honest.times"): [f"{times:,}" for times in counted.values()],
            }
        )
    typed = st.text_input(say("lab.honest.look_up"), key="lab.word", autocomplete="off", width=320)
    if typed.strip():
        times = times_seen(seen, typed.strip(), lang)
        told = "lab.honest.not_listed" if times is None else "lab.honest.stood"
        st.markdown(say.markdown(told, word=typed.strip(), times=f"{times or 0:,}"))
    st.caption(say("lab.honest.words_say"))


def _in_place(say: Say, pair: Pair) -> None:
    """Both sentences with another word instead of either candidate: are they still resolved?"""
    if pair.a is None:
        return
    bundle, lang = pair.looked.bundle, pair.looked.trace.source_lang
    st.markdown(f"##### {say('lab.honest.in_place')}")
    typed = st.text_input(
        say("lab.honest.made_up"),
        _MADE_UP.get(lang, _MADE_UP["en"]),
        key=f"lab.made_up.{lang}",
        autocomplete="off",
        width=320,
    )
    word = typed.strip()
    columns = st.columns(2, gap="large")
    for name, marked, column in zip(("one", "two"), pair.both, columns, strict=False):
        asked = {say("lab.honest.as_typed"): marked}
        if word:
            asked |= {f"{'①②'[n]} → {word}": exchanged(marked, n, word) for n in (0, 1)}
        with column:
            st.markdown(f"**{say(f'lab.{name}')}**")
            try:
                found = {
                    what: cache.reading(bundle.name, bundle.version, one)
                    for what, one in asked.items()
                }
            except ModelError as error:
                st.error(say.error(error), icon="✏️")
                continue
            naming_bars(say, pair.names, found, f"lab:in_place:{name}")
    st.caption(say("lab.honest.in_place_says"))
