"""Bahdanau's context vector on typed numbers: the lecture's weights, or any other."""

from __future__ import annotations

import numpy as np
import streamlit as st

from model import ModelError
from model.analysis import context_vector
from model.analysis.context_vector import EXAMPLES, STARTS, Given, Mixed
from model.analysis.words import strongest_key
from viz import parts
from viz.formula import aligned, inked, matrix, term, tex
from viz.i18n import Say
from viz.numbers import number

_FIRST = "lecture"
_SYMBOLS = {"weights": r"$\alpha$", "scores": "$e$"}


def render(say: Say) -> None:
    """Numbers on the left, what becomes of them on the right."""
    _page(say)


@st.fragment
def _page(say: Say) -> None:
    _examples(say)
    typed, worked = st.columns([4, 9], gap="large")
    with typed:
        given = _given(say)
    with worked:
        try:
            found = context_vector.mix(given)
        except ModelError as error:
            _told(say, given, error)
            return
        _worked(say, given, found)


# ── what is typed ────────────────────────────────────────────────────────────────────────────────


def _examples(say: Say) -> None:
    with st.container(key="examples", horizontal=True, gap="small", vertical_alignment="center"):
        for name, example in EXAMPLES.items():
            st.button(
                say(f"history.calc.example.{name}"),
                key=f"history.calc.example.{name}",
                on_click=_fill,
                args=(example,),
            )


def _fill(given: Given) -> None:
    """Put numbers into the boxes; the box of the other beginning keeps its own."""
    st.session_state["history.calc.start"] = given.start
    st.session_state[f"history.calc.{given.start}"] = given.numbers
    st.session_state["history.calc.vectors"] = given.vectors


def _given(say: Say) -> Given:
    start = parts.one_of(
        "history.calc.start",
        STARTS,
        say("history.calc.start.label"),
        lambda one: say(f"history.calc.start.{one}"),
    )
    first = next(given for given in EXAMPLES.values() if given.start == start)
    return Given(
        start,
        _box(_SYMBOLS[start], start, first.numbers, say),
        _box("$h$", "vectors", first.vectors, say),
    )


def _box(label: str, name: str, first: str, say: Say) -> str:
    return (
        st.text_area(
            label,
            first,
            key=f"history.calc.{name}",
            height="content",
            max_chars=2000,
            help=say(f"history.calc.type.{name}"),
            bind="query-params",
            persist_state="session",
        )
        or ""
    )


def _told(say: Say, given: Given, error: ModelError) -> None:
    """What cannot be calculated; weights of another sum can be mended with one click."""
    st.error(say.error(error), icon="✏️")
    st.caption(say("calculator.kept"))
    if error.code == "weights_sum" and (mended := context_vector.normalised(given)):
        st.button(
            say("history.calc.normalise"),
            key="history.calc.normalise",
            on_click=_fill,
            args=(mended,),
        )


# ── what becomes of it ───────────────────────────────────────────────────────────────────────────


def _worked(say: Say, given: Given, found: Mixed) -> None:
    strongest = strongest_key(found.weights)
    if strongest is not None:
        word, share = strongest
        line = say.markdown("history.calc.gives", word=word + 1, share=say.percent(share))
        st.subheader(line, anchor=False)
    st.table(_rows(say, found))
    if given.start == "weights" and given.numbers == EXAMPLES[_FIRST].numbers:
        st.caption(say("history.calc.lecture_line"))
    _softmax(say, found)
    _weighted(say, found)
    _sum(say, found)
    _without(say, found)
    st.caption(say("calculator.digits"))
    parts.badge(say, found.difference, sentence="history.calc.badge")


def _rows(say: Say, found: Mixed) -> dict[str, list[str]]:
    """A line a word, from its score to its share of the mixture; the sums in the last one."""
    words = [f"$h_{{{n + 1}}}$" for n in range(len(found.weights))]
    columns = {say("history.calc.word"): [*words, say("history.calc.sum")]}
    if found.scores is not None and found.exp is not None:
        total = number(float(found.exp.sum()))
        columns["$e$"] = [*map(number, found.scores.tolist()), ""]
        columns[say("calculator.exp")] = [*map(number, found.exp.tolist()), f"**{total}**"]
    weights = [f"**{number(weight)}**" for weight in found.weights.tolist()]
    columns[r"$\alpha$"] = [*weights, number(float(found.weights.sum()))]
    columns["$h$"] = [*map(_vector, found.vectors), ""]
    columns[r"$\alpha\,h$"] = [*map(_vector, found.terms), f"**{_vector(found.context)}**"]
    return columns


def _vector(values: np.ndarray) -> str:
    return f"({', '.join(number(value) for value in values.tolist())})"


def _softmax(say: Say, found: Mixed) -> None:
    """The scores' softmax; nothing where the weights themselves were typed."""
    if found.scores is None or found.exp is None:
        return
    _title(say, "softmax")
    word = int(found.weights.argmax())
    top, score = term(found.top), tex(found.scores[word])
    below = " + ".join(f"e^{{{tex(one)} - {top}}}" for one in found.scores)
    st.latex(
        rf"\alpha_{{{word + 1}}} = \frac{{e^{{{score} - {top}}}}}{{{below}}} = "
        rf"\frac{{{tex(found.exp[word])}}}{{{tex(found.exp.sum())}}} = "
        rf"\mathbf{{{tex(found.weights[word])}}}"
    )
    st.latex(rf"\alpha = \mathrm{{softmax}}(e) = {inked(found.weights[None])}")


def _weighted(say: Say, found: Mixed) -> None:
    """Each word's vector, made as long as its weight says."""
    _title(say, "weighted")
    lines = [
        rf"\alpha_{{{n + 1}}}\,h_{{{n + 1}}} &= {term(weight)}\cdot{matrix(vector[None])} = "
        rf"{matrix(part[None])}"
        for n, (weight, vector, part) in enumerate(
            zip(found.weights, found.vectors, found.terms, strict=True)
        )
    ]
    st.latex(aligned(lines))


def _sum(say: Say, found: Mixed) -> None:
    """All of them together, one dimension after another."""
    _title(say, "sum_up")
    lines = [
        rf"c_{{{n + 1}}} &= "
        + " + ".join(
            rf"{tex(weight)}\cdot{term(value)}"
            for weight, value in zip(found.weights, column, strict=True)
        )
        + rf" = \mathbf{{{tex(total)}}}"
        for n, (column, total) in enumerate(zip(found.vectors.T, found.context, strict=True))
    ]
    st.latex(aligned(lines))
    st.latex(rf"c = \sum_j \alpha_j\,h_j = {matrix(found.context[None], row=0)}")


def _without(say: Say, found: Mixed) -> None:
    """What a decoder without attention gets, whatever it is about to write."""
    _title(say, "without")
    st.latex(rf"c = h_{{{len(found.vectors)}}} = {matrix(found.vectors[[-1]])}")


def _title(say: Say, stage: str) -> None:
    st.markdown(f"#### {say(f'history.calc.{stage}.title')}")
    st.markdown(say(f"history.calc.{stage}.says"))
