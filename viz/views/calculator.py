"""Attention calculator: the lecture's own numbers, and any that a student types instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import streamlit as st
from jaxtyping import Float

from model import ModelError
from model.analysis import calculator
from model.analysis.calculator import EXAMPLES, MASKS, NAMES, STARTS, SYMBOLS, Given, Name, Worked
from model.analysis.words import strongest_key
from viz import parts, state
from viz.formula import inked, matrix, term, tex
from viz.i18n import Say
from viz.numbers import number

FIRST = "lecture"
Choice = TypeVar("Choice", bound=str)


def render() -> None:
    """The page: numbers on the left, what becomes of them on the right."""
    say = state.say()
    st.markdown(f"### {say('calculator.title')}")
    st.caption(say("calculator.what_for"))
    _page(say)


@st.fragment
def _page(say: Say) -> None:
    _examples(say)
    typed, worked = st.columns([4, 9], gap="large")
    with typed:
        given = _given(say)
    with worked:
        try:
            found = calculator.work(given)
        except ModelError as error:
            st.error(say.error(error), icon="✏️")
            st.caption(say("calculator.kept"))
            return
        _worked(say, given, found)


# ── what is typed ────────────────────────────────────────────────────────────────────────────────


def _examples(say: Say) -> None:
    with st.container(key="examples", horizontal=True, gap="small", vertical_alignment="center"):
        for name in EXAMPLES:
            st.button(
                say(f"calculator.example.{name}"),
                key=f"calculator.example.{name}",
                type="secondary",
                on_click=_fill,
                args=(EXAMPLES[name],),
            )


def _fill(example: Given) -> None:
    """Put an example's numbers into the boxes; the boxes of other beginnings keep theirs."""
    st.session_state["calculator.start"] = example.start
    st.session_state["calculator.mask"] = example.mask
    st.session_state["calculator.d_k"] = example.d_k
    for name, text in example.typed.items():
        st.session_state[_key(example.start, name)] = text


def _given(say: Say) -> Given:
    """The boxes; each stands in the link, as far as it differs from the first paint."""
    first = EXAMPLES[FIRST]
    start = _choice(say("calculator.start.label"), "start", STARTS, say)
    typed = {name: _box(say, start, name) for name in NAMES[start]}
    d_k = first.d_k
    if start == "scores":
        d_k = st.number_input(
            say("calculator.d_k"),
            1,
            calculator.LARGEST_D_K,
            first.d_k,
            key="calculator.d_k",
            width=160,
            bind="query-params",
            persist_state="session",
        )
    mask = _choice(say("calculator.mask.label"), "mask", MASKS, say)
    return Given(start, typed, d_k, mask)


def _choice(label: str, name: str, options: Sequence[Choice], say: Say) -> Choice:
    return parts.one_of(
        f"calculator.{name}", options, label, lambda one: say(f"calculator.{name}.{one}")
    )


def _box(say: Say, start: calculator.Start, name: Name) -> str:
    told = "w" if name.startswith("w_") else "qv" if name == "v" and start == "qkv" else name
    return (
        st.text_area(
            _symbol(name),
            _first(start, name),
            key=_key(start, name),
            height="content",
            max_chars=2000,
            help=say("calculator.type", rows=say(f"calculator.rows.{told}")),
            bind="query-params",
            persist_state="session",
        )
        or ""
    )


def _first(start: calculator.Start, name: Name) -> str:
    """What stands in a box before anything is typed: the first example that has it."""
    return next(given.typed[name] for given in EXAMPLES.values() if given.start == start)


def _key(start: calculator.Start, name: Name) -> str:
    return f"calculator.{start}.{name}"


def _symbol(name: Name) -> str:
    return f"${SYMBOLS[name].replace('ᵀ', '^T')}$"


# ── what becomes of it ───────────────────────────────────────────────────────────────────────────


def _worked(say: Say, given: Given, found: Worked) -> None:
    query = _query(say, found)
    strongest = strongest_key(found.weights[query])
    if strongest is None:
        st.subheader(say("calculator.nothing", query=query + 1), anchor=False)
    else:
        key, share = strongest
        line = say.markdown(
            "calculator.gives", query=query + 1, key=key + 1, share=say.percent(share)
        )
        st.subheader(line, anchor=False)
    st.table(_row(say, found, query))
    if given == EXAMPLES[FIRST]:
        st.caption(say("calculator.lecture_line"))
    key = strongest[0] if strongest else 0
    _project(say, found, query)
    _scores(say, found, query, key)
    _scaled(say, found, query, key)
    if not found.mask.all():
        _masked(say, found, query)
    _weights(say, found, query, key)
    _context(say, found, query)
    st.caption(say("calculator.digits"))
    parts.badge(say, found.difference, sentence="calculator.badge")


def _query(say: Say, found: Worked) -> int:
    count = len(found.scores)
    if count == 1:
        return 0
    if (st.session_state.get("calculator.query") or 0) >= count:
        del st.session_state["calculator.query"]
    chosen: int | None = st.segmented_control(
        say("calculator.follow"),
        range(count),
        default=0,
        format_func=lambda n: f"q{_below(n)}",
        key="calculator.query",
        required=True,
    )
    return chosen or 0


