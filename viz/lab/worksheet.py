"""Part 7: six questions for a class, and what their teacher may expect."""

from __future__ import annotations

import streamlit as st

from model import ModelError
from model.analysis.leaderboard import lucky_best
from model.analysis.twins import Flip, Marked
from viz import cache, choice, sentence
from viz.components.print_button import print_button
from viz.i18n import Say
from viz.lab import cuts, runs
from viz.lab.flip import replaced
from viz.lab.pair import Pair, carried

QUESTIONS = ("twins", "word", "layer", "luck", "cause", "limits")
FEW, MANY = 20, 500
_SHEET = "lab_sheet"
_LINES = """<style>
  .lab-lines { display: none }
  @media print { .lab-lines { display: block } .lab-lines hr {
    border: 0; border-bottom: 1px dotted #777; margin: 0; height: 2.1em } }
</style><div class="lab-lines"><hr><hr><hr></div>"""


def part(say: Say, pair: Pair) -> None:
    """The sheet, a button to print it, and the answers behind a closed door."""
    heads = _n_heads(pair)
    print_button(say("lab.sheet.print"), sheet=_SHEET)
    with st.container(key=_SHEET):
        st.markdown(f"### {say('lab.sheet.title')}")
        st.markdown(say("lab.sheet.who"))
        for n, question in enumerate(QUESTIONS, 1):
            asked = say(f"lab.sheet.{question}.ask", heads=heads, few=FEW, many=MANY)
            st.markdown(f"**{n}.** {asked}")
            st.html(_LINES)
    with st.expander(say("lab.sheet.answers"), icon="🍎"):
        st.caption(say("lab.sheet.computed", model=pair.looked.bundle.name))
        for n, question in enumerate(QUESTIONS, 1):
            st.markdown(f"**{n}.** {_ANSWERS[question](say, pair)}")


def _n_heads(pair: Pair) -> int:
    config = pair.looked.bundle.config
    return config.n_encoder_layers * config.n_heads


# ── answers, computed with the checkpoint on screen ──────────────────────────────────────────────


def _example(say: Say, pair: Pair) -> tuple[Marked, Flip] | None:
    """The first example pair of the page's language, as this checkpoint reads it."""
    one, two = sentence.EXAMPLES[f"animal_{say.lang}"]
    bundle = pair.looked.bundle
    try:
        a = cache.guess(bundle.name, bundle.version, one.text).marked
        b = carried(a, two.text) if a is not None else None
        if a is None or b is None:
            return None
        return a, cache.flip(bundle.name, bundle.version, a, b)
    except ModelError:  # a checkpoint that cannot read its examples has no answers to them
        return None


def _twins(say: Say, pair: Pair) -> str:
    general = say("lab.sheet.twins.answer")
    found = _example(say, pair)
    if found is None:
        return general
    _, flip = found
    named = {}
    for name, reading in (("one", flip.a), ("two", flip.b)):
        span = reading.marked.candidates[reading.winner]
        named[name] = reading.marked.text[slice(*span)]
        named[f"{name}_share"] = say.percent(float(reading.naming[reading.winner]))
    flips = flip.a.winner != flip.b.winner
    told = say.markdown(f"lab.sheet.twins.{'flips' if flips else 'stays'}", **named)
    return f"{told} {general}"


def _word(say: Say, pair: Pair) -> str:
    general = say("lab.sheet.word.answer")
    found = _example(say, pair)
    if found is None or found[1].deciding is None:
        return general
    before, after = replaced(found[1].deciding)
    return f"{say.markdown('lab.sheet.word.decides', before=before, after=after)} {general}"


def _layer(say: Say, pair: Pair) -> str:
    general = say("lab.sheet.layer.answer")
    found = _example(say, pair)
    if found is None:
        return general
    bundle = pair.looked.bundle
    one, two = (
        cache.lens(bundle.name, bundle.version, marked.text, marked.pronoun).decided_at
        for marked in (found[0], found[1].b.marked)
    )
    return f"{say('lab.sheet.layer.found', one=one, two=two)} {general}"


def _luck(say: Say, pair: Pair) -> str:
    heads = _n_heads(pair)
    return say(
        "lab.sheet.luck.answer",
        heads=heads,
        few=FEW,
        many=MANY,
        lucky=say.percent(lucky_best(heads, FEW, 0.5)),
        sure=say.percent(lucky_best(heads, MANY, 0.5)),
    )


def _cause(say: Say, pair: Pair) -> str:
    """What removing the best measured head does to the example."""
    general = say("lab.sheet.cause.answer")
    looked, found = pair.looked, _example(say, pair)
    best = choice.best_head(looked.bundle, say.lang)  # the example's language
    if found is None or best is None:
        return general
    bundle, (marked, flip) = looked.bundle, found
    line = cuts.written("heads", (best,))
    effect = cache.effect(bundle.name, bundle.version, marked, flip.a.winner, line, None, None)
    was, now = (reading.likeliest for reading in effect.readings)
    told = say.markdown(
        f"lab.sheet.cause.{'holds' if was[1:3] == now[1:3] else 'falls'}",
        head=runs.head_name(say, *best),
        word=was[0],
        other=now[0],
        before=say.percent(was[3]),
        after=say.percent(now[3]),
    )
    return f"{told} {general}"


def _limits(say: Say, pair: Pair) -> str:
    general = say("lab.sheet.limits.answer")
    metrics, lang = pair.looked.bundle.metrics, say.lang
    shares = [
        found.get("naming", {}).get(lang)
        for found in (metrics, metrics.get("unseen_templates", {}))
    ]
    if not all(shares):
        return general
    pairs_, templates = (say.percent(one["value"]) for one in shares if one)
    language = say(f"lang.{lang}")
    told = say("lab.sheet.limits.found", pairs=pairs_, templates=templates, language=language)
    return f"{told} {general}"


_ANSWERS = {
    "twins": _twins,
    "word": _word,
    "layer": _layer,
    "luck": _luck,
    "cause": _cause,
    "limits": _limits,
}
