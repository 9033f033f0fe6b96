"""Why ÷√d_k: random vectors and the loaded model's own, dimension by dimension."""

from __future__ import annotations

import math
from typing import Literal

import streamlit as st

from model.analysis import scale
from model.analysis.scale import Growth
from model.analysis.softmax import softmax
from viz import cache, parts
from viz.charts.lines import Line, Scale
from viz.history import reading
from viz.history.curves import draw
from viz.i18n import Say
from viz.numbers import number

Measure = Literal["variance", "entropy", "gradient"]
Source = Literal["random", "model"]
WIDTHS = tuple(2**i for i in range(10))
MOST_KEYS = 32
_SEED = "history:scale:seed"


def render(say: Say) -> None:
    """Three measures of random vectors, and the same of one head of the model."""
    looked = reading.ask(say)
    if looked is None:
        return
    pieces = len(looked.trace.source_tokens)
    _random(say, min(pieces, MOST_KEYS))
    st.markdown(f"##### {say('history.scale.model.title')}")
    with st.container(horizontal=True, gap="medium"):
        layer, head = parts.layer_and_head(say, "history.scale", looked.trace.attention("encoder"))
    steps = looked.trace.steps("encoder", layer, head)
    found = scale.head_growth(steps)
    st.markdown(
        say("history.scale.model.says", layer=layer + 1, head=head + 1, d_k=found.sizes[-1])
    )
    _charts(say, found, "model")
    st.markdown(say("history.scale.model.reads", **_ends(found)))
    own = softmax(steps.scaled)
    parts.badge(say, float(abs(own - steps.weights).max()), sentence="history.scale.model.badge")
    parts.break_it(say)


def _random(say: Say, n_keys: int) -> None:
    """Drawn anew with another seed at every press; the same seed draws the same."""
    st.markdown(f"##### {say('history.scale.random.title')}")
    seed = st.session_state.setdefault(_SEED, 0)
    found = cache.random_growth(WIDTHS, n_keys, seed)
    st.markdown(say("history.scale.random.says", seed=seed, queries=scale.QUERIES, keys=n_keys))
    st.button(
        say("history.scale.random.again"), key="history.scale.again", icon="🎲", on_click=_again
    )
    _charts(say, found, "random")
    st.markdown(say("history.scale.random.reads", **_ends(found)))


def _again() -> None:
    st.session_state[_SEED] += 1


def _charts(say: Say, found: Growth, source: Source) -> None:
    """Variance, entropy and gradient, each with and without the division."""
    measures: tuple[Measure, ...] = ("variance", "entropy", "gradient")
    for measure, column in zip(measures, st.columns(3, gap="medium"), strict=True):
        with column:
            st.markdown(f"**{say(f'history.scale.{measure}')}**")
            _draw(say, found, measure, source)
            if source == "random":
                st.caption(say(f"history.scale.{measure}_says"))


def _draw(say: Say, found: Growth, measure: Measure, source: Source) -> None:
    plain, scaled = (list(getattr(one, measure)) for one in (found.plain, found.scaled))
    drawn = [
        _line(say("history.scale.scaled"), found, scaled, look=0),
        _line(say("history.scale.plain"), found, plain, look=1),
    ]
    if measure == "variance":
        expected = say(f"history.scale.{source}.expected")
        drawn.append(_line(expected, found, list(found.expected), look=2))
    widest = found.sizes[-1]
    places = [m for m in WIDTHS if m < widest] + [widest]
    across = Scale(say(f"history.scale.{source}.across"), (1, widest), places, log=True)
    tops = {"entropy": math.log2(found.n_keys), "gradient": 1.0}
    top = tops.get(measure)
    up = Scale(say(f"history.scale.{measure}_axis"), (0, top) if top else None, log=top is None)
    draw(drawn, across, up, key=f"history:scale:{source}:{measure}")


def _line(name: str, found: Growth, values: list[float], look: int) -> Line:
    return Line(name, found.sizes, values, [number(value) for value in values], look)


def _ends(found: Growth) -> dict[str, object]:
    """Everything at the full width, as it is written in a sentence."""
    plain, scaled = found.plain, found.scaled
    return {
        "widest": found.sizes[-1],
        "variance": f"{plain.variance[-1]:,.1f}",
        "spread": f"{math.sqrt(plain.variance[-1]):.1f}",
        "expected": f"{found.expected[-1]:,.1f}",
        "small": f"{scaled.variance[-1]:.2f}",
        "entropy": f"{plain.entropy[-1]:.2f}",
        "scaled_entropy": f"{scaled.entropy[-1]:.2f}",
        "most": f"{math.log2(found.n_keys):.2f}",
        "gradient": f"{plain.gradient[-1]:.3f}",
        "scaled_gradient": f"{scaled.gradient[-1]:.3f}",
    }
