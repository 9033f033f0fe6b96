"""Start your own: a preset, a few settings, what it learns from, the budget, and Start."""

from __future__ import annotations

import json
from dataclasses import asdict

import streamlit as st

from model import ModelError
from model.config import PRESETS
from model.training import jobs
from model.training.jobs import Request
from viz import cache, state
from viz.i18n import Say
from viz.numbers import number
from viz.state import FAMOUS
from viz.training import corpus, owner, settings, words

OFFERED = ("class", "tiny", "small")

_ESTIMATED, _FAILED = "training:estimated", "training:failed"


def part(say: Say) -> None:
    """Everything up to the Start button; after it, the page watches."""
    st.markdown(say("training.start.lead"))
    name = _preset(say)
    preset = PRESETS[name]
    settings.budget(say, name, preset)
    st.text_input(
        say("training.start.sentence"),
        FAMOUS,
        key="training.sentence",
        persist_state="session",
        autocomplete="off",
    )
    with st.expander(say("training.start.settings"), key="training:box:settings", icon="🎛️"):
        settings.sizes(say, name, preset)
    with st.expander(say("training.corpus.title"), key="training:box:corpus", icon="📄"):
        corpus.part(say, name, preset)
    settings.device(say)
    request = settings.request(name, preset)
    if not corpus.is_complete():
        st.info(say("training.corpus.missing"), icon="📄")
    with st.container(horizontal=True, gap="small"):
        asked = st.button(say("training.start.estimate"), key="training.estimate", icon="⏱️")
        st.button(
            say("training.start.go"),
            key="training.go",
            icon="▶️",
            type="primary",
            disabled=not corpus.is_complete(),
            on_click=_start,
            args=(state.click("start"), request),
        )
    _tell_failure(say, st.session_state.pop(_FAILED, None))
    _estimate(say, request, asked)
    st.caption(say("training.start.rule", days=owner.DAYS))


def _preset(say: Say) -> str:
    chosen = st.segmented_control(
        say("training.start.preset"),
        OFFERED,
        format_func=lambda name: say(f"training.preset.{name}"),
        key="training.preset",
        default=OFFERED[0],
        required=True,
        persist_state="session",
    )
    name = chosen or OFFERED[0]
    preset = PRESETS[name]
    st.caption(
        say(
            f"training.preset.{name}_is",
            layers=f"{preset.sizes['n_encoder_layers']} + {preset.sizes['n_decoder_layers']}",
            heads=preset.sizes["n_heads"],
            d_model=preset.sizes["d_model"],
            steps=f"{preset.train.steps:,}",
        )
    )
    return name


def _start(click: state.Click, request: Request) -> None:
    """Start it, or keep why not, for the run that follows."""
    if not state.first_click(click):
        return
    try:
        job = jobs.start(cache.RUNS, request.changed(pairs=corpus.kept()), owner.token())
    except ModelError as error:
        st.session_state[_FAILED] = error
        return
    words.show(job.id)


def _tell_failure(say: Say, error: ModelError | None) -> None:
    if error is not None:
        st.error(words.error(say, error), icon="🧯")


def _estimate(say: Say, request: Request, asked: bool) -> None:
    """How long it will take, measured on this machine; told as long as nothing is changed."""
    key = json.dumps(asdict(request), default=str, sort_keys=True)
    if asked:
        from model.training.estimate import estimate  # brings the training library along

        with st.spinner(say("training.start.measuring"), show_time=True):
            try:
                st.session_state[_ESTIMATED] = (key, estimate(cache.RUNS, request))
            except ModelError as error:
                _tell_failure(say, error)
    known = st.session_state.get(_ESTIMATED)
    if known is None or known[0] != key:
        return
    found = known[1]
    told = say(
        "training.start.estimated",
        total=words.duration(say, found.seconds),
        preparing=words.duration(say, found.preparing_seconds),
        training=words.duration(say, found.training_seconds),
        measuring=words.duration(say, found.measuring_seconds),
        steps=f"{found.steps:,}",
        tokens=f"{found.tokens_per_second:,.0f}",
        memory=words.size(found.memory_bytes),
        parameters=number(float(found.parameters)),
    )
    about = say(f"training.start.from_{found.source}")
    if corpus.uploaded() is not None:
        about += " " + say("training.start.from_built_in")
    st.info(f"{told} {about}", icon="⏱️")
