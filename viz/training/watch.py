"""Watching a training: how far it is, its curves, one sentence, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from model import ModelError
from model.analysis import growth
from model.tokenizer import language_of
from model.training import jobs
from model.training.jobs import Job
from model.training.live import HeldOut, Live
from viz import cache
from viz.charts.curves import Course
from viz.i18n import Say, literal
from viz.numbers import number
from viz.tables import table
from viz.training import after, compare, owner, pictures, queue, words

_CHOSEN, _FAILED = "training.job", "training:refused"


def part(say: Say) -> None:
    """Which training, what it does now, and what can be done with it."""
    drawn = queue.phases()
    found = jobs.jobs(cache.RUNS)
    if not found:
        st.info(say("training.watch.none"), icon="🌱")
        queue.part(say, found, drawn)
        return
    job = _choose(say, found)
    queue.part(say, found, drawn)
    every = queue.EVERY if job.active else None
    st.fragment(run_every=every)(_now)(say, job.id)
    if job.active:
        compare.part(say, job, found)
    else:
        after.part(say, job, found)


def _choose(say: Say, found: list[Job]) -> Job:
    """The one in the link, else the newest; a link that the page did not write itself wins."""
    known, called = {job.id: job for job in found}, words.names(say, found)
    kept, asked = st.session_state.get("training:watched"), st.query_params.get("job")
    if asked in known and asked != kept:
        kept = asked
    # The browser answers with what it shows, and shows another state only where it is told to.
    st.session_state[_CHOSEN] = kept if kept in known else found[0].id
    chosen: str = st.selectbox(
        say("training.watch.which"),
        list(known),
        format_func=lambda id: f"{called[id]} · {words.state(say, known[id])}",
        key=_CHOSEN,
        on_change=_chosen,
    )
    st.query_params["job"] = st.session_state["training:watched"] = chosen
    return known[chosen]


def _chosen() -> None:
    """Watch another one; a state that has changed in the meantime is no choice."""
    id = st.session_state[_CHOSEN]
    if jobs.find(cache.RUNS, id) is not None:
        words.show(id)


def _now(say: Say, id: str) -> None:
    """All that changes while it runs; reads the job's files and nothing else."""
    job = jobs.find(cache.RUNS, id)
    if job is None:
        st.rerun()  # deleted: the rest of the page shows it, too
        return
    _progress(say, job)
    _controls(say, job)
    log, held_out = jobs.progress(job), jobs.held_out(job)
    _numbers(say, job, log, held_out)
    if held_out:
        _curves(say, job, log, held_out)
    live = jobs.live(job)
    if live is not None:
        _sentence(say, job, live, held_out)


def _progress(say: Say, job: Job) -> None:
    share = min(1.0, job.step / job.steps) if job.steps else 0.0
    where = words.state(say, job)
    text = say("training.watch.step", step=f"{job.step:,}", steps=f"{job.steps:,}", where=where)
    if job.seconds_left:
        text += f" · {say('training.watch.left', left=words.duration(say, job.seconds_left))}"
    st.progress(share, text)
    if job.asked:
        st.caption(say(f"training.watch.asked_{job.asked}"))
    if job.reason is not None and job.state in ("failed", "interrupted"):
        st.error(words.reason(say, job.reason), icon="🧯")


def _controls(say: Say, job: Job) -> None:
    """Pause, go on, stop: for who started it and for the teacher."""
    if not owner.may(job):
        st.caption(f"🔒 {say('training.watch.not_yours')}")
        return
    offered: dict[str, tuple[str, Callable[[Job, str], None]]] = {}
    if job.active and not job.asked:
        offered = {"pause": ("⏸️", jobs.pause), "stop": ("⏹️", jobs.stop)}
    elif job.state in ("paused", "interrupted", "failed", "stopped"):
        offered = {"resume": ("▶️", jobs.resume)}
        if not job.measured and job.step:
            offered["stop"] = ("⏹️", jobs.stop)
    with st.container(horizontal=True, gap="small"):
        for name, (icon, what) in offered.items():
            if st.button(say(f"training.watch.{name}"), key=f"training.{name}.{job.id}", icon=icon):
                try:
                    what(job, owner.key())
                except ModelError as error:
                    st.session_state[_FAILED] = error
                st.rerun()
    refused = st.session_state.pop(_FAILED, None)
    if refused is not None:
        st.error(words.error(say, refused), icon="🧯")


def _numbers(say: Say, job: Job, log: list[dict[str, float]], held_out: list[HeldOut]) -> None:
    """What the last line of progress and the last look at held-out sentences say."""
    shown: dict[str, str] = {}
    if log:
        last = log[-1]
        shown["loss"] = number(last["loss_nats"])
    if held_out:
        shown["held_out_loss"] = number(held_out[-1].loss_nats)
        shown["accuracy"] = say.percent(held_out[-1].accuracy)
        for lang, share in held_out[-1].naming.items():
            shown[f"naming_{lang}"] = say.percent(share)
    if log:
        shown["lr"] = number(last["lr"])
        shown["tokens"] = f"{last['tokens_per_second']:,.0f}"
    shown["seconds"] = words.duration(say, job.seconds)
    with st.container(horizontal=True, gap="medium"):
        for name, value in shown.items():
            st.metric(
                say(f"training.number.{name}"),
                value,
                help=say(f"training.number.{name}_help"),
                width="content",
            )


