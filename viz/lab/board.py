"""Part 3: every head asked about many sentences, with intervals and beside simple rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal, get_args

import numpy as np
import streamlit as st

from model import ModelError
from model.analysis import leaderboard, own_sets
from model.analysis.leaderboard import Chosen, HeadScore, Leaderboard, Measured, Order
from model.config import Lang
from viz import cache, picture, state, theme
from viz.charts import measured
from viz.charts.cells import weight_map
from viz.charts.measured import intervals
from viz.export import numbers
from viz.i18n import Say
from viz.lab import runs
from viz.lab.flip import head_axes, of_heads
from viz.lab.pair import Pair
from viz.lab.runs import OWN, Asked, bounds, head_name, share
from viz.tables import Markdown, table
from viz.takehome import Numbers

Measure = Literal["prefers", "argmax", "flip", "mass"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
SHOWN = 10
"""Heads in the picture, best first; all of them stand in the map and in the table."""

# What is reached without a model, held against each measure.
RULES: Mapping[Measure, tuple[str, ...]] = {
    "prefers": ("nearest_noun", "first_noun", "chance_noun"),
    "argmax": ("nearest_noun", "first_noun", "chance_word"),
    "flip": ("nearest_noun_flip", "first_noun_flip", "chance_flip"),
    "mass": ("chance_word",),
}


def part(say: Say, pair: Pair) -> Numbers | None:
    """Choose a set, ask, read the ranking."""
    _upload(say, pair)
    asked = runs.asked(say, pair.looked, "board", 250)
    if asked is None:
        return None
    board = ask(say, pair, asked)
    if board is None:
        st.caption(say("lab.board.wait"))
        return None
    board = _filtered(say, board)
    if not board.asked:
        st.info(say("lab.board.nothing"), icon="🔎")
        return None
    _summary(say, board)
    measure = st.segmented_control(
        say("lab.board.measure"),
        MEASURES,
        default=MEASURES[0],
        format_func=lambda one: say(f"lab.measure.{one}"),
        key="lab.measure",
        required=True,
        persist_state="session",
    )
    _ranking(say, board, measure or MEASURES[0])
    _luck(say, board)
    _table(say, board)
    return partial(numbers.leaderboard, board)


def ask(say: Say, pair: Pair, asked: Asked) -> Leaderboard | None:
    """The whole set's answers: kept, or asked for with progress."""
    model = pair.looked.bundle.model
    return runs.measured(
        say,
        pair.looked,
        "board",
        asked.key,
        lambda collected, done: leaderboard.leaderboard(model, asked.questions(collected), done),
    )


def _upload(say: Say, pair: Pair) -> None:
    """A set of one's own: a table to fill in, the way up, and the rows that could not be read."""
    with st.expander(say("lab.own.title"), icon="📄"):
        st.markdown(say("lab.own.says"))
        st.download_button(
            say("lab.own.template"),
            own_sets.template_csv(),
            file_name="jumok-pronouns.csv",
            mime="text/csv",
            on_click="ignore",
            icon="⬇️",
        )
        file = st.file_uploader(say("lab.own.file"), type=["csv", "tsv", "txt"], key="lab.file")
        if file is not None:
            st.session_state[OWN] = (file.name, file.getvalue())
        if OWN not in st.session_state:
            return
        name, data = st.session_state[OWN]
        bundle = pair.looked.bundle
        try:
            questions, bad = cache.own_set(bundle.name, bundle.version, data)
        except ModelError as error:
            del st.session_state[OWN]
            st.error(say.error(error), icon="📄")
            return
        st.success(say.markdown("lab.own.read", name=name, count=len(questions)), icon="📄")
        if bad:
            st.warning(say("lab.own.bad", count=len(bad)))
            table(
                {
                    say("lab.own.row"): [str(one.row) for one in bad[:50]],
                    say("lab.own.reason"): [Markdown(say.error(one.error)) for one in bad[:50]],
                }
            )


def _filtered(say: Say, board: Leaderboard) -> Leaderboard:
    """Only some kinds of sentence; nothing is computed anew."""
    families = sorted({one.sentence.family for one in board.asked if one.sentence.family})
    distances = [one.distance for one in board.asked]
    with st.expander(say("lab.filter.title"), icon="🔎"):
        langs = _one_language(say, board)
        chosen = _families(say, families)
        low, high = min(distances), max(distances)
        between = (low, high)
        if low < high:
            between = st.slider(
                say("lab.filter.distance"), low, high, between, key=f"lab.distance.{low}.{high}"
            )
        orders: tuple[Order, ...] = get_args(Order)
        order = st.segmented_control(
            say("lab.filter.order"),
            orders,
            format_func=lambda one: say(f"lab.filter.{one}"),
            key="lab.order",
            help=say("lab.filter.order_help"),
        )
    whole = (low, high) == between
    if langs is None and not chosen and whole and order is None:
        return board
    found = board.where(langs, chosen or None, None if whole else between, order)
    st.caption(say("lab.filter.left", count=len(found.asked), all=len(board.asked)))
    return found


def _one_language(say: Say, board: Leaderboard) -> list[Lang] | None:
    """Of a set in several languages, one: None where all are meant."""
    langs: list[Lang] = sorted({one.sentence.lang for one in board.asked})
    if len(langs) < 2:
        return None
    lang = st.segmented_control(
        say("lab.set.lang"), langs, format_func=lambda one: say(f"lang.{one}"), key="lab.lang"
    )
    return None if lang is None else [lang]


