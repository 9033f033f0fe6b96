"""Decoding: how a translation is written, one piece at a time, and how training sees it."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
import streamlit as st

from model import Trace
from model.analysis import decoding
from model.analysis.decoding import Derailed, ForcedRun, GreedyRun, Sampling, label
from model.analysis.softmax import softmax
from model.analysis.words import sharpest_head
from viz import cache, picture, sentence, state, takehome
from viz.charts.beam_tree import MOST_LEVELS, BeamText, beam_tree
from viz.charts.decoding import before_after, losses, side_by_side
from viz.components.drawing import drawing
from viz.components.save import save_text
from viz.components.writing_view import Step, moved_to, writing_view
from viz.i18n import Say, literal
from viz.numbers import number
from viz.sentence import Looked
from viz.state import Kind

Part = Literal["steps", "sampling", "beam", "forcing", "loss"]
PARTS: tuple[Part, ...] = get_args(Part)

WRITING_VIEW = "decoding:writing_view"
_OF_VIEW = "decoding.view."
_CANDIDATES = 8
_BARS = 10
_TOP_K = (1, 2, 3, 5, 10, 20, 50, 100, None)

# The lecture's own pair. No docstring: Streamlit would print it on the page.
LESSON = (
    "어제 카페 갔었어 거기 사람 많더라",
    "I went to the cafe yesterday; there were many people there.",
)


def render() -> None:
    """The page: a sentence, a language, and one of five ways to look at the writing."""
    say = state.say()
    looked = sentence.opening(say, "decoding")
    if looked is None:
        return
    part = _part(say, looked)
    st.caption(say("decoding.special", tag=f"<2{looked.to}>"))
    if part == "steps":
        _steps(say, looked)
    elif part == "sampling":
        _sampling(say, looked)
    elif part == "beam":
        _beam(say, looked)
    elif _reference(say, looked):
        (_forcing if part == "forcing" else _loss)(say, looked)
    sentence.write_link(looked)
    takehome.offer(say, looked)


def _part(say: Say, looked: Looked) -> Part:
    """Which part of the page, and into which language: two rows of buttons."""
    with st.container(key="switches", horizontal=True, vertical_alignment="bottom", gap="medium"):
        asked = st.query_params.get("part")
        part: Part = next((part for part in PARTS if part == asked), "steps")
        state.follow("decoding.part", part)
        st.segmented_control(
            say("decoding.part.label"),
            PARTS,
            format_func=lambda option: say(f"decoding.part.{option}"),
            key="decoding.part",
            required=True,
            on_change=_part_chosen,
            wrap=True,
        )
        state.follow("decoding.to", looked.to)
        st.segmented_control(
            say("decoding.to"),
            sentence.targets(looked.bundle, looked.trace.source_text),
            format_func=lambda lang: say(f"lang.{lang}"),
            key="decoding.to",
            required=True,
            on_change=_language_chosen,
        )
    return part


def _part_chosen() -> None:
    st.query_params["part"] = st.session_state["decoding.part"]


def _language_chosen() -> None:
    state.rows_anew(to=st.session_state["decoding.to"], target=None)


# ── one piece at a time ──────────────────────────────────────────────────────────────────────────


@st.fragment
def _steps(say: Say, looked: Looked) -> None:
    """Greedy, step by step; the whole run was made once, the browser walks through it."""
    bundle, trace = looked.bundle, looked.trace
    run = cache.greedy_run(bundle.name, bundle.version, trace.source_text, looked.to)
    if not run.ids:
        st.info(say("decoding.nothing"))
        return
    own = cache.trace(bundle.name, bundle.version, trace.source_text, None, looked.to)
    with st.container(key="pickers", horizontal=True, vertical_alignment="bottom", gap="small"):
        self_at = _head(say, own, "decoder")
        cross_at = _head(say, own, "cross")
    writing_view(
        _view_steps(looked, run, own, self_at, cross_at),
        [label(piece) for piece in own.source_tokens],
        [label(piece) for piece in [*run.start, *run.pieces]],
        run=f"{bundle.version} {looked.to} {trace.source_text}",
        step=_asked_step(),
        text={
            name.removeprefix(_OF_VIEW): words
            for name, words in say.sentences.items()
            if name.startswith(_OF_VIEW)
        }
        | save_text(say)
        | {"of": trace.source_text},
        key=WRITING_VIEW,
        on_change=_moved,
    )
    st.caption(say("decoding.badge_steps", difference=number(run.largest_difference)))


def _view_steps(
    looked: Looked,
    run: GreedyRun,
    own: Trace,
    self_at: tuple[int, int],
    cross_at: tuple[int, int],
) -> list[Step]:
    self_rows = own.attention("decoder")[self_at]
    cross_rows = own.attention("cross")[cross_at]
    steps = []
    for n, logits in enumerate(run.logits):
        newest = decoding.START - 1 + n
        found = decoding.top(looked.bundle, softmax(logits), _CANDIDATES)
        shares = [candidate.probability for candidate in found]
        steps.append(
            Step(
                self_rows[newest, : newest + 1],
                cross_rows[newest],
                [label(candidate.piece) for candidate in found],
                shares,
                decoding.rest(shares),
                run.texts[n],
            )
        )
    return steps


def _head(say: Say, trace: Trace, kind: Kind) -> tuple[int, int]:
    """One picker for layer and head; it starts at the most decided one."""
    attention = trace.attention(kind)
    heads = [(layer, head) for layer in range(len(attention)) for head in range(attention.shape[1])]
    key, telling = f"decoding.head.{kind}", sharpest_head(attention)
    if st.session_state.get(key) not in heads:
        st.session_state[key] = telling
    chosen: tuple[int, int] = st.selectbox(
        say(f"decoding.head.{kind}"),
        heads,
        format_func=lambda at: say("decoding.head.name", layer=at[0] + 1, head=at[1] + 1),
        key=key,
        width=220,
    )
    return chosen


def _asked_step() -> int:
    asked = st.query_params.get("step", "")
    return int(asked) - 1 if asked.isascii() and asked.isdigit() and len(asked) < 4 else 0


def _moved() -> None:
    step = moved_to(WRITING_VIEW)
    if step is not None:
        st.query_params["step"] = str(step + 1)


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────


@st.fragment
def _sampling(say: Say, looked: Looked) -> None:
    """Temperature, top-k and top-p, and a sentence drawn piece by piece."""
    bundle, text, to = looked.bundle, looked.trace.source_text, looked.to
    written, seed = _drawn(f"{bundle.version} {to} {text}")
    sliders, bars = st.columns([2, 3], gap="large")
    with sliders:
        how = _sliders(say)
        st.markdown(f"**{say('decoding.sampling.sofar')}**")
        st.markdown(f"#### {literal(bundle.tokenizer.decode(written)) or '…'}")
        ended = decoding.is_complete(written, decoding.room(bundle, text, to))
        _draw_buttons(say, looked, how, written, seed, ended=ended)
    with bars:
        if ended:
            st.info(say("decoding.sampling.ended"))
            return
        logits = cache.next_logits(bundle.name, bundle.version, text, to, tuple(written))
        found = decoding.sampled(logits, how)
        drawn = decoding.draw(found.after, seed, len(written))
        st.session_state["decoding.next"] = (len(written), drawn)
        shown = decoding.top(bundle, found.before, _BARS, also=[drawn])
        names = [label(candidate.piece) for candidate in shown]
        at = [candidate.id for candidate in shown].index(drawn)
        st.markdown(say.markdown("decoding.sampling.drawn", piece=names[at], seed=seed))
        picture.show(
            before_after(
                names,
                [candidate.probability for candidate in shown],
                [float(found.after[candidate.id]) for candidate in shown],
                at,
                labels=(say("decoding.sampling.before"), say("decoding.sampling.after")),
            ),
            key="decoding:bars",
            alt=_bars_alt(say, names, [float(found.after[candidate.id]) for candidate in shown]),
        )
        kept, whole = int(found.kept.sum()), int(np.isfinite(logits).sum())
        st.caption(say("decoding.sampling.kept", kept=f"{kept:,}", whole=f"{whole:,}"))


def _drawn(run: str) -> tuple[list[int], int]:
    """What was drawn so far for this sentence, and the seed."""
    if st.session_state.get("decoding.run") != run:
        st.session_state["decoding.run"] = run
        st.session_state["decoding.written"] = []
        st.session_state["decoding.seed"] = 0
    return st.session_state["decoding.written"], st.session_state["decoding.seed"]


def _sliders(say: Say) -> Sampling:
    temperature = st.slider(
        say("decoding.sampling.temperature"),
        0.1,
        3.0,
        1.0,
        0.1,
        key="decoding.temperature",
        help=say("decoding.sampling.temperature_help"),
    )
    top_k = st.select_slider(
        say("decoding.sampling.top_k"),
        _TOP_K,
        None,
        format_func=lambda k: say("decoding.sampling.all") if k is None else str(k),
        key="decoding.top_k",
        help=say("decoding.sampling.top_k_help"),
    )
    top_p = st.slider(
        say("decoding.sampling.top_p"),
        0.05,
        1.0,
        1.0,
        0.05,
        key="decoding.top_p",
        help=say("decoding.sampling.top_p_help"),
    )
    return Sampling(temperature, top_k, top_p)


def _draw_buttons(
    say: Say, looked: Looked, how: Sampling, written: list[int], seed: int, *, ended: bool
) -> None:
    with st.container(horizontal=True, gap="small"):
        words = "decoding.sampling."
        st.button(
            say(words + "again"),
            key="decoding.again",
            icon="🎲",
            on_click=_draw_again,
            disabled=ended,
        )
        st.button(
            say(words + "write"),
            key="decoding.write",
            type="primary",
            on_click=_write,
            disabled=ended,
        )
        st.button(
            say(words + "finish"),
            key="decoding.finish",
            on_click=_finish,
            args=(looked, how, seed),
            disabled=ended,
        )
        st.button(
            say(words + "back"), key="decoding.back", on_click=_take_back, disabled=not written
        )
        st.button(
            say(words + "over"), key="decoding.over", on_click=_start_over, disabled=not written
        )


def _draw_again() -> None:
    st.session_state["decoding.seed"] += 1


def _write() -> None:
    """What was drawn for this place; a second click may come before the next place's token does."""
    place, drawn = st.session_state["decoding.next"]
    written = st.session_state["decoding.written"]
    if place == len(written):
        st.session_state["decoding.written"] = [*written, drawn]