def _row(say: Say, found: Worked, query: int) -> dict[str, list[str]]:
    """One query from the product to the softmax, a line a key and the sums in the last one."""
    columns = {
        f"q{_below(query)} · k": found.scores[query],
        f"÷ √{found.d_k} = {number(found.root)}": found.scaled[query],
    }
    if not found.mask.all():
        columns[say("calculator.masked")] = found.masked[query]
    written = {name: [*_written(values), ""] for name, values in columns.items()}
    exp, weights = _written(found.exp[query]), _written(found.weights[query])
    total, sum_ = (number(float(one[query])) for one in (found.total, found.sums))
    keys = [f"k{_below(n)}" for n in range(found.scores.shape[1])]
    return (
        {say("calculator.key"): [*keys, say("calculator.sum")]}
        | written
        | {
            say("calculator.exp"): [*exp, f"**{total}**"],
            say("calculator.weight"): [*(f"**{w}**" for w in weights), sum_],
        }
    )


def _project(say: Say, found: Worked, query: int) -> None:
    """Q, K and V from X; nothing where they were typed themselves."""
    if "x" not in found.given or found.q is None or found.k is None or found.v is None:
        return
    _title(say, "project")
    for name, made in (("Q", found.q), ("K", found.k), ("V", found.v)):
        weight = found.given[_WEIGHTS[name]]
        marked = query if name == "Q" else None
        st.latex(
            rf"{name} = X\,W^{name} = {matrix(found.given['x'], row=marked)}{matrix(weight)} = "
            rf"{matrix(made, row=marked)}"
        )


_WEIGHTS: dict[str, Name] = {"Q": "w_q", "K": "w_k", "V": "w_v"}


def _scores(say: Say, found: Worked, query: int, key: int) -> None:
    _title(say, "stage_scores")
    factors = found.factors(query, key)
    if factors is None or found.q is None or found.k is None:
        st.caption(say("calculator.stage_scores.given"))
        st.latex(f"QK^T = {matrix(found.scores, row=query)}")
        return
    products = " + ".join(rf"{term(a)}\cdot{term(b)}" for a, b in factors)
    st.latex(
        rf"QK^T = {matrix(found.q, row=query)}{matrix(found.k.T, column=key)} = "
        rf"{matrix(found.scores, row=query)}"
    )
    st.latex(
        rf"q_{{{query + 1}}}\cdot k_{{{key + 1}}} = {products} = "
        rf"\mathbf{{{tex(found.scores[query, key])}}}"
    )


def _scaled(say: Say, found: Worked, query: int, key: int) -> None:
    _title(say, "stage_scaled")
    root, score = number(found.root), tex(found.scores[query, key])
    st.latex(
        rf"\frac{{q_{{{query + 1}}}\cdot k_{{{key + 1}}}}}{{\sqrt{{d_k}}}} = "
        rf"\frac{{{score}}}{{\sqrt{{{found.d_k}}}}} = \frac{{{score}}}{{{root}}} = "
        rf"\mathbf{{{tex(found.scaled[query, key])}}}"
    )
    st.latex(rf"\frac{{QK^T}}{{\sqrt{{d_k}}}} = {matrix(found.scaled, row=query)}")


def _masked(say: Say, found: Worked, query: int) -> None:
    _title(say, "stage_masked")
    st.latex(rf"{matrix(found.scaled, row=query)} \to {matrix(found.masked, row=query)}")


def _weights(say: Say, found: Worked, query: int, key: int) -> None:
    _title(say, "stage_weights")
    if found.mask[query].any():
        scores = [tex(one) for one in found.masked[query][found.mask[query]]]
        score, top = tex(found.masked[query, key]), term(float(found.top[query]))
        st.latex(
            rf"\frac{{e^{{{score}}}}}{{{' + '.join(f'e^{{{one}}}' for one in scores)}}} = "
            rf"\frac{{e^{{{score} - {top}}}}}"
            rf"{{{' + '.join(f'e^{{{one} - {top}}}' for one in scores)}}} = "
            rf"\frac{{{tex(found.exp[query, key])}}}{{{tex(found.total[query])}}} = "
            rf"\mathbf{{{tex(found.weights[query, key])}}}"
        )
    st.latex(rf"A = \mathrm{{softmax}} = {inked(found.weights)}")
    st.caption(say("calculator.ink"))


def _context(say: Say, found: Worked, query: int) -> None:
    _title(say, "stage_context")
    mixture = " + ".join(
        rf"{tex(weight)}\,v_{{{n + 1}}}" for n, weight in enumerate(found.weights[query])
    )
    if found.context is None or found.v is None:
        st.caption(say("calculator.stage_context.symbols"))
        st.latex(rf"z_{{{query + 1}}} = {mixture}")
        return
    st.latex(rf"z_{{{query + 1}}} = {mixture} = {matrix(found.context[[query]], row=0)}")
    st.latex(
        rf"A\,V = {matrix(found.weights, row=query)}{matrix(found.v)} = "
        rf"{matrix(found.context, row=query)}"
    )


# ── shared by the stages ─────────────────────────────────────────────────────────────────────────


def _title(say: Say, stage: str) -> None:
    st.markdown(f"#### {say(f'calculator.{stage}.title')}")
    st.markdown(say(f"calculator.{stage}.says"))


def _below(n: int) -> str:
    return chr(ord("₁") + n)


def _written(values: Float[np.ndarray, " key"]) -> list[str]:
    return [number(float(value)) for value in values]


if __name__ == "__main__":
    render()