def _curves(say: Say, job: Job, log: list[dict[str, float]], held_out: list[HeldOut]) -> None:
    loss, shares = st.columns(2, gap="large")
    with loss:
        train, held = (
            growth.log_curve(log, "loss_nats"),
            growth.held_out_curve(held_out, "loss_nats"),
        )
        lines = [
            Course(say("training.curve.train"), train.steps, train.values, 1),
            Course(say("training.curve.held_out"), held.steps, held.values, 0),
        ]
        pictures.chart(say, "now:loss", "loss", lines, steps=job.steps)
    with shares:
        accuracy = growth.held_out_curve(held_out, "accuracy")
        lines = [Course(say("training.curve.accuracy"), accuracy.steps, accuracy.values, 2)]
        for n, lang in enumerate(held_out[-1].naming):
            name = say(f"lang.{lang}")
            named, best = (
                growth.naming_curve(held_out, lang),
                growth.best_head_curve(held_out, lang),
            )
            lines += [
                Course(say("training.curve.naming", lang=name), named.steps, named.values, n),
                Course(
                    say("training.curve.head", lang=name), best.steps, best.values, n, dashed=True
                ),
            ]
        pictures.chart(say, "now:shares", "share", lines, steps=job.steps)
    with st.expander(say("training.number.lr"), key="training:box:rate", icon="📐"):
        st.caption(say("training.number.lr_help"))
        rate = growth.log_curve(log, "lr")
        line = Course(say("training.number.lr"), rate.steps, rate.values, 3)
        pictures.chart(say, "now:rate", "rate", [line], steps=job.steps)


# ── one sentence ─────────────────────────────────────────────────────────────────────────────────


def _sentence(say: Say, job: Job, live: Live, held_out: list[HeldOut]) -> None:
    """The chosen sentence's attention, every head's score, and sample translations."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**{say('training.watch.attention', step=f'{live.step:,}')}**")
        if owner.may(job):
            _other_sentence(say, job)
        if live.problem is not None:
            problem = live.problem
            error = ModelError(problem["code"], problem["message"], **problem["details"])
            st.warning(words.error(say, error), icon="✏️")
        else:
            _attention(say, live, held_out)
    with right:
        if held_out:
            _scores(say, held_out[-1])
        st.markdown(f"**{say('training.watch.translations')}**")
        table(
            {
                say("training.watch.source"): [text for text, *_ in live.translations],
                say("training.watch.made"): [
                    f"{say(f'lang.{to}')}: {made or say('training.film.nothing')}"
                    for _, to, made in live.translations
                ],
            }
        )


def _other_sentence(say: Say, job: Job) -> None:
    key = f"training.look.{job.id}"
    st.text_input(
        say("training.start.sentence"),
        job.request.sentence if job.request else "",
        key=key,
        on_change=_look_at,
        args=(job, key),
        label_visibility="collapsed",
        autocomplete="off",
        disabled=not job.active,
        persist_state="session",
    )


def _look_at(job: Job, key: str) -> None:
    text = str(st.session_state[key] or "")
    try:
        jobs.look_at(job, owner.key(), text, "en" if language_of(text) == "ko" else "ko")
    except ModelError as error:
        st.session_state[_FAILED] = error


def _attention(say: Say, live: Live, held_out: list[HeldOut]) -> None:
    """One head's map between words: the best one in this language, as it was measured just now.

    Of a language that no direction reads, no head was measured: the first one is shown.
    """
    maps = growth.live_maps(live, "encoder")
    measured = held_out and live.lang in held_out[-1].argmax
    layer, head = held_out[-1].best(live.lang)[:2] if measured else (0, 0)
    where = say("line.where", layer=layer + 1, head=head + 1)
    title = say("training.watch.best", where=where) if measured else f"{where}:"
    st.caption(f"{title} {literal(live.sentence)}")
    pictures.one_head(say, maps, layer, head, "now")
    if live.naming:
        st.markdown(f"**{say('training.film.naming')}**")
        pictures.named_words(say, live.naming, "now")
    made = literal(live.output) or say("training.film.nothing")
    st.markdown(f"{say(f'lang.{live.to}')}: {made}")


def _scores(say: Say, measured: HeldOut) -> None:
    """Of every head, the share of held-out pronouns at which it looks at the antecedent."""
    for lang, scores in measured.argmax.items():
        title = say("training.watch.heads", lang=say(f"lang.{lang}"), count=measured.n[lang])
        st.markdown(f"**{title}**")
        layer, head, _ = measured.best(lang)
        pictures.every_head(say, scores, f"now.{lang}", (layer, head), say.percent)