def _finish(looked: Looked, how: Sampling, seed: int) -> None:
    written = st.session_state["decoding.written"]
    st.session_state["decoding.written"] = decoding.draw_on(
        looked.bundle, looked.trace.source_text, looked.to, written, how, seed
    )


def _take_back() -> None:
    st.session_state["decoding.written"] = st.session_state["decoding.written"][:-1]


def _start_over() -> None:
    st.session_state["decoding.written"] = []
    st.session_state["decoding.seed"] += 1


def _bars_alt(say: Say, names: list[str], shares: list[float]) -> str:
    listed = ", ".join(f"{name} {number(share)}" for name, share in zip(names, shares, strict=True))
    return f"{say('decoding.sampling.after')}: {listed}"


# ── beam search ──────────────────────────────────────────────────────────────────────────────────


@st.fragment
def _beam(say: Say, looked: Looked) -> None:
    """The tree of every hypothesis, and what ended, by its score."""
    bundle, text = looked.bundle, looked.trace.source_text
    width = st.slider(
        say("decoding.beam.width"),
        1,
        5,
        3,
        key="decoding.beam",
        help=say("decoding.beam.help"),
        width=320,
    )
    tree = cache.beam_tree(bundle.name, bundle.version, text, looked.to, width)
    greedy = cache.beam_tree(bundle.name, bundle.version, text, looked.to, 1)
    st.caption(say("decoding.beam.legend", drawn=2 * width, width=width))
    names = ("text", "probability", "log_p", "score", "kept", "ended", "dropped", "won")
    words = BeamText(say("decoding.beam.alt"), *(say(f"decoding.beam.{name}") for name in names))
    of = {"title": say("decoding.beam.alt"), "of": looked.trace.source_text}
    drawing(beam_tree(tree, words), text=save_text(say) | of, key="decoding:tree")
    if tree.n_levels > MOST_LEVELS:
        st.caption(say("decoding.beam.cut", most=MOST_LEVELS, levels=tree.n_levels))
    st.latex(
        r"\text{score}(y) = \frac{\log P(y \mid x)}{\left(\frac{5 + |y|}{6}\right)^{\alpha}}"
        rf",\qquad \alpha = {tree.alpha:g}"
    )
    st.caption(say("decoding.beam.formula"))
    won, first = tree.nodes[tree.winner], greedy.nodes[greedy.winner]
    st.dataframe(
        pd.DataFrame(
            [
                {
                    say("decoding.beam.text"): ("★ " if n == tree.winner else "") + node.text,
                    "|y|": str(node.depth),
                    "log P(y|x)": number(node.log_p),
                    "((5+|y|)/6)^α": number(node.penalty),
                    say("decoding.beam.score"): number(node.score),
                }
                for n, node in tree.finished
            ]
        ),
        hide_index=True,
    )
    same = "same" if won.text == first.text else "other"
    st.markdown(
        say.markdown(
            f"decoding.beam.greedy_{same}", text=first.text or "—", score=number(first.score)
        )
    )


