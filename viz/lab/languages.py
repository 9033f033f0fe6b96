"""Part 5: the same twins in English and Korean, and what becomes of them in French."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import streamlit as st

from model.analysis import leaderboard
from model.analysis.leaderboard import Question
from model.analysis.twins import Marked
from model.config import Lang
from viz import cache, picture, sentence
from viz.charts.measured import heads_apart
from viz.i18n import Say, literal
from viz.lab import pair as pairs
from viz.lab import runs
from viz.lab.flip import head_map, naming_bars
from viz.lab.pair import DRAWN, HELD_OUT, Pair
from viz.numbers import correlation
from viz.sentence import Looked
from viz.state import FAMOUS

SHOWN = 12
"""Aligned pairs to choose from."""
_FRENCH = re.compile(r"(?<!\w)(ils|elles|il|elle)(?!\w)", re.IGNORECASE)


@dataclass(frozen=True)
class Twins:
    """A pair in one language, and which candidate each sentence's pronoun stands for."""

    first: Marked
    second: Marked
    right: tuple[int, int]


def part(say: Say, pair: Pair) -> None:
    """One pair in all languages, then all heads in two."""
    looked = pair.looked
    langs = runs.languages(looked)
    chosen = _aligned(say, looked, langs)
    for lang, column in zip(langs, st.columns(len(langs), gap="large"), strict=True):
        with column:
            st.markdown(f"##### {say(f'lang.{lang}')}")
            _one_language(say, looked, lang, chosen[lang])
    _french(say, looked, langs[0], chosen[langs[0]])
    _same_heads(say, looked, langs)


def _aligned(say: Say, looked: Looked, langs: tuple[Lang, ...]) -> dict[Lang, Twins | None]:
    """The same pair of twins in every language: the famous one, or one that training never met."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        split = st.segmented_control(
            say("lab.set.which"),
            HELD_OUT,
            default=HELD_OUT[0],
            format_func=lambda one: say(f"lab.split.{one}"),
            key="lab.langs.set",
            required=True,
            persist_state="session",
        )
        bundle = looked.bundle
        found = {
            lang: cache.questions(bundle.name, bundle.version, split or HELD_OUT[0], (lang,), DRAWN)
            for lang in langs
        }
        n = st.selectbox(
            say("lab.langs.which"),
            range(SHOWN + 1),
            format_func=lambda one: found[langs[0]][2 * one - 2].sentence.text if one else FAMOUS,
            key=f"lab.langs.pair.{split}",
        )
    if n == 0:
        return {lang: _famous(looked, lang) for lang in langs}
    return {lang: _labelled(*asked[2 * n - 2 : 2 * n]) for lang, asked in found.items()}


def _famous(looked: Looked, lang: Lang) -> Twins | None:
    """*it* is the animal, which stands first, and then the street."""
    one, two = sentence.EXAMPLES[f"animal_{lang}"]
    first = cache.guess(looked.bundle.name, looked.bundle.version, one.text).marked
    second = pairs.carried(first, two.text) if first is not None else None
    return Twins(first, second, (0, 1)) if first is not None and second is not None else None


def _labelled(one: Question, two: Question) -> Twins | None:
    first = pairs.marked_of(one.sentence, two.sentence)
    second = pairs.carried(first, two.sentence.text)
    if second is None:
        return None
    right = (_antecedent(one, first.candidates), _antecedent(two, second.candidates))
    return Twins(first, second, right)


def _one_language(say: Say, looked: Looked, lang: Lang, twins: Twins | None) -> None:
    """Both sentences, naming, and every head's lead in the second less that in the first."""
    if twins is None:
        st.caption(say("lab.pair.gone"))
        return
    bundle, first, second = looked.bundle, twins.first, twins.second
    readings = [cache.reading(bundle.name, bundle.version, one) for one in (first, second)]
    titles = (say("lab.one"), say("lab.two"))
    for title, marked in zip(titles, (first, second), strict=True):
        st.html(pairs.sentence_html(title, marked))
    both = dict(zip(titles, readings, strict=True))
    naming_bars(say, first.names, both, f"lab:langs:{lang}")
    right = sum(
        reading.winner == meant and reading.outsider is None
        for reading, meant in zip(readings, twins.right, strict=True)
    )
    st.markdown(say(f"lab.langs.right_{right}"))
    one, two = (reading.lead for reading in readings)
    st.markdown(f"**{say('lab.langs.change')}**")
    head_map(say, two - one, f"lab:langs:heads:{lang}", 2, say("lab.langs.change"))


def _antecedent(question: Question, candidates: tuple[tuple[int, int], ...]) -> int:
    """Which candidate the sentence's own label means."""
    start = question.sentence.antecedent[0]
    return next((n for n, span in enumerate(candidates) if span[0] <= start < span[1]), -1)


def _french(say: Say, looked: Looked, lang: Lang, twins: Twins | None) -> None:
    """French is written, not read: which pronoun the model writes there."""
    st.markdown(f"##### {say('lab.langs.french')}")
    if twins is None or (lang, "fr") not in looked.bundle.directions:
        st.markdown(say("lab.langs.no_french"))
        return
    st.markdown(say("lab.langs.french_says"))
    bundle, written = looked.bundle, []
    for name, marked in zip(("one", "two"), (twins.first, twins.second), strict=True):
        trace = cache.trace(bundle.name, bundle.version, marked.text, None, "fr")
        written.append(_FRENCH.findall(trace.output))
        shown = _FRENCH.sub(r"**:primary[\1]**", literal(trace.output))
        st.markdown(f":small[{say(f'lab.{name}')}] {shown}")
    if not all(written):
        st.caption(say("lab.langs.french_none"))
    elif written[0] == written[1]:
        st.caption(say("lab.langs.french_same"))
    else:
        st.caption(say("lab.langs.french_turns"))


def _same_heads(say: Say, looked: Looked, langs: tuple[Lang, ...]) -> None:
    """Do the same heads flip in both languages? As measured and kept with the checkpoint."""
    st.markdown(f"##### {say('lab.langs.same')}")
    every = looked.bundle.metrics.get("heads", {}).get("all", {})
    if len(langs) < 2 or not all(lang in every for lang in langs):
        st.markdown(say("lab.langs.unmeasured"))
        return
    first, second = (np.array(every[lang]["flips"]) for lang in langs[:2])
    names = [say("lab.langs.flips", language=say(f"lang.{lang}")) for lang in langs[:2]]
    chart, words = st.columns([7, 5], gap="large")
    with chart:
        figure = heads_apart(
            first,
            second,
            (names[0], names[1]),
            say.sentences["lab.head"],
            limits=((-0.05, 1.05), (-0.05, 1.05)),
        )
        picture.show(figure, key="lab:langs:same", alt=say("lab.langs.same"))
    with words:
        rho = leaderboard.rank_correlation(first, second)
        st.markdown(say("lab.langs.rho", rho=correlation(rho)))
        best = looked.bundle.metrics["heads"].get("best", {})
        for lang in langs[:2]:
            if lang in best:
                head = runs.head_name(say, best[lang]["layer"], best[lang]["head"])
                st.markdown(say("lab.langs.best", language=say(f"lang.{lang}"), head=head))
        measured = looked.bundle.metrics.get("measured_on", {})
        st.caption(say("lab.langs.measured", count=f"{measured.get('twins', 0):,}"))
