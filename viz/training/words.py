"""What the parts of the training page say alike: names, durations, sizes, and why one failed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from model import ModelError
from model.training.jobs import Job, Reason
from viz.i18n import Say, literal
from viz.numbers import number


def names(say: Say, found: Sequence[Job]) -> dict[str, str]:
    """What each is called, by its id; of those that are called alike, its id's end is told, too."""
    called = {job.id: _name(say, job) for job in found}
    times = Counter(called.values())
    return {id: f"{of} · {id[-3:]}" if times[of] > 1 else of for id, of in called.items()}


def _name(say: Say, job: Job) -> str:
    """What a training is called: its title, else its preset, and the time of its start."""
    started = time.strftime("%m-%d %H:%M:%S", time.localtime(job.created))
    if job.request is None:
        return f"{job.id} · {started}"
    return f"{job.request.title or say(f'training.preset.{job.request.preset}')} · {started}"


def state(say: Say, job: Job) -> str:
    """Where it is: queued, running and at which stage, or how it ended."""
    if job.state == "queued":
        ahead = job.ahead
        return say("training.state.queued", ahead=ahead) if ahead else say("training.state.next")
    if job.state == "running":
        return say(f"training.stage.{job.stage or 'preparing'}")
    return say(f"training.state.{job.state}")


def direction(say: Say, written: str) -> str:
    """ "en-ko" as a reader says it."""
    return " → ".join(say(f"lang.{lang}") for lang in written.split("-"))


def share(say: Say, value: float) -> str:
    """A share of a softmax that was rounded to be kept: nothing of it is exactly 0 or 1."""
    return say.percent(min(max(value, 0.001), 0.999))


def duration(say: Say, seconds: float) -> str:
    """Seconds as whole seconds, minutes or hours and minutes."""
    if seconds < 90:
        return say("training.time.seconds", seconds=f"{seconds:.0f}")
    minutes = round(seconds / 60)
    if minutes < 90:
        return say("training.time.minutes", minutes=minutes)
    return say("training.time.hours", hours=minutes // 60, minutes=minutes % 60)


def size(n_bytes: int) -> str:
    """Bytes as megabytes or gigabytes."""
    return f"{n_bytes / 1e6:,.0f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:.1f} GB"


def error(say: Say, found: ModelError) -> str:
    """What went wrong; a setting that makes no sense is one of this page, not a checkpoint's."""
    if found.code == "config_invalid":
        name = str(found.details["setting"])
        known = f"training.set.{name}"
        setting = say(known) if known in say.sentences else name
        return say.markdown("training.start.invalid", setting=setting, value=found.details["value"])
    details = {
        name: number(value) if isinstance(value, float) else value
        for name, value in found.details.items()
    }
    return say.markdown(f"error.{found.code}", **details)


def reason(say: Say, found: Reason) -> str:
    """Why a training ended before its time, and what to do."""
    try:
        return error(say, ModelError(found.code, found.message, **found.details))
    except KeyError:  # an error that only the command line can have
        return f"{say('training.state.failed')}: {literal(found.message)}"


def show(id: str) -> None:
    """Let the page watch this training; from a callback."""
    st.session_state["training.part"] = "watch"
    st.session_state["training:watched"] = id
    st.query_params["job"] = id