# ── with a teacher ───────────────────────────────────────────────────────────────────────────────


def _reference(say: Say, looked: Looked) -> bool:
    """The right translation: the student's own, or the model's; False where there is none."""
    bundle, text = looked.bundle, looked.trace.source_text
    own = cache.trace(bundle.name, bundle.version, text, None, looked.to)
    state.follow("decoding.target", looked.look.target or own.output)
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    left.text_input(
        say("decoding.reference.label"),
        key="decoding.target",
        help=say("decoding.reference.help"),
        autocomplete="off",
        on_change=_reference_typed,
    )
    right.button(
        say("decoding.reference.lesson"),
        key="decoding.lesson",
        on_click=_lesson,
        width="stretch",
        disabled=(text, looked.look.target) == LESSON,
    )
    origin = "model" if looked.look.target is None else "own"
    st.caption(say(f"decoding.reference.{origin}"))
    if looked.trace.output:
        return True
    st.info(say("decoding.nothing"))
    return False


def _reference_typed() -> None:
    target = st.session_state["decoding.target"]
    state.rows_anew(target=target if target.strip() else None)


def _lesson() -> None:
    text, target = LESSON
    state.rows_anew(text=text, to="en", target=target)


@st.fragment
def _forcing(say: Say, looked: Looked) -> None:
    """Teacher forcing beside free running, after one wrong piece."""
    bundle, text, to, target = (
        looked.bundle,
        looked.trace.source_text,
        looked.to,
        looked.look.target,
    )
    forced = cache.forced_run(bundle.name, bundle.version, text, target, to)
    st.markdown(say("decoding.forcing.says"))
    with st.container(key="pickers", horizontal=True, vertical_alignment="bottom", gap="small"):
        position = _position(say, looked, forced)
        wrong = _wrong(say, looked, forced, position)
    found = cache.derailed(bundle.name, bundle.version, text, target, to, position, wrong)
    right = [label(piece) for piece in found.teacher.right]
    teacher = found.teacher.probabilities
    names = tuple(say(f"decoding.forcing.{name}") for name in ("teacher", "free", "here"))
    picture.show(
        side_by_side(
            right, teacher, found.p_right, position, labels=(names[0], names[1], names[2])
        ),
        key="decoding:forcing",
        alt=say("decoding.forcing.alt"),
    )
    st.caption(say("decoding.forcing.caption"))
    st.markdown(
        f"**{say('decoding.forcing.free')}**: {literal(found.text)}"
        f"  \n**{say('decoding.forcing.right')}**: {literal(looked.trace.output)}"
    )
    st.dataframe(_forcing_table(say, found), hide_index=True)
    _badge(say, forced, looked)


