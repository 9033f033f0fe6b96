"""What attention hides: the same cells by five measures, and whether these agree."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from model.analysis.importance import (
    MEASURES,
    ROUNDING,
    SIGNED,
    About,
    Importance,
    Measure,
    probability,
)
from model.analysis.words import attention_map, pronoun_span
from viz import cache, choice, parts, picture, sentence, state, takehome
from viz.charts.side_by_side import Column, least_width, side_by_side, stacked
from viz.export import numbers
from viz.i18n import Say
from viz.numbers import correlation, number
from viz.sentence import Looked
from viz.tables import table

ABOUT: tuple[About, ...] = ("naming", "translation")
DISAGREE = ("sink", "residual", "others", "debate")
PHONE = 640  # pixels up to which the measures stand below each other


def render() -> None:
    """The page: a sentence, one row of one head, and that row by five measures."""
    parts.one_sentence("hidden", _page)


@st.fragment
def _page(say: Say, looked: Looked) -> None:
    pin, kind, trace = choice.head_and_row(say, looked), state.look().kind, looked.trace
    assert pin.head is not None
    assert pin.query is not None
    about = _about(say, looked)
    shown = attention_map(trace, kind, merged=False)
    bundle = looked.bundle
    with st.spinner(say("hidden.measuring"), show_time=True):
        found = cache.importance(
            bundle.name,
            bundle.version,
            trace.source_text,
            looked.look.target,
            looked.to,
            kind,
            pin.layer,
            pin.head,
            pin.query,
            about,
        )
    keys = [shown.keys[key] for key in found.keys]
    _asked(say, looked, found, shown.queries)
    st.markdown(f"#### {_verdict(say, found, shown.keys)}")
    _bars(say, found, keys)
    n_keys = int(shown.mask[pin.query].sum())
    if len(keys) < n_keys:
        st.caption(say("hidden.window", shown=len(keys), count=n_keys))
    st.caption(say("hidden.rounding", rounding=number(ROUNDING)))
    measures, agreement = st.columns([6, 5], gap="large")
    with measures:
        _explained(say, found)
        _table(say, found, keys)
    with agreement:
        _agreement(say, found)
    st.markdown(f"##### {say('hidden.why')}")
    st.markdown("\n".join(f"- {say(f'hidden.disagree.{why}')}" for why in DISAGREE))
    parts.badge(say, found.difference, found.size)
    st.caption(say("hidden.checked"))
    sentence.write_link(looked)
    takehome.offer(
        say,
        looked,
        kind,
        pin.layer,
        pin.head,
        numbers=partial(numbers.importance, found, keys),
    )


# ── what is asked ────────────────────────────────────────────────────────────────────────────────


def _about(say: Say, looked: Looked) -> About:
    """Of an encoder with a pronoun: whom it means, or the translation; which stands in the link."""
    if state.look().kind != "encoder" or pronoun_span(looked.trace) is None:
        return "naming"  # the encoder without a pronoun is asked about the translation
    return parts.one_of(
        "hidden.about",
        ABOUT,
        say("hidden.about.label"),
        lambda about: say(f"hidden.about.{about}"),
        param="about",
        help=say("hidden.about.help"),
    )


def _asked(say: Say, looked: Looked, found: Importance, queries: list[str]) -> None:
    """The question, and how sure the model is of its answer."""
    asked, trace = found.scalar, looked.trace
    sure = number(found.sure)
    if asked.what == "translation":
        st.markdown(say("hidden.asked.translation", sure=sure))
        return
    span = pronoun_span(trace)
    token = queries[asked.position or 0] if asked.what == "next" else ""
    pronoun = trace.source_text[slice(*span)] if span is not None else ""
    st.markdown(
        say.markdown(
            f"hidden.asked.{asked.what}",
            token=token,
            pronoun=pronoun,
            answer=asked.answer,
            p=say.percent(probability(found.sure)),
            sure=sure,
        )
    )


def _verdict(say: Say, found: Importance, keys: list[str]) -> str:
    """In plain words: does the largest weight matter the most?"""
    heaviest, costliest = found.strongest("weight"), found.strongest("cut")
    weight = say.percent(float(found.values["weight"].max()))
    effects = dict(zip(found.keys, found.values["cut"].tolist(), strict=True))
    if max(map(abs, effects.values())) < ROUNDING:
        return say.markdown("hidden.verdict.nothing", key=keys[heaviest], weight=weight)
    values = {
        "key": keys[heaviest],
        "weight": weight,
        "other": keys[costliest],
        "effect": _effect(say, found, effects[heaviest]),
        "largest": _effect(say, found, effects[costliest]),
    }
    agree = "same" if heaviest == costliest else "other"
    return say.markdown(f"hidden.verdict.{agree}", **values)


def _effect(say: Say, found: Importance, effect: float) -> str:
    """What is left of the answer; of a whole translation, by how many nats it moves."""
    if found.scalar.what == "translation":
        return say("hidden.nats", before=number(found.sure), after=number(found.sure - effect))
    before, after = (say.percent(probability(sure)) for sure in (found.sure, found.sure - effect))
    odds = number(found.sure), number(found.sure - effect)
    moved = "hidden.odds" if before != after else "hidden.odds_still"
    return say(moved, p=before, p_after=after, before=odds[0], after=odds[1])


# ── the row ──────────────────────────────────────────────────────────────────────────────────────


def _bars(say: Say, found: Importance, keys: list[str]) -> None:
    columns = [
        Column(
            say(f"hidden.measure.{measure}"),
            found.values[measure],
            [_written(measure, float(value)) for value in found.values[measure]],
            signed=measure in SIGNED,
        )
        for measure in MEASURES
    ]
    st.html(
        "<style>"
        f"@media (max-width: {PHONE}px) {{ .st-key-hidden_bars {{ display: none }} }}"
        f"@media (min-width: {PHONE + 1}px) {{ .st-key-hidden_stacked {{ display: none }} }}"
        "</style>"
    )
    # The server does not know how wide the page is: the browser shows one of the two.
    for name, drawn, width in (
        ("bars", side_by_side, least_width(len(columns))),
        ("stacked", stacked, 0),
    ):
        with picture.scrolling(f"hidden_{name}", width):
            picture.show(
                drawn(keys, columns),
                key=f"hidden:{name}",
                alt=say("hidden.bars", keys=", ".join(keys)),
            )


def _written(measure: Measure, value: float) -> str:
    """A change of S that is rounding is no number."""
    return "≈ 0" if measure in SIGNED and abs(value) < ROUNDING else number(value)


def _explained(say: Say, found: Importance) -> None:
    lines = [
        f"- **{say(f'hidden.measure.{measure}')}** — {say(f'hidden.means.{measure}')}"
        for measure in MEASURES
    ]
    st.markdown("\n".join(lines))
    added, carried = number(found.added), number(found.carried)
    st.markdown(say("hidden.carried", added=added, carried=carried))


def _table(say: Say, found: Importance, keys: list[str]) -> None:
    with st.expander(say("hidden.table"), icon="🔢"):
        columns = {say("map.key"): keys}
        for measure in MEASURES:
            values = found.values[measure]
            columns[say(f"hidden.measure.{measure}")] = [
                _written(measure, float(value)) for value in values
            ]
        table(columns)


# ── do they agree? ───────────────────────────────────────────────────────────────────────────────


def _agreement(say: Say, found: Importance) -> None:
    """Rank correlations; a pair without an order is left empty."""
    st.markdown(f"**{say('hidden.agreement')}**")
    if not np.isfinite(found.agreement).any():
        st.caption(say("hidden.no_order"))
        return
    names = [say(f"hidden.measure.{measure}") for measure in MEASURES]
    columns = {"": names}
    for name, column in zip(names, found.agreement.T, strict=True):
        columns[name] = [correlation(float(value)) for value in column]
    table(columns)
    rows = len(found.rows)
    st.caption(say("hidden.rows_one" if rows == 1 else "hidden.rows", rows=rows))


if __name__ == "__main__":
    render()
