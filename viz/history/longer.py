"""Longer and longer: quality by length, measured; and this sentence as it grows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from model import AnyBundle, ModelError
from model.analysis import lengths, longer
from viz import cache, parts
from viz.charts.by_length import Point, by_length
from viz.history import reading, rivals
from viz.i18n import Say
from viz.tables import Markdown, code, table

MEASURES = ("chrf", "accuracy")
TOPS = {"chrf": 100.0, "accuracy": 1.0}
"""Where the scales end: chrF is counted in per cent, accuracy as a share."""
GROWS = ("repeat", "words")
TIMES = 4
STEPS = 6
"""Rows of the table: the sentence up to four times, or six of its beginnings."""


def render(say: Say) -> None:
    """What was measured on held-out texts, then the sentence of the page."""
    _measured(say)
    st.markdown(f"#### {say('history.longer.live')}")
    looked = reading.ask(say)
    if looked is None:
        return
    bundles = rivals.found(say, looked.bundle)
    _grown(say, looked.trace.source_text, looked.trace.source_lang, bundles)


# ── measured ─────────────────────────────────────────────────────────────────────────────────────


def _measured(say: Say) -> None:
    """The engine's measurement, as its file has it; what to run where there is none."""
    st.markdown(f"#### {say('history.longer.measured')}")
    found = lengths.load(cache.CHECKPOINTS / lengths.NAME)
    if found is None:
        st.info(say("history.longer.not_measured"), icon="📏")
        names = " ".join(f"checkpoints/{name}" for name in cache.HISTORY)
        st.code(f"python -m model lengths {names}", language="sh")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        of = parts.one_of(
            "history.set",
            tuple(found["sets"]),
            say("history.longer.set"),
            lambda one: say("history.longer.generated") if one == "generated" else one,
        )
        directions = found["sets"][of]
        direction = parts.one_of(
            "history.direction",
            tuple(directions),
            say("history.longer.direction"),
            lambda one: " → ".join(say(f"lang.{lang}") for lang in one.split("-")),
        )
        measure = parts.one_of(
            "history.measure",
            MEASURES,
            say("history.longer.measure.label"),
            lambda one: say(f"history.longer.measure.{one}"),
        )
    _chart(say, directions[direction], measure)
    _numbers(say, directions[direction], measure)
    st.caption(say(f"history.longer.measure.{measure}_says"))
    st.caption(say("history.longer.how", command=code(found.get("command", lengths.NAME))))
    if steps := _steps(found["models"]):
        st.caption(say("history.longer.budget", steps=f"{steps:,}"))


def _steps(names: Iterable[str]) -> int:
    """How long all of them were trained; 0 where one cannot be read, or learned longer."""
    try:
        trained = {
            cache.any_bundle(name).metrics.get("training", {}).get("steps") for name in names
        }
    except ModelError:
        return 0
    return int(trained.pop() or 0) if len(trained) == 1 else 0


def _named(found: Mapping[str, Any], measure: str) -> list[str]:
    """The models that were measured, in order of history."""
    return [name for name in cache.HISTORY if name in found[measure]]


def _ends(bucket: Mapping[str, Any]) -> str:
    """The shortest and the longest text: "13–24"."""
    return "–".join(str(end) for end in bucket["pieces"])


def _chart(say: Say, found: Mapping[str, Any], measure: str) -> None:
    points = [
        Point(
            model=say(f"history.rivals.name.{name}"),
            pieces=bucket["mean_pieces"],
            bucket=_ends(bucket),
            texts=bucket["n"],
            value=scored["value"],
            low=scored["interval"][0],
            high=scored["interval"][1],
            written=_scored(say, scored, measure),
        )
        for name in _named(found, measure)
        for bucket, scored in zip(found["buckets"], found[measure][name], strict=True)
    ]
    chart = by_length(
        points,
        pieces=say("history.longer.pieces"),
        value=say(f"history.longer.measure.{measure}"),
        model=say("history.together.model"),
        texts=say("history.longer.texts"),
        top=TOPS[measure],
    )
    told = "; ".join(f"{point.model}, {point.bucket}: {point.written}" for point in points)
    alt = f"{say(f'history.longer.measure.{measure}')} · {say('history.longer.pieces')}. {told}"
    st.altair_chart(chart, key="history:longer:chart", alt=alt)


def _numbers(say: Say, found: Mapping[str, Any], measure: str) -> None:
    """Every point of the chart with its interval: a row a length, a column a model."""
    with st.expander(say("history.longer.numbers"), icon="🔢"):
        buckets = found["buckets"]
        table(
            {
                say("history.longer.pieces"): [_ends(bucket) for bucket in buckets],
                say("history.longer.texts"): [f"{bucket['n']:,}" for bucket in buckets],
            }
            | {
                say(f"history.rivals.name.{name}"): [
                    _scored(say, scored, measure) for scored in found[measure][name]
                ]
                for name in _named(found, measure)
            }
        )


def _scored(say: Say, scored: Mapping[str, Any], measure: str) -> str:
    """A value and its interval: "39.4 (37.1 – 41.8)"."""
    numbers = (scored["value"], *scored["interval"])
    shown = [say.percent(n) if measure == "accuracy" else f"{n:.1f}" for n in numbers]
    return "{} ({} – {})".format(*shown)


# ── this sentence, growing ───────────────────────────────────────────────────────────────────────


def _grown(say: Say, text: str, source_lang: str, bundles: Mapping[str, AnyBundle]) -> None:
    """What the one vector makes of a longer and longer text, beside another model."""
    others = tuple(name for name in bundles if name != "gru")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        how = parts.one_of(
            "history.grow",
            GROWS,
            say("history.longer.grow.label"),
            lambda one: say(f"history.longer.grow.{one}"),
        )
        beside = parts.one_of(
            "history.beside",
            others,
            say("history.longer.beside"),
            lambda name: rivals.title(say, name, bundles[name]),
        )
    texts = longer.repeated(text, TIMES) if how == "repeat" else longer.prefixes(text, STEPS)
    shown = [name for name in ("gru", beside) if name in bundles]
    with st.spinner(say("history.longer.translating")):
        columns = {
            rivals.title(say, name, bundles[name]): [
                _translated(say, bundles[name], one, source_lang) for one in texts
            ]
            for name in shown
        }
    first = bundles[shown[0]]
    table(
        {
            say("history.longer.pieces"): [str(longer.length(first, one)) for one in texts],
            say("history.longer.text"): texts
            if how == "words"
            else [say("history.longer.times", times=n + 1) for n in range(len(texts))],
        }
        | columns
    )
    st.caption(say("history.longer.live_says"))


def _translated(say: Say, bundle: AnyBundle, text: str, source_lang: str) -> str:
    """What the model writes, or why it cannot read this length."""
    to = rivals.target_language(source_lang)
    try:
        return cache.trace(bundle.name, bundle.version, text, None, to).output or "∅"
    except ModelError as error:
        return Markdown(f"✏️ {say.error(error)}")
