"""One step of a recurrent decoder by hand: from its state to the weights, and on to the word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from jaxtyping import Float

from model import AnyBundle, Trace
from model.analysis.history import DecoderStep
from model.analysis.words import labels, strongest_key
from viz import cache, parts, picture
from viz.charts.bars import bar_list
from viz.charts.vectors import Strip, strips
from viz.formula import aligned, term, tex
from viz.history import rivals
from viz.i18n import Say
from viz.numbers import number
from viz.parts import WINDOW
from viz.tables import Markdown, code, table

FIRST = 3
"""Numbers of a vector that a formula writes out; the strip below shows all of them."""
TERMS = 3
"""Summands of the context vector that a formula writes out."""
_LOW = str.maketrans("0123456789aijk-", "₀₁₂₃₄₅₆₇₈₉ₐᵢⱼₖ₋")

Steps = Mapping[str, tuple[AnyBundle, Trace, str | None]]
"""Each model, what it did, and the translation that it was given to read, if any."""


def render(say: Say, read: Steps) -> None:
    """The chosen step of the chosen model; nothing where no recurrent decoder looks back."""
    st.markdown(f"#### {say('history.step.title')}")
    names = [n for n, (_, made, _) in read.items() if made.kinds == ("cross",)]
    if not names:
        st.caption(say("history.step.none"))
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name = parts.one_of(
            "history.model",
            names,
            say("history.step.model"),
            lambda one: rivals.title(say, one, read[one][0]),
        )
        bundle, made, target = read[name]
        step = _step(say, made)
        to = made.target_lang
        found = cache.decoder_step(bundle.name, bundle.version, made.source_text, target, to, step)
        sources = labels(made.source_tokens, [pieces for _, pieces in made.words("source")])
        key = _key(say, made, found, sources)
    _line(say, made, found, step, sources)
    _score(say, found, key, sources[key])
    _softmax(say, found, key, sources)
    _context(say, found)
    _word(say, found)
    size = max(float(np.abs(found.scores).max()), float(np.abs(found.context).max()))
    parts.badge(say, found.largest_difference, size)


# ── what is looked at ────────────────────────────────────────────────────────────────────────────


def _step(say: Say, made: Trace) -> int:
    """A step of the decoder by the piece that it writes; the language tag is given to it."""
    names = labels(made.target_tokens, [pieces for _, pieces in made.words("target")])
    written = [*names[2:], "</s>"]
    chosen: int = _select(
        say("history.step.step"),
        "history.step.step",
        [f"{n + 1} · {name}" for n, name in enumerate(written)],
    )
    return chosen + 1


def _key(say: Say, made: Trace, found: DecoderStep, sources: Sequence[str]) -> int:
    """The piece of the source whose score is worked out; at first the one with most weight."""
    return _select(
        say("history.step.key"),
        "history.step.piece",
        [f"{n + 1} · {name}" for n, name in enumerate(sources)],
        int(found.weights.argmax()),
    )


def _select(label: str, key: str, names: Sequence[str], first: int = 0) -> int:
    chosen: int = st.selectbox(
        label,
        range(len(names)),
        index=first,
        format_func=names.__getitem__,
        key=f"{key}.{len(names)}.{first}",
        width=200,
    )
    return chosen


def _line(say: Say, made: Trace, found: DecoderStep, step: int, sources: Sequence[str]) -> None:
    strongest = strongest_key(found.weights)
    if strongest is not None:
        piece, share = strongest
        tokens = [*made.target_tokens, "</s>"]
        st.markdown(
            say.markdown(
                "history.step.line",
                word=tokens[step + 1].replace("▁", "") or "▁",
                piece=sources[piece],
                share=say.percent(share),
            )
        )


# ── the calculation ──────────────────────────────────────────────────────────────────────────────


def _score(say: Say, found: DecoderStep, key: int, piece: str) -> None:
    """The score of one piece."""
    kind = "additive" if found.hidden is not None else found.scoring
    _title(say, "score", f"history.step.score.{kind}")
    if found.scoring != "bahdanau":
        st.caption(say("history.step.score.luong", scoring=found.scoring))
    j, score = key + 1, rf"\mathbf{{{tex(found.scores[key])}}}"
    if found.hidden is None or found.query is None or found.v is None:
        k = rf"W_a h_{{{j}}}" if found.scoring == "general" else f"h_{{{j}}}"
        st.latex(
            aligned(
                [
                    rf"e_{{{j}}} &= s_i^T\,{k}",
                    rf"&= {_products(found.state, found.keys[key])} = {score}",
                ]
            )
        )
        _strips(say, {_plain("s_i"): found.state, _plain(k): found.keys[key]}, "score")
        return
    state = "s_{i-1}" if found.scoring == "bahdanau" else "s_i"
    added = rf"W_a {state} + U_a h_{{{j}}}"
    st.latex(
        aligned(
            [
                rf"e_{{{j}}} &= v_a^T \tanh({added})",
                rf"W_a {state} &= {_vector(found.query)}",
                rf"U_a h_{{{j}}} &= {_vector(found.keys[key])}",
                rf"\tanh(\ldots) &= {_vector(found.hidden[key])}",
                rf"e_{{{j}}} &= {_products(found.v, found.hidden[key])} = {score}",
            ]
        )
    )
    vectors = {
        _plain(state): found.state,
        _plain(f"h_{{{j}}}") + f" · {piece}": found.annotations[key],
        _plain(rf"W_a {state}"): found.query,
        _plain(rf"U_a h_{{{j}}}"): found.keys[key],
        "tanh(…)": found.hidden[key],
        _plain("v_a"): found.v,
    }
    _strips(say, vectors, "score")


def _softmax(say: Say, found: DecoderStep, key: int, sources: Sequence[str]) -> None:
    """All scores and weights of the step."""
    _title(say, "softmax", "history.step.softmax.says")
    j = key + 1
    st.latex(
        rf"\alpha_{{{j}}} = \frac{{e^{{{tex(found.scores[key])}}}}}{{\sum_k e^{{e_k}}}} = "
        rf"\mathbf{{{tex(found.weights[key])}}}"
    )
    strong = [number(float(weight)) for weight in found.weights]
    strong[key] = Markdown(f"**{strong[key]}**")
    strongest = sorted(range(len(sources)), key=lambda n: (n != key, -found.weights[n]))
    listed = sorted(strongest[:WINDOW])
    table(
        {
            "j": [str(n + 1) for n in listed],
            say("history.step.piece"): [code(sources[n]) for n in listed],
            "e": [number(float(found.scores[n])) for n in listed],
            "α": [strong[n] for n in listed],
        }
    )
    if len(sources) > WINDOW:
        st.caption(say("history.step.cut", shown=WINDOW, count=len(sources)))


def _context(say: Say, found: DecoderStep) -> None:
    """The weighted sum of all annotations, the largest summands first."""
    _title(say, "context", "history.step.context.says")
    order = np.argsort(-found.weights, kind="stable")[:TERMS]
    summands = " + ".join(rf"{tex(found.weights[n])}\,h_{{{n + 1}}}" for n in order)
    more = r" + \ldots" if len(found.weights) > TERMS else ""
    st.latex(rf"c_i = \sum_j \alpha_j h_j = {summands}{more} = {_vector(found.context)}")
    vectors = {_plain(f"h_{{{n + 1}}}"): found.annotations[n] for n in order[:1]}
    _strips(say, vectors | {"c": found.context}, "context")


def _word(say: Say, found: DecoderStep) -> None:
    """What the step makes of its context, and what is likeliest to be written."""
    kind = "bahdanau" if found.scoring == "bahdanau" else "luong"
    _title(say, "word", f"history.step.word.{kind}")
    names, shares = zip(*found.likeliest, strict=True)
    picture.show(
        bar_list(
            [name.replace("▁", "") or "▁" for name in names],
            shares,
            [say.percent(share) for share in shares],
        ),
        key="history:step:word",
        alt=", ".join(f"{name}: {say.percent(share)}" for name, share in found.likeliest),
    )


# ── shared by the stages ─────────────────────────────────────────────────────────────────────────


def _title(say: Say, stage: str, says: str) -> None:
    st.markdown(f"##### {say(f'history.step.{stage}.title')}")
    st.markdown(say(says))


def _vector(values: Float[np.ndarray, " n"]) -> str:
    """The first numbers of a vector."""
    more = [r"\cdots"] if len(values) > FIRST else []
    cells = r"\;\; ".join([*map(tex, values[:FIRST]), *more])
    return rf"\left[{cells}\right]"


def _products(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> str:
    """The first products of an inner product."""
    pairs = list(zip(a, b, strict=True))[:FIRST]
    more = r" + \cdots" if len(a) > FIRST else ""
    return " + ".join(rf"{term(x)}\cdot{term(y)}" for x, y in pairs) + more


def _strips(say: Say, vectors: Mapping[str, Float[np.ndarray, " n"]], key: str) -> None:
    picture.show(
        strips(
            [Strip(name, values) for name, values in vectors.items()],
            dimension=say("history.together.dimension"),
        ),
        key=f"history:step:{key}",
        alt=", ".join(vectors),
    )


def _plain(symbol: str) -> str:
    """A symbol without LaTeX.

    >>> _plain("s_{i-1}"), _plain("W_a h_{12}")
    ('sᵢ₋₁', 'Wₐ h₁₂')
    """
    return re.sub(r"_(?:{([^}]+)}|(.))", lambda low: (low[1] or low[2]).translate(_LOW), symbol)
