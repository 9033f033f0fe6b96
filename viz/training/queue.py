"""Who trains and who waits; a change in any training draws the page anew."""

from __future__ import annotations

import streamlit as st

from model.training import jobs
from model.training.jobs import Job
from viz import cache
from viz.i18n import Say
from viz.tables import table
from viz.training import words

EVERY = 2.0  # seconds between two looks at the files' times

Phases = list[tuple[str, str, str]]


def phases() -> Phases:
    """Every training's state and stage: what the page was drawn by."""
    return sorted(jobs.phases(cache.RUNS))


def part(say: Say, found: list[Job], drawn: Phases) -> None:
    """Who runs and who waits, first to last; `drawn`: the phases before `found` was read."""
    st.fragment(run_every=EVERY)(_watch)(drawn)
    active = sorted((job for job in found if job.active), key=lambda job: job.ahead)
    if len(active) > 1:
        called = words.names(say, found)
        st.caption(say("training.watch.queue"))
        table(
            {
                say("training.watch.which"): [called[job.id] for job in active],
                say("training.watch.state"): [words.state(say, job) for job in active],
            }
        )


def _watch(drawn: Phases) -> None:
    if phases() != drawn:
        st.rerun()
