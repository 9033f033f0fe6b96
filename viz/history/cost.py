"""What a layer costs: the paper's table, its operations counted, and three layers measured here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from model.analysis import cost
from model.analysis.cost import Cost, Layer
from viz import cache, parts
from viz.charts.lines import Line, Scale
from viz.history.curves import draw
from viz.i18n import Say
from viz.numbers import number

Grows = Literal["n", "d"]
Passes = Literal["forward", "training"]
LENGTHS = tuple(2**i for i in range(4, 12))
WIDTHS = tuple(2**i for i in range(5, 10))
FIXED: dict[Grows, tuple[str, ...]] = {"n": ("128", "64", "256"), "d": ("256", "64", "512")}
"""The other size while one grows, the first choice first; no larger ones: seconds, not minutes."""

LONGEST_TRAINING = 1024
_RUNNING = "history:cost.runs"
_PAPER = Path(__file__).with_name("paper.json")
_MACHINE = Lock()
"""Two measurements at a time would measure each other."""


@once
def paper() -> dict[str, Any]:
    """Tables of the paper, as it prints them."""
    found: dict[str, Any] = json.loads(_PAPER.read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Asked:
    """What is measured: the size that grows, the other one, and which passes are timed."""

    grows: Grows
    fixed: int
    passes: Passes

    @property
    def grown(self) -> tuple[int, ...]:
        """The growing size, smallest first."""
        if self.grows == "d":
            return WIDTHS
        return tuple(n for n in LENGTHS if self.passes == "forward" or n <= LONGEST_TRAINING)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Every (n, d)."""
        return [(at, self.fixed) if self.grows == "n" else (self.fixed, at) for at in self.grown]


def render(say: Say) -> None:
    """The paper's Table 1; operations counted beside time and memory measured on this machine."""
    _table(say)
    asked = _ask(say)
    found = _measured(say, asked)
    across = Scale(
        say(f"history.cost.{asked.grows}"), (asked.grown[0], asked.grown[-1]), asked.grown, log=True
    )
    counted, time, memory = st.columns(3, gap="medium")
    with counted:
        _counted(say, asked, across)
    if found is None:
        return
    with time:
        _time(say, asked, found, across)
    with memory:
        _memory(say, asked, found, across)
    _numbers(say, found)


# ── the paper's table ────────────────────────────────────────────────────────────────────────────


def _table(say: Say) -> None:
    layers = paper()["layers"]
    named = [say(f"history.cost.table.{row['layer']}") for row in layers]
    terms = {
        say(f"history.cost.{name}"): [f"${row[name]}$" for row in layers]
        for name in ("complexity", "sequential", "path")
    }
    st.table({say("history.cost.layer"): named} | terms)
    st.caption(say("history.cost.table_says", source=paper()["source"]))


# ── what is asked, and the measurement ───────────────────────────────────────────────────────────


def _ask(say: Say) -> Asked:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        grows = parts.one_of(
            "history.cost.grows",
            get_args(Grows),
            say("history.cost.grows"),
            lambda one: say(f"history.cost.{one}"),
            param="grows",
        )
        other = "d" if grows == "n" else "n"
        fixed = parts.one_of(
            f"history.cost.fixed.{grows}",
            FIXED[grows],
            say(f"history.cost.{other}"),
            str,
            param=f"fixed_{other}",
        )
        passes = parts.one_of(
            "history.cost.passes",
            get_args(Passes),
            say("history.cost.passes"),
            lambda one: say(f"history.cost.{one}"),
            param="passes",
        )
    return Asked(grows, int(fixed), passes)


def _measured(say: Say, asked: Asked) -> list[Cost] | None:
    """What this machine took: kept, or measured now with progress and a way to stop it.

    Leaving the page ends a measurement at the next piece.
    """
    key = ("history.cost", asked)
    found: list[Cost] | None = cache.kept(key)
    place = st.empty()
    if found is None and st.session_state.get(_RUNNING) != asked:
        place.button(
            say("history.cost.measure"),
            key="history.cost.start",
            icon="⏱️",
            type="primary",
            on_click=_start,
            args=(asked,),
        )
    elif found is None:
        with place.container(horizontal=True, vertical_alignment="center", gap="medium"):
            bar = st.progress(0.0)
            st.button(say("history.cost.cancel"), key="history.cost.cancel", on_click=_stop)
        found = _alone(say, asked, bar)
        cache.keep(key, found)
        _stop()
        place.empty()
    return found


def _alone(say: Say, asked: Asked, bar: DeltaGenerator) -> list[Cost]:
    """Measure while nobody else on this server does; who waited for the same gets the result."""

    def told(done: int, of: int) -> None:
        bar.progress(done / of, say("history.cost.done", done=done, of=of))

    while not _MACHINE.acquire(timeout=0.5):
        bar.progress(0.0, say("history.cost.waits"))  # a page that was left ends here
    try:
        kept: list[Cost] | None = cache.kept(("history.cost", asked))
        return kept or cost.sweep(asked.sizes, asked.passes == "training", told)
    finally:
        _MACHINE.release()