def _families(say: Say, families: list[str]) -> list[str]:
    """Kinds of template, as the training page calls them; an own set has none."""
    if not families:
        return []
    return st.multiselect(
        say("lab.filter.family"),
        families,
        format_func=lambda one: say(f"training.family.{one}"),
        key=f"lab.family.{len(families)}",
        placeholder=say("lab.filter.any"),
    )


def _summary(say: Say, board: Leaderboard) -> None:
    """What naming reaches, and the head chosen on one half as it does on the other."""
    st.markdown(
        say("lab.board.naming", share=share(say, board.naming), count=f"{board.naming.n:,}")
        + (
            " " + say("lab.board.naming_flip", share=share(say, board.naming_flip))
            if board.naming_flip.n
            else ""
        )
    )
    chosen = board.chosen
    if chosen is None:
        st.markdown(say("lab.board.too_few"))
        return
    st.markdown(f"#### {say(f'lab.board.{judged(board, chosen)}', **_head_values(say, chosen))}")
    st.markdown(
        say(
            "lab.board.halves",
            there=share(say, chosen.there.prefers),
            here=share(say, chosen.here.prefers),
            head=head_name(say, chosen.layer, chosen.head),
        )
    )
    if st.button(say("lab.board.look"), key="lab.board.look", icon="👀"):
        state.rows_anew(kind="encoder", layer=chosen.layer, head=chosen.head)
        st.switch_page("viz/views/look.py")


def _head_values(say: Say, chosen: Chosen) -> dict[str, str]:
    return {
        "head": head_name(say, chosen.layer, chosen.head),
        "prefers": share(say, chosen.here.prefers),
        "flip": share(say, chosen.here.flip),
    }


def judged(board: Leaderboard, chosen: Chosen) -> Literal["resolves", "no_rule", "chance"]:
    """Whether the chosen head is better than every rule, only than guessing, or not even that.

    Better: the whole 95 % interval lies above.
    """
    low, rules = bounds(chosen.here.prefers)[1], board.baselines
    if low <= (rules["chance_noun"].value or 0):
        return "chance"
    best = max(rules[name].value or 0 for name in ("nearest_noun", "first_noun"))
    return "resolves" if low > best else "no_rule"


def _ranking(say: Say, board: Leaderboard, measure: Measure) -> None:
    st.caption(say(f"lab.measure.{measure}_says"))
    chart, map_ = st.columns([7, 5], gap="large")
    heads = [head for head in board.heads if getattr(head, measure).value is not None]
    if not heads:
        st.info(say("lab.board.no_twins"))
        return
    best = sorted(heads, key=lambda head: -getattr(head, measure).value)[:SHOWN]
    rows = [_row(say, board, head, getattr(head, measure)) for head in best]
    rows.append(_row(say, board, board.random_head, getattr(board.random_head, measure)))
    rules = [
        (say(f"lab.rule.{name}"), value)
        for name in RULES[measure]
        if (value := board.baselines[name].value) is not None
    ]
    with chart:
        st.markdown(f"**{say('lab.board.best', count=len(best))}**")
        told = "; ".join(f"{row.name}: {row.written}" for row in rows)
        picture.show(intervals(rows, rules), key="lab:ranking", alt=told)
    with map_:
        st.markdown(f"**{say('lab.board.map')}**")
        values = board.table(measure)
        figure = weight_map(
            values,
            *head_axes(say, values.shape),
            value=say(f"lab.measure.{measure}"),
            mask=np.isfinite(values),
            text_colour=theme.page_text(st.context.theme.type),
        )
        figure = of_heads(figure, len(values))
        picture.show(figure, key="lab:board", alt=say("lab.board.map"))
        st.caption(say("lab.board.on_all"))


def _row(say: Say, board: Leaderboard, head: HeadScore, value: Measured) -> measured.Measured:
    chosen = board.chosen
    name = say("lab.rule.random_head")
    if head.layer is not None and head.head is not None:
        name = head_name(say, head.layer, head.head)
    mine = chosen is not None and (head.layer, head.head) == (chosen.layer, chosen.head)
    return measured.Measured(name, *bounds(value), share(say, value), chosen=mine)


def _luck(say: Say, board: Leaderboard) -> None:
    """Why a head is chosen on one half and reported on the other."""
    n_heads, chance = len(board.heads), board.baselines["chance_noun"].value or 0
    few, many = 20, len(board.asked)
    luck = {n: leaderboard.lucky_best(n_heads, n, chance) for n in (few, many)}
    st.info(
        say(
            "lab.board.luck",
            heads=n_heads,
            few=few,
            many=f"{many:,}",
            one=say.percent(chance),
            lucky=say.percent(luck[few]),
            sure=say.percent(luck[many]),
        ),
        icon="🎲",
    )


def _table(say: Say, board: Leaderboard) -> None:
    with st.expander(say("lab.board.table")):
        scores = [*board.heads, board.random_head]
        heads = {
            say("lab.board.head"): [
                head_name(say, one.layer, one.head)
                if one.layer is not None and one.head is not None
                else say("lab.rule.random_head")
                for one in scores
            ]
        }
        for measure in MEASURES:
            heads[say(f"lab.measure.{measure}")] = [
                share(say, getattr(one, measure)) for one in scores
            ]
        st.dataframe(heads, hide_index=True)
        rules = board.baselines
        table(
            {
                say("lab.board.rule"): [say(f"lab.rule.{name}") for name in rules],
                say("lab.board.reaches"): [share(say, one) for one in rules.values()],
            }
        )
