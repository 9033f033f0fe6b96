"""Attention calculator: the lecture's own numbers, and any that a student types instead."""

from __future__ import annotations

import numpy as np
import streamlit as st
from jaxtyping import Float

from model import ModelError
from model.analysis import calculator
from model.analysis.calculator import EXAMPLES, MASKS, NAMES, STARTS, SYMBOLS, Given, Name, Worked
from model.analysis.words import strongest_key
from viz import parts, state
from viz.charts.cells import Axis, signed_map, weight_map
from viz.i18n import Say
from viz.numbers import number

QUIET = {"displayModeBar": False}
FIRST = "lecture"


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
        st.session_state[f"calculator.{name}"] = text


def _given(say: Say) -> Given:
    """The boxes; each stands in the link, as far as it differs from the first paint."""
    first = EXAMPLES[FIRST]
    start = st.segmented_control(
        say("calculator.start"),
        STARTS,
        default=first.start,
        format_func=lambda one: say(f"calculator.{one}"),
        key="calculator.start",
        required=True,
        bind="query-params",
    )
    start = start or first.start
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
        )
    mask = st.segmented_control(
        say("calculator.mask.label"),
        MASKS,
        default=first.mask,
        format_func=lambda one: say(f"calculator.mask.{one}"),
        key="calculator.mask",
        required=True,
        bind="query-params",
    )
    return Given(start, typed, d_k, mask or first.mask)


def _box(say: Say, start: calculator.Start, name: Name) -> str:
    told = "w" if name.startswith("w_") else "qv" if name == "v" and start == "qkv" else name
    return (
        st.text_area(
            _symbol(name),
            _first(name),
            key=f"calculator.{name}",
            height="content",
            max_chars=2000,
            help=say("calculator.type", rows=say(f"calculator.rows.{told}")),
            bind="query-params",
        )
        or ""
    )


def _first(name: Name) -> str:
    """What stands in a box before anything is typed: the first example that has it."""
    return next(given.typed[name] for given in EXAMPLES.values() if name in given.typed)


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
    _project(say, found)
    _scores(say, found, query, key)
    _scaled(say, found, query, key)
    if not found.mask.all():
        _masked(say, found)
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


def _project(say: Say, found: Worked) -> None:
    """X and the three products; nothing where Q, K and V were not made of anything."""
    if found.q is None or found.k is None or found.v is None:
        return
    made = {"Q": found.q, "K": found.k, "V": found.v}
    if "x" not in found.given:
        _pictures(say, made)
        return
    _title(say, "project")
    st.latex(r"Q = X\,W^Q,\qquad K = X\,W^K,\qquad V = X\,W^V")
    _pictures(say, {"X": found.given["x"]} | made)


def _scores(say: Say, found: Worked, query: int, key: int) -> None:
    _title(say, "stage_scores")
    factors = found.factors(query, key)
    if factors is None:
        st.caption(say("calculator.stage_scores.given"))
    else:
        products = " + ".join(rf"{_tex(a)}\cdot{_tex(b)}" for a, b in factors)
        st.latex(
            rf"q_{{{query + 1}}}\cdot k_{{{key + 1}}} = {products} = "
            rf"\mathbf{{{_tex(found.scores[query, key])}}}"
        )
    _pictures(say, {"QKᵀ": found.scores})


def _scaled(say: Say, found: Worked, query: int, key: int) -> None:
    _title(say, "stage_scaled")
    root = number(found.root)
    st.latex(
        rf"\frac{{q_{{{query + 1}}}\cdot k_{{{key + 1}}}}}{{\sqrt{{d_k}}}} = "
        rf"\frac{{{_tex(found.scores[query, key])}}}{{\sqrt{{{found.d_k}}}}} = "
        rf"\frac{{{_tex(found.scores[query, key])}}}{{{root}}} = "
        rf"\mathbf{{{_tex(found.scaled[query, key])}}}"
    )
    _pictures(say, {"QKᵀ / √d_k": found.scaled})


def _masked(say: Say, found: Worked) -> None:
    _title(say, "stage_masked")
    _pictures(say, {say("calculator.masked"): found.masked})


