"""Attention, one query at a time: one head's calculation from the embedding to the output."""

from __future__ import annotations

import streamlit as st

from model.analysis.steps import STAGES, Stages
from model.analysis.words import attention_map
from viz import cache, choice, parts, sentence, state, takehome
from viz.components.head_view import Pin
from viz.components.save import save_text
from viz.components.steps_view import Form, Place, moved_to, steps_view
from viz.i18n import Say
from viz.sentence import Looked
from viz.state import Kind

STEPS_VIEW = "attention:steps_view"
_OF_VIEW = "attention.view."


def render() -> None:
    """The page: a sentence, one head and one row of it, and the calculation step by step."""
    parts.one_sentence("attention", _steps)


@st.fragment
def _steps(say: Say, looked: Looked) -> None:
    pin, kind = choice.head_and_row(say, looked), state.look().kind
    bundle, trace = looked.bundle, looked.trace
    assert pin.head is not None
    assert pin.query is not None
    stages = cache.attention_stages(
        bundle.name,
        bundle.version,
        trace.source_text,
        looked.look.target,
        looked.to,
        kind,
        pin.layer,
        pin.head,
    )
    shown = attention_map(trace, kind, merged=False)
    steps_view(
        stages,
        shown.queries,
        shown.keys,
        place=_place(pin.query),
        head=pin.head,
        symbols={"cross": kind == "cross", "pre": trace.norm == "pre"},
        text=_text(say, looked, kind, pin, stages),
        key=STEPS_VIEW,
        on_change=_moved,
    )
    sentence.write_link(looked)
    takehome.offer(say, looked, kind, pin.layer, pin.head)


def _place(query: int) -> Place:
    """The stage and the form are this page's own part of the link."""
    step = st.query_params.get("step", "")
    stage = int(step) - 1 if step.isascii() and step.isdigit() and len(step) < 3 else 0
    form: Form = "matrix" if st.query_params.get("form") == "matrix" else "row"
    return Place(min(max(stage, 0), len(STAGES) - 1), query, form)


def _moved() -> None:
    place = moved_to(STEPS_VIEW)
    if place is None:
        return
    st.query_params["step"] = str(place.stage + 1)
    st.query_params["form"] = place.form
    state.change(query=place.query)


def _text(say: Say, looked: Looked, kind: Kind, pin: Pin, stages: Stages) -> dict[str, str]:
    """Every word of the view; the sentences that depend on what is shown are chosen here."""
    words = {
        name.removeprefix(_OF_VIEW): sentence
        for name, sentence in say.sentences.items()
        if name.startswith(_OF_VIEW)
    }
    d_k = stages.q.shape[1]
    mask = "none" if stages.mask.all() else "future"
    where = say("line.where", layer=pin.layer + 1, head=(pin.head or 0) + 1)
    of = f"{looked.trace.source_text} · {say(f'kind.{kind}')} · {where}"
    return (
        words
        | save_text(say)
        | {
            "of": of,
            "origin": say(f"attention.origin.{kind}"),
            "input_says": _input(say, looked, kind, pin.layer),
            "scale_says": say("attention.scale", d_k=d_k, root=f"{d_k**0.5:.4g}"),
            "mask_says": say(f"attention.mask.{mask}"),
            "concat_says": say("attention.concat", heads=stages.n_heads, head=(pin.head or 0) + 1),
        }
    )


def _input(say: Say, looked: Looked, kind: Kind, layer: int) -> str:
    """What x is: embedded words, the layer below, or the sublayer before cross-attention."""
    made_of = "cross" if kind == "cross" else "words" if layer == 0 else "layer"
    return say(f"attention.input.{made_of}_{looked.trace.norm}", below=layer)


if __name__ == "__main__":
    render()
