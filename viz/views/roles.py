"""Head roles: what every head's attention looks like, here and over sentences it never saw."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import streamlit as st

from model.analysis.roles import (
    HABITS,
    LEANS,
    NAMED,
    ROLES,
    Measure,
    Measured,
    Role,
    leaning_of,
    role_of,
)
from model.analysis.words import attention_map, sharpest_head
from viz import cache, choice, picture, sentence, state, takehome, theme
from viz.charts.head_map import HeadCell, head_map, least_width
from viz.export import numbers
from viz.i18n import Say, literal
from viz.measures import IN_BITS_OR_TOKENS, written
from viz.sentence import Looked
from viz.state import KINDS, Kind
from viz.tables import table

# Comments, not docstrings: on a page Streamlit would write a bare string onto the screen.
SENTENCES = 100  # held-out sentences that are read for a language pair: about two seconds
ROLE = "role"  # shown instead of one measure: the role of every head
SIDE_BY_SIDE = 8  # heads up to which two maps stand beside each other

_DOORS = {"look": "👀", "hidden": "🫥", "attention": "🧮"}


def render() -> None:
    """The page: a sentence, two maps of all heads, and the chosen head in numbers."""
    say = state.say()
    looked = sentence.opening(say, "roles")
    if looked is not None:
        choice.link_notice(say, looked)
        _page(say, looked)


@st.fragment
def _page(say: Say, looked: Looked) -> None:
    if state.look().unit == "words":  # roles are measured on tokens
        state.rows_anew(unit="tokens")
    kind = state.look().kind
    with st.container(key="switches", horizontal=True, vertical_alignment="bottom", gap="medium"):
        choice.switch(say, "kind", KINDS, kind)
        kind = state.look().kind
        here = _here(looked, kind)
        measure = _measure(say, here)
    st.markdown(f"{say(f'roles.means.{measure}')} {say('roles.not_what_for')}")
    chosen = _chosen(looked)
    sides = here.scores["confidence"].shape[1] <= SIDE_BY_SIDE
    places = st.columns(2, gap="large") if sides else (st.container(), st.container())
    with places[0]:
        st.markdown(f"**{say('roles.here')}**")
        _map(say, "here", here, measure, chosen)
    with places[1]:
        count = SENTENCES
        st.markdown(f"**{say(f'roles.over.{looked.trace.source_lang}', count=count)}**")
        with st.spinner(say("roles.measuring", count=count), show_time=True):
            over = _over(looked)[kind]
        _map(say, "over", over, measure, chosen)
    if measure == ROLE:
        st.caption(say("roles.rule", named=say.percent(NAMED), leans=say.percent(LEANS)))
    st.divider()
    measured, meanings = st.columns(2, gap="large")
    with measured:
        _numbers(say, chosen, here, over)
    with meanings:
        _meanings(say, here)
    sentence.write_link(looked)
    takehome.offer(say, looked, kind, *chosen, numbers=partial(numbers.roles, here, over))


# ── what is measured ─────────────────────────────────────────────────────────────────────────────


def _here(looked: Looked, kind: Kind) -> Measured:
    bundle, trace = looked.bundle, looked.trace
    return cache.head_measures(
        bundle.name, bundle.version, trace.source_text, looked.look.target, looked.to, kind
    )


def _over(looked: Looked) -> dict[Kind, Measured]:
    """The languages of the sentence on screen: another one may have other heads for a role."""
    bundle, source = looked.bundle, looked.trace.source_lang
    return cache.held_out_roles(bundle.name, bundle.version, source, looked.to, SENTENCES)


def _measure(say: Say, here: Measured) -> str:
    """What the maps show; a link that the page did not write itself wins."""
    key = "roles.measure"
    options = (ROLE, *(name for name in (*ROLES, *HABITS) if name in here.scores))
    state.follow_link(key, "measure", options)
    chosen: str = st.selectbox(
        say("roles.measure"),
        options,
        format_func=lambda name: _name(say, name),
        key=key,
        width=240,
        persist_state="session",
    )
    state.into_link("measure", chosen, options[0])
    return chosen


def _name(say: Say, measure: str) -> str:
    return say("roles.role" if measure == ROLE else f"heads.of.{measure}")


def _chosen(looked: Looked) -> tuple[int, int]:
    """The head that every page shares; of a whole layer its most decided one."""
    shown = attention_map(looked.trace, state.look().kind, merged=False)
    pin = choice.pin(looked, shown)
    head = sharpest_head(shown.attention[[pin.layer]])[1] if pin.head is None else pin.head
    return pin.layer, head


# ── the maps ─────────────────────────────────────────────────────────────────────────────────────


def _map(say: Say, name: str, measured: Measured, measure: str, chosen: tuple[int, int]) -> None:
    """All heads; a click chooses one."""
    n_layers, n_heads = measured.scores["confidence"].shape
    cells = [
        _role_cell(say, measured, layer, head)
        if measure == ROLE
        else _score_cell(say, measured, _one(measure), layer, head)
        for layer in range(n_layers)
        for head in range(n_heads)
    ]
    key = f"roles:{name}"
    figure = head_map(
        cells,
        layer=say("layer.label"),
        head=say("head.label"),
        limit=_limit(measured, measure),
        text_colour=theme.page_text(st.context.theme.type),
        chosen=chosen,
    )
    with picture.scrolling(f"roles_{name}", least_width(n_heads)):
        picture.show(
            figure,
            key=key,
            alt=" ".join(f"{cell.said}." for cell in cells),
            picked=lambda: _clicked(key),
        )
    st.caption(_beside(say, measured, measure))


def _limit(measured: Measured, measure: str) -> float:
    """The full colour: 1, or the largest of all heads and the uniform one."""
    if measure not in IN_BITS_OR_TOKENS:
        return 1.0
    name = _one(measure)
    return float(np.nanmax([measured.uniform[name], *measured.scores[name].flat, 1e-9]))


def _clicked(key: str) -> None:
    points = st.session_state[key].selection.points
    if points:  # a second click on the same head lets go of it: stay there
        state.change(layer=int(points[0]["y"]), head=int(points[0]["x"]))


def _role_cell(say: Say, measured: Measured, layer: int, head: int) -> HeadCell:
    """The role of a head; in brackets one that it only leans to."""
    role = role_of(measured, layer, head)
    leaning = leaning_of(measured, layer, head)
    found = role or leaning
    where = say("line.where", layer=layer + 1, head=head + 1)
    if found is None:
        return HeadCell(layer, head, 0.0, "—", f"{where}: {say('roles.none')}")
    share = float(measured.scores[found][layer, head])
    above = max(0.0, float(measured.above(found)[layer, head]))
    text = say(f"roles.short.{found}")
    said = say(
        "roles.said" if role else "roles.said_leaning",
        where=where,
        role=_name(say, found),
        share=say.percent(share),
        uniform=say.percent(measured.uniform[found]),
    )
    return HeadCell(layer, head, above, text if role else f"({text})", said)


def _score_cell(say: Say, measured: Measured, name: Measure, layer: int, head: int) -> HeadCell:
    value = float(measured.scores[name][layer, head])
    text = written(say, name, value)
    where = say("line.where", layer=layer + 1, head=head + 1)
    return HeadCell(layer, head, value, text, f"{where}: {_name(say, name)} {text}")


def _beside(say: Say, measured: Measured, measure: str) -> str:
    """What a head that looks everywhere alike would get, and on how many rows."""
    if measure == ROLE:
        return say("roles.counted", **_counts(measured))
    name = _one(measure)
    if measured.rows[name] == 0:
        return say("roles.no_rows")
    uniform = written(say, name, measured.uniform[name])
    return say("roles.uniform", uniform=uniform, rows=f"{measured.rows[name]:,}")


def _counts(measured: Measured) -> dict[str, int]:
    roles = measured.roles()
    heads = [(layer, head) for layer, of in enumerate(roles) for head in range(len(of))]
    named = sum(roles[layer][head] is not None for layer, head in heads)
    leaning = sum(leaning_of(measured, *at) is not None for at in heads)
    return {"named": named, "leaning": leaning, "heads": len(heads)}


def _one(measure: str) -> Measure:
    return next(name for name in (*ROLES, *HABITS) if name == measure)


# ── the chosen head ──────────────────────────────────────────────────────────────────────────────


def _numbers(say: Say, chosen: tuple[int, int], here: Measured, over: Measured) -> None:
    """Every measure of one head, in this sentence and over many, beside a uniform head's."""
    layer, head = chosen
    n_layers, n_heads = here.scores["confidence"].shape
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _pick(say, "layer", n_layers, layer)
        _pick(say, "head", n_heads, head)
        for page, icon in _DOORS.items():
            if st.button(say(f"roles.open.{page}"), key=f"roles.open.{page}", icon=icon):
                state.change(layer=layer, head=head)
                state.write_link()
                st.switch_page(f"viz/views/{page}.py")
    names = [name for name in (*ROLES, *HABITS) if name in here.scores or name in over.scores]
    table(
        {
            say("roles.column.measure"): [_name(say, name) for name in names],
            say("roles.column.here"): [_of(say, here, name, chosen) for name in names],
            say("roles.column.over"): [_of(say, over, name, chosen) for name in names],
            say("roles.column.uniform"): [
                written(say, name, over.uniform.get(name, math.nan)) for name in names
            ],
        }
    )


def _of(say: Say, measured: Measured, name: Measure, at: tuple[int, int]) -> str:
    scores = measured.scores.get(name)
    return "—" if scores is None else written(say, name, float(scores[at]))


def _pick(say: Say, name: str, count: int, now: int) -> None:
    key = f"roles.{name}"
    state.follow(key, now)
    st.selectbox(
        say(f"{name}.label"),
        range(count),
        format_func=lambda n: str(n + 1),
        key=key,
        on_change=_picked,
        args=(name,),
        width=90,
    )


def _picked(name: str) -> None:
    state.change(**{name: st.session_state[f"roles.{name}"]})


def _meanings(say: Say, here: Measured) -> None:
    """What each role means, in one sentence each."""
    roles: list[Role] = [role for role in ROLES if role in here.scores]
    lines = [f"- **{literal(_name(say, role))}** — {say(f'roles.means.{role}')}" for role in roles]
    st.markdown(f"**{say('roles.meanings')}**")
    st.markdown("\n".join(lines))


if __name__ == "__main__":
    render()