def _weights(say: Say, found: Worked, query: int, key: int) -> None:
    _title(say, "stage_weights")
    if found.mask[query].any():
        scores = [_tex(one) for one in found.masked[query][found.mask[query]]]
        st.latex(
            rf"\frac{{e^{{{_tex(found.masked[query, key])}}}}}"
            rf"{{{' + '.join(f'e^{{{one}}}' for one in scores)}}} = "
            rf"\frac{{{_tex(found.exp[query, key])}}}{{{_tex(found.total[query])}}} = "
            rf"\mathbf{{{_tex(found.weights[query, key])}}}"
        )
    columns = Axis("", _names("k", found.weights.shape[1]))
    rows = Axis("", _names("q", len(found.weights)))
    figure = weight_map(
        found.weights, rows, columns, value=say("calculator.weight"), mask=found.mask
    )
    with st.columns(2)[0]:
        st.plotly_chart(
            figure,
            key="calculator:weights",
            config=QUIET,
            alt=_alt(say, say("calculator.stage_weights.title"), found.weights),
        )


def _context(say: Say, found: Worked, query: int) -> None:
    _title(say, "stage_context")
    mixture = " + ".join(
        rf"{_tex(weight)}\,v_{{{n + 1}}}" for n, weight in enumerate(found.weights[query])
    )
    if found.context is None:
        st.caption(say("calculator.stage_context.symbols"))
        st.latex(rf"z_{{{query + 1}}} = {mixture}")
        return
    vector = r",\;".join(_tex(value) for value in found.context[query])
    st.latex(rf"z_{{{query + 1}}} = {mixture} = \left[{vector}\right]")
    _pictures(say, {"Z": found.context})


# ── shared by the stages ─────────────────────────────────────────────────────────────────────────


def _title(say: Say, stage: str) -> None:
    st.markdown(f"#### {say(f'calculator.{stage}.title')}")
    st.markdown(say(f"calculator.{stage}.says"))


def _pictures(say: Say, matrices: dict[str, Float[np.ndarray, "row column"]]) -> None:
    """Matrices side by side, each with its shape, its numbers and the ends of its colours."""
    columns = st.columns(max(2, min(len(matrices), 3)), gap="medium")
    for n, (name, values) in enumerate(matrices.items()):
        limit = float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0
        with columns[n % len(columns)]:
            shape = " × ".join(map(str, values.shape))
            ends = say("calculator.scale", limit=number(limit))
            st.markdown(f"**{name}** ({shape}) :small[{ends}]")
            figure = signed_map(
                values,
                Axis("", _names(_ROWS.get(name, "q"), len(values))),
                Axis("", _columns(name, values.shape[1])),
                limit=limit,
                value=say("calculator.value"),
            )
            figure.update_traces(showscale=False, selector={"type": "heatmap"})
            st.plotly_chart(
                figure, key=f"calculator:{name}", config=QUIET, alt=_alt(say, name, values)
            )


_ROWS = {"X": "x", "K": "k", "V": "v", "Z": "z"}


def _columns(name: str, count: int) -> list[str]:
    """Columns of the squares are keys; those of the others are dimensions, counted from 1."""
    of_vectors = name in ("X", "Q", "K", "V", "Z")
    return [str(n + 1) for n in range(count)] if of_vectors else _names("k", count)


def _names(letter: str, count: int) -> list[str]:
    return [f"{letter}{_below(n)}" for n in range(count)]


def _below(n: int) -> str:
    return chr(ord("₁") + n)


def _written(values: Float[np.ndarray, " key"]) -> list[str]:
    return [number(float(value)) for value in values]


def _tex(value: float) -> str:
    """The same four digits, as a formula writes them."""
    written = number(float(value)).replace("−", "-").replace("∞", r"\infty")
    digits, e, exponent = written.partition("e")
    written = rf"{digits}\cdot10^{{{exponent}}}" if e else digits
    return rf"({written})" if value < 0 else written.replace(",", "{,}")


def _alt(say: Say, stage: str, values: Float[np.ndarray, "row column"]) -> str:
    rows, columns = values.shape
    numbers = "; ".join(", ".join(_written(row)) for row in values)
    return say("calculator.alt", stage=stage, rows=rows, columns=columns, numbers=numbers)


if __name__ == "__main__":
    render()
