"""After a training: keep it under a name, take it home, delete it, train it again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from model import ModelError
from model.config import to_dict
from model.training import jobs, saved
from model.training.jobs import Job
from viz import cache, state
from viz.i18n import Say
from viz.training import compare, film, owner, words

AGAIN = (
    "peak_lr", "naming_weight", "warmup_steps", "lower_lr_share", "steps", "seed", "n_heads",
    "n_encoder_layers", "n_decoder_layers", "d_model", "d_k", "d_v", "d_ff", "dropout",
)  # fmt: skip
"""What may be the one thing that is changed."""

_TOLD, _FAILED = "training:told", "training:unkept"


def part(say: Say, job: Job, found: list[Job]) -> None:
    """What can be done with a training that does not run."""
    _tell(say)
    if job.measured and owner.may(job):
        _keep(say, job)
    compare.part(say, job, found)
    shot = cache.film_of_run(job)
    if shot is not None:
        with st.expander(say("training.after.film"), key="training:box:film", icon="🎞️"):
            film.show(say, shot, f"run.{job.id}")
    with st.expander(say("training.again.title"), key="training:box:again", icon="🔁"):
        _again(say, job)
    if owner.may(job):
        with st.expander(say("training.after.delete"), key="training:box:delete", icon="🗑️"):
            st.markdown(say("training.after.delete_means"))
            st.button(
                say("training.after.delete_now"),
                key="training.delete",
                on_click=_delete,
                args=(job,),
            )


def _tell(say: Say) -> None:
    """What the last click brought."""
    if failed := st.session_state.pop(_FAILED, None):
        st.error(words.error(say, failed), icon="🧯")
    name = st.session_state.get(_TOLD)
    if name and name == state.model_name(cache.checkpoints()):
        st.success(say.markdown("training.after.kept", name=name), icon="✅")
        st.page_link("viz/views/look.py", label=say("training.after.look"), icon="👀")


# ── keeping ──────────────────────────────────────────────────────────────────────────────────────


def _keep(say: Say, job: Job) -> None:
    st.markdown(f"#### {say('training.after.title')}")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            say("training.after.name"),
            key="training.save_as",
            placeholder=say("training.after.name_hint"),
            max_chars=60,
            autocomplete="off",
            width=280,
        )
        st.button(
            say("training.after.keep"),
            key="training.save",
            icon="💾",
            type="primary",
            on_click=_save,
            args=(state.click("keep"), job),
        )
        _download(say, job.folder, "training.download")
    st.caption(say("training.after.keep_means"))


def _download(say: Say, folder: Path, key: str) -> None:
    st.download_button(
        say("training.after.download"),
        partial(saved.packed, folder),
        file_name=f"{folder.name}.zip",
        mime="application/zip",
        key=key,
        icon="⬇️",
        on_click="ignore",
    )


def _save(click: state.Click, job: Job) -> None:
    """Keep it, and let every page take it from now on."""
    if not state.first_click(click):
        return
    name = str(st.session_state.get("training.save_as") or "").strip()
    try:
        saved.save_as(job, name, owner.key(), cache.CHECKPOINTS)
    except ModelError as error:
        st.session_state[_FAILED] = error
        return
    st.query_params["model"] = name
    st.session_state[_TOLD] = name


def _delete(job: Job) -> None:
    try:
        jobs.delete(job, owner.key())
    except ModelError as error:
        st.session_state[_FAILED] = error
        return
    st.session_state.pop("training:watched", None)
    st.query_params.pop("job", None)


def shelf(say: Say) -> None:
    """Checkpoints that this browser saved, to download or delete; and one from elsewhere."""
    with st.expander(say("training.shelf.title"), key="training:box:shelf", icon="📦"):
        _tell_shelf(say)
        mine = [
            name for name in cache.checkpoints() if saved.may_delete(cache.RUNS, name, owner.key())
        ]
        if not mine:
            st.caption(say("training.shelf.none"))
        for name in mine:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**`{name}`**", width=220)
                _download(say, cache.CHECKPOINTS / name, f"training.download.{name}")
                st.button(
                    say("training.shelf.delete"),
                    key=f"training.delete.{name}",
                    icon="🗑️",
                    on_click=_delete_saved,
                    args=(state.click(f"delete {name}"), name),
                )
        file = st.file_uploader(say("training.shelf.file"), type=["zip"], key="training.zip")
        st.text_input(
            say("training.after.name"), key="training.zip_name", max_chars=60, autocomplete="off"
        )
        st.button(
            say("training.shelf.take_in"),
            key="training.take_in",
            disabled=file is None,
            on_click=_take_in,
            args=(state.click("take in"),),
        )


def _tell_shelf(say: Say) -> None:
    if failed := st.session_state.pop("training:shelf", None):
        st.error(words.error(say, failed), icon="🧯")


def _delete_saved(click: state.Click, name: str) -> None:
    if not state.first_click(click):
        return
    try:
        saved.delete_saved(cache.RUNS, name, owner.key(), cache.CHECKPOINTS)
    except ModelError as error:
        st.session_state["training:shelf"] = error
        return
    if st.query_params.get("model") == name:
        del st.query_params["model"]
    if st.session_state.get(_TOLD) == name:
        del st.session_state[_TOLD]


def _take_in(click: state.Click) -> None:
    if not state.first_click(click):
        return
    file = st.session_state["training.zip"]
    name = str(st.session_state.get("training.zip_name") or "").strip()
    try:
        saved.take_in(file.getvalue(), name, owner.token(), cache.RUNS, cache.CHECKPOINTS)
    except ModelError as error:
        st.session_state["training:shelf"] = error
        return
    st.query_params["model"] = name


# ── again ─────────────────────────────────────────────────────────────────────────────────────────


def _again(say: Say, job: Job) -> None:
    """The same from the start, with one thing changed."""
    if job.settings is None:
        st.caption(say("training.again.unknown"))
        return
    values = job.settings.sizes | to_dict(job.settings.train)
    name = st.selectbox(
        say("training.again.what"),
        [setting for setting in AGAIN if setting in values],  # a recurrent model has no heads
        format_func=lambda setting: say(f"training.set.{setting}"),
        key="training.again",
        width=320,
    )
    now = values[name]
    key = f"training.again.{job.id}.{name}"
    if isinstance(now, float):
        step = now / 10 or 0.1
        st.number_input(
            say("training.again.value"), 0.0, None, now, step, format="%.5f", key=key, width=200
        )
    else:
        st.number_input(say("training.again.value"), 0, None, now, key=key, width=200)
    st.caption(say("training.again.before", value=now))
    st.button(
        say("training.again.go"),
        key="training.again.go",
        icon="🔁",
        on_click=_start_again,
        args=(state.click("again"), job, name, key),
    )


def _start_again(click: state.Click, job: Job, name: str, key: str) -> None:
    if not state.first_click(click):
        return
    value: Any = st.session_state[key]
    try:
        new = jobs.again(job, owner.token(), **{name: value})
    except ModelError as error:
        st.session_state[_FAILED] = error
        return
    words.show(new.id)