def _start(asked: Asked) -> None:
    st.session_state[_RUNNING] = asked


def _stop() -> None:
    st.session_state.pop(_RUNNING, None)


# ── three charts ─────────────────────────────────────────────────────────────────────────────────


def _counted(say: Say, asked: Asked, across: Scale) -> None:
    """Table 1's terms, which meet at n = d."""
    st.markdown(f"**{say('history.cost.counted.title')}**")
    drawn = []
    for look, layer in enumerate(cost.COUNTED):
        counts = [cost.operations(layer, n, d) for n, d in asked.sizes]
        written = [f"{count:,}" for count in counts]
        drawn.append(Line(say(f"history.cost.terms.{layer}"), asked.grown, counts, written, look))
    up = Scale(say("history.cost.operations"), log=True)
    draw(
        drawn, across, up, key="history:cost:counted", mark=(asked.fixed, f"n = d = {asked.fixed}")
    )
    st.markdown(say("history.cost.counted.says", fixed=asked.fixed))


def _time(say: Say, asked: Asked, found: Sequence[Cost], across: Scale) -> None:
    """Milliseconds, and where the measured curves meet."""
    st.markdown(f"**{say('history.cost.time.title')}**")
    seconds = {layer: [one.seconds for one in _of(found, layer)] for layer in cost.LAYERS}
    drawn = []
    for look, (layer, taken) in enumerate(seconds.items()):
        written = [_ms(say, one) for one in taken]
        drawn.append(Line(_name(say, layer), asked.grown, [1e3 * s for s in taken], written, look))
    recurrent, attention = seconds["recurrent"], seconds["attention"]
    met = cost.crossing(asked.grown, recurrent, attention)
    mark = (met, f"{asked.grows} ≈ {met:,.0f}") if met else None
    up = Scale(say("history.cost.milliseconds"), log=True)
    draw(drawn, across, up, key="history:cost:time", mark=mark)
    st.markdown(_meeting(say, asked, met, attention[-1] < recurrent[-1]))
    st.markdown(
        say(
            "history.cost.time.ends",
            grows=asked.grows,
            last=f"{asked.grown[-1]:,}",
            recurrent=_ms(say, recurrent[-1]),
            attention=_ms(say, attention[-1]),
        )
    )


def _meeting(say: Say, asked: Asked, met: float | None, attention_faster: bool) -> str:
    """Where the measured curves meet, beside n = d; or which of them stayed below."""
    if met:
        times = f"{met / asked.fixed:.1f}"
        return say("history.cost.time.meet", grows=asked.grows, met=f"{met:,.0f}", times=times)
    faster = "attention" if attention_faster else "recurrent"
    first, *_, last = (f"{at:,}" for at in asked.grown)
    return say(f"history.cost.time.{faster}", grows=asked.grows, first=first, last=last)


def _memory(say: Say, asked: Asked, found: Sequence[Cost], across: Scale) -> None:
    """Bytes that are kept for the backward pass."""
    st.markdown(f"**{say('history.cost.memory.title')}**")
    kept = {layer: [one.kept for one in _of(found, layer)] for layer in cost.LAYERS}
    drawn = [
        Line(_name(say, layer), asked.grown, counts, [_bytes(one) for one in counts], look)
        for look, (layer, counts) in enumerate(kept.items())
    ]
    draw(drawn, across, Scale(say("history.cost.bytes"), log=True), key="history:cost:memory")
    n, d = asked.sizes[-1]
    last = {layer: _bytes(counts[-1]) for layer, counts in kept.items()}
    weights = _bytes(4 * n * n)  # float32
    st.markdown(say("history.cost.memory.says", n=f"{n:,}", d=d, weights=weights, **last))


def _numbers(say: Say, found: Sequence[Cost]) -> None:
    """Every measured number, and how it was measured."""
    with st.expander(say("history.cost.numbers"), icon="🔢"):
        st.markdown(say("history.cost.how"))
        st.table(
            {
                say("history.cost.layer"): [_name(say, one.layer) for one in found],
                "n": [f"{one.n:,}" for one in found],
                "d": [str(one.d) for one in found],
                say("history.cost.median"): [_ms(say, one.seconds) for one in found],
                say("history.cost.range"): [
                    f"{_ms(say, one.fastest)} – {_ms(say, one.slowest)}" for one in found
                ],
                say("history.cost.repeats"): [str(one.repeats) for one in found],
                say("history.cost.kept"): [_bytes(one.kept) for one in found],
            }
        )


def _of(found: Sequence[Cost], layer: Layer) -> list[Cost]:
    return [one for one in found if one.layer == layer]


def _name(say: Say, layer: Layer) -> str:
    return say(f"history.cost.layers.{layer}")


def _ms(say: Say, seconds: float) -> str:
    """Three digits; a clock's fourth is noise."""
    return say("history.cost.ms", value=number(float(f"{1e3 * seconds:.3g}")))


def _bytes(count: int) -> str:
    """
    >>> _bytes(9_500), _bytes(16_777_216)
    ('9.5 kB', '16.8 MB')
    """
    return f"{count / 1e3:,.1f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"