def _position(say: Say, looked: Looked, forced: ForcedRun) -> int:
    right = forced.right[:-1]
    chosen: int = st.selectbox(
        say("decoding.forcing.position"),
        range(len(right)),
        forced.least_sure,
        format_func=lambda n: f"{n + 1} · {label(right[n])}",
        key=f"decoding.position {looked.to} {len(right)} {looked.trace.output}",
        width=220,
    )
    return chosen


def _wrong(say: Say, looked: Looked, forced: ForcedRun, position: int) -> int:
    """The wrong piece: one of those that the model finds likely here, or the first one typed."""
    bundle, text = looked.bundle, looked.trace.source_text
    before = tuple(forced.ids[:position])
    logits = cache.next_logits(bundle.name, bundle.version, text, looked.to, before)
    found = decoding.top(bundle, softmax(logits), _BARS + 1)
    names = {c.id: f"{label(c.piece)} · {number(c.probability)}" for c in found}
    names.pop(forced.ids[position], None)
    chosen = st.selectbox(
        say("decoding.forcing.wrong"),
        list(names),
        format_func=lambda i: names.get(i, i),
        key=f"decoding.wrong {position} {looked.to} {looked.trace.output}",
        accept_new_options=True,
        help=say("decoding.forcing.wrong_help"),
        width=260,
    )
    if not isinstance(chosen, str):
        return int(chosen)
    typed = bundle.tokenizer.encode(chosen)
    if len(typed.ids) > 1:
        pieces = " | ".join(map(label, typed.pieces))
        st.caption(say.markdown("decoding.forcing.first_only", word=chosen, pieces=pieces))
    return typed.ids[0] if typed.ids else next(iter(names))


