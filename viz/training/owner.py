"""Whose training it is: a secret token that the browser keeps, or the teacher's key."""

from __future__ import annotations

import re
import secrets

import streamlit as st

from model.training import jobs
from model.training.jobs import Job
from viz.i18n import Say

COOKIE = "jumok_trainer"
DAYS = 30
"""How long a browser keeps its token."""

_TOKEN = re.compile(r"[\w-]{20,80}", re.ASCII)
_KEPT, _TEACHER = "training:token", "training:teacher"

_component = st.components.v2.component(
    "jumok_trainer_token",
    js="""
      export default function ({ data }) {
        document.cookie =
          `${data.name}=${data.token}; Max-Age=${data.seconds}; Path=/; SameSite=Strict`;
      }
    """,
)


def token() -> str:
    """This browser's token: the session's, else the cookie's, else a new one."""
    kept = st.session_state.get(_KEPT)
    if kept is None:
        found = st.context.cookies.get(COOKIE, "")
        kept = found if _TOKEN.fullmatch(found) else secrets.token_urlsafe(24)
        st.session_state[_KEPT] = kept
    return str(kept)


def remember() -> None:
    """Let the browser keep the token, so that another tab or tomorrow's visit may stop it, too."""
    _component(
        key="training:cookie",
        data={"name": COOKIE, "token": token(), "seconds": DAYS * 24 * 3600},
    )


def key() -> str:
    """What opens: the teacher's key where it was typed, else this browser's token."""
    typed: str = st.session_state.get(_TEACHER, "")
    return typed if jobs.is_teacher(typed) else token()


def may(job: Job) -> bool:
    """Whether this session may pause, stop, save or delete it."""
    return jobs.may_control(job, key())


def teacher(say: Say) -> None:
    """Where the teacher types the key, and who may stop what."""
    with st.expander(say("training.owner.title"), key="training:box:owner", icon="🔑"):
        st.markdown(say("training.owner.rule", days=DAYS))
        typed = st.text_input(
            say("training.owner.key"),
            type="password",
            key="training.key",
            on_change=_typed,
            autocomplete="off",
        )
        if jobs.is_teacher(st.session_state.get(_TEACHER, "")):
            st.success(say("training.owner.known"), icon="✅")
        elif typed:
            st.error(say("training.owner.unknown"), icon="🔒")


def _typed() -> None:
    """Before the page is drawn: what stands above the field changes with it."""
    if typed := st.session_state["training.key"]:
        st.session_state[_TEACHER] = typed
