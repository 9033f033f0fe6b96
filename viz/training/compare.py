"""Several trainings on one chart, while they run and afterwards."""

from __future__ import annotations

import streamlit as st

from model.analysis import growth
from model.training import jobs
from model.training.jobs import Job
from viz import cache
from viz.charts.curves import Course, Unit
from viz.i18n import Say
from viz.training import pictures, queue, words

_MEASURES: tuple[tuple[str, Unit], ...] = (("loss_nats", "loss"), ("accuracy", "share"))


def part(say: Say, job: Job, found: list[Job]) -> None:
    """This training's curves beside others'; they grow while one of them runs."""
    called = words.names(say, found)
    others = {other.id: other for other in found if other.id != job.id}
    if not others:
        return
    kept = [id for id in st.session_state.get("training.beside", []) if id in others]
    if kept != st.session_state.get("training.beside", []):
        st.session_state["training.beside"] = kept
    chosen = st.multiselect(
        say("training.compare.with"),
        list(others),
        format_func=called.__getitem__,
        key="training.beside",
        max_selections=5,
        placeholder=say("training.compare.none"),
    )
    if chosen:
        shown = [job, *(others[id] for id in chosen)]
        every = queue.EVERY if any(one.active for one in shown) else None
        st.fragment(run_every=every)(_curves)(say, {one.id: called[one.id] for one in shown})


def _curves(say: Say, called: dict[str, str]) -> None:
    shown = [job for id in called if (job := jobs.find(cache.RUNS, id)) is not None]
    measured = [jobs.held_out(job) for job in shown]
    for column, (measure, unit) in zip(st.columns(2, gap="large"), _MEASURES, strict=True):
        lines = []
        for n, (job, looks) in enumerate(zip(shown, measured, strict=True)):
            curve = growth.held_out_curve(looks, measure)
            lines.append(Course(called[job.id], curve.steps, curve.values, n))
        with column:
            st.markdown(f"**{say(f'training.compare.{measure}')}**")
            pictures.chart(say, f"beside:{measure}", unit, lines)