def _forcing_table(say: Say, found: Derailed) -> pd.DataFrame:
    teacher = found.teacher
    free = [label(piece) for piece in found.free]
    rows = []
    for n, right in enumerate(teacher.right):
        mark = "✗ " if n == found.position else ""
        rows.append(
            {
                "": str(n + 1),
                say("decoding.forcing.right_piece"): label(right),
                say("decoding.forcing.p_teacher"): number(float(teacher.probabilities[n])),
                say("decoding.forcing.would"): label(teacher.likeliest[n]),
                say("decoding.forcing.written"): mark + free[n] if n < len(free) else "—",
                say("decoding.forcing.p_free"): (
                    number(float(found.p_right[n])) if np.isfinite(found.p_right[n]) else "—"
                ),
            }
        )
    return pd.DataFrame(rows)


# ── as training sees it ──────────────────────────────────────────────────────────────────────────


def _loss(say: Say, looked: Looked) -> None:
    """−log P of each right piece, and their mean."""
    bundle, text = looked.bundle, looked.trace.source_text
    run = cache.forced_run(bundle.name, bundle.version, text, looked.look.target, looked.to)
    st.markdown(say("decoding.loss.says"))
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.latex(
            r"\begin{aligned} \text{loss} &= \frac{1}{n}\sum_{t=1}^{n} -\log P(y_t \mid y_{<t}, x)"
            rf" \\ &= {run.loss:.4g}\ \text{{nats}} \end{{aligned}}"
        )
        labels = (say("decoding.loss.bar"), say("decoding.loss.mean"))
        pieces = [label(piece) for piece in run.right]
        picture.show(
            losses(pieces, -run.log_p, run.loss, labels=labels),
            key="decoding:loss",
            alt=say("decoding.loss.alt", loss=number(run.loss)),
        )
        st.caption(_smoothing(say, looked, run))
    with right:
        st.dataframe(_loss_table(say, run), hide_index=True)
    _badge(say, run, looked)


def _loss_table(say: Say, run: ForcedRun) -> pd.DataFrame:
    return pd.DataFrame(
        {
            say("decoding.loss.read"): [label(piece) for piece in run.input[1:]],
            say("decoding.forcing.right_piece"): [label(piece) for piece in run.right],
            "P": [number(float(p)) for p in run.probabilities],
            "−log P": [number(float(-log_p)) for log_p in run.log_p],
        }
    )


def _smoothing(say: Say, looked: Looked, run: ForcedRun) -> str:
    """Whether training smoothed its labels, and the loss that it saw then."""
    settings = looked.bundle.metrics.get("training", {}).get("settings", {})
    smoothing = settings.get("label_smoothing")
    if smoothing is None:
        return say("decoding.loss.smoothing_unknown")
    smoothed = number(run.smoothed_loss(smoothing))
    return say("decoding.loss.smoothing", smoothing=f"{smoothing:g}", smoothed=smoothed)


def _badge(say: Say, run: ForcedRun, looked: Looked) -> None:
    difference = decoding.difference_from(run, looked.trace)
    st.caption(say("decoding.badge_forced", difference=number(difference)))


if __name__ == "__main__":
    render()
