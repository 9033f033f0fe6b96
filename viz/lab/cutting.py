"""Part 4: cut it, and see whether the meaning changes. Looking there is not yet causing it."""

from __future__ import annotations

from functools import partial
from typing import Literal, get_args

import numpy as np
import streamlit as st
from jaxtyping import Float

from model.analysis import causes, leaderboard
from model.analysis.causes import Drops, Effect, KnockOut
from model.analysis.leaderboard import Head, Leaderboard
from model.analysis.twins import Marked
from viz import cache, choice, picture, sentence, state, theme
from viz.charts.cells import signed_map, weight_map
from viz.charts.measured import Curve, falling, heads_apart
from viz.export import numbers
from viz.i18n import Say, literal
from viz.lab import board, cuts, runs
from viz.lab.flip import head_axes, naming_bars, of_heads
from viz.lab.pair import Pair
from viz.lab.runs import Asked, head_name, share
from viz.numbers import correlation, number
from viz.state import Target
from viz.takehome import Numbers

MOST_PILLS = 48
By = Literal["attention", "drop"]
_CUT = "lab:cut"


def part(say: Say, pair: Pair) -> Numbers | None:
    """One pair of sentences, cut live; then a whole set."""
    if pair.a is None:
        st.caption(say("lab.needs_marks"))
        return None
    tools, found = st.columns([4, 8], gap="large")
    with tools:
        line = _tools(say, pair)
        to = _target(say, pair)
    with found:
        _effects(say, pair, line, to)
    st.markdown(f"##### {say('lab.cut.set')}")
    asked = runs.asked(say, pair.looked, "cut", 50)
    if asked is None:
        return None
    _cost(say, pair, asked, line)
    drops = _one_by_one(say, pair, asked, line)
    _knock_out(say, pair, asked, line)
    return partial(numbers.drops, drops) if drops is not None else None


# ── what is cut ──────────────────────────────────────────────────────────────────────────────────


def _tools(say: Say, pair: Pair) -> str:
    """The kind of cut and its heads, as a line."""
    kind, heads = _asked_for(say, pair)
    every = _every_head(pair)
    chosen = st.segmented_control(
        say("lab.cut.what"),
        cuts.KINDS,
        default=kind,
        format_func=lambda one: say(f"lab.cut.{one}.name"),
        key="lab.cut.kind",
        required=True,
        persist_state="session",
    )
    kind = chosen or kind
    names = dict(zip(("pronoun", "first", "second"), (pair.pronoun, *pair.names), strict=True))
    st.caption(say.markdown(f"lab.cut.{kind}.says", **names))
    where: tuple[Head, ...] | None = None
    if kind == "heads" or not st.toggle(
        say("lab.cut.everywhere"), value=heads is None, key="lab.cut.all", persist_state="session"
    ):
        where = _heads(say, every, heads if heads is not None else _first(pair))
    line = cuts.written(kind, where)
    st.session_state[_CUT] = line
    state.into_link("cut", line, _first_cut(pair))
    return line


def _asked_for(say: Say, pair: Pair) -> tuple[str, tuple[Head, ...] | None]:
    """What the link asks for, as far as it exists here; else what was cut last; else one head."""
    first = _first_cut(pair)
    kept = st.session_state.get(_CUT, first)
    asked = state.from_link("cut", kept, first)
    if asked != kept:
        for key in ("lab.cut.kind", "lab.cut.all", "lab.cut.heads"):
            st.session_state.pop(key, None)
    try:
        kind, heads = cuts.read(asked)
    except ValueError:
        st.info(say("lab.cut.link_wrong"), icon="🔗")
        return "heads", _first(pair)
    if heads is None:
        return kind, None
    return kind, tuple(head for head in heads if head in _every_head(pair))


def _every_head(pair: Pair) -> list[Head]:
    config = pair.looked.bundle.config
    return [
        (layer, head) for layer in range(config.n_encoder_layers) for head in range(config.n_heads)
    ]


def _first(pair: Pair) -> tuple[Head, ...]:
    """The head that was measured to resolve pronouns best, where the checkpoint says so."""
    best = choice.best_head(pair.looked.bundle, pair.looked.trace.source_lang)
    return (best,) if best else ((0, 0),)


def _first_cut(pair: Pair) -> str:
    return cuts.written("heads", _first(pair))


def _heads(say: Say, every: list[Head], first: tuple[Head, ...]) -> tuple[Head, ...]:
    """Which heads: as pills, or as a list to search where there are very many."""
    kept = st.session_state.get("lab.cut.heads")
    if kept is not None and not set(kept) <= set(every):
        del st.session_state["lab.cut.heads"]

    def name(head: Head) -> str:
        return f"{head[0] + 1}·{head[1] + 1}"

    if len(every) > MOST_PILLS:
        chosen = st.multiselect(
            say("lab.cut.which"),
            every,
            default=list(first),
            format_func=name,
            key="lab.cut.heads",
            persist_state="session",
        )
    else:
        chosen = st.pills(
            say("lab.cut.which"),
            every,
            selection_mode="multi",
            default=list(first),
            format_func=name,
            key="lab.cut.heads",
            wrap=True,
            persist_state="session",
        )
    return tuple(sorted(chosen))


def _target(say: Say, pair: Pair) -> Target:
    """Into which language: French shows what the pronoun means by its gender."""
    learned = sentence.targets(pair.looked.bundle, pair.looked.trace.source_text)
    first: Target = "fr" if "fr" in learned else learned[0]
    chosen = st.segmented_control(
        say("lab.cut.to"),
        learned,
        default=first,
        format_func=lambda one: say(f"lang.{one}"),
        key=f"lab.cut.to.{'-'.join(learned)}",
        required=True,
        persist_state="session",
    )
    return chosen or first


# ── what becomes of the two sentences ────────────────────────────────────────────────────────────


def _effects(say: Say, pair: Pair, line: str, to: Target) -> None:
    if cuts.read(line)[0] == "row" and pair.b is None:
        st.caption(say("lab.needs_pair"))
        return
    others = (pair.b, pair.a)
    for n, (marked, twin) in enumerate(zip(pair.both, others, strict=False)):
        name = ("one", "two")[n]
        st.markdown(f"**{say(f'lab.{name}')}**")
        _one_effect(say, pair, marked, twin, line, to, name)


def _one_effect(
    say: Say, pair: Pair, marked: Marked, twin: Marked | None, line: str, to: Target, name: str
) -> None:
    bundle = pair.looked.bundle
    reading = cache.reading(bundle.name, bundle.version, marked)
    found = cache.effect(bundle.name, bundle.version, marked, reading.winner, line, twin, to)
    st.markdown(_verdict(say, found, line))
    before, after = found.readings
    readings = {say("lab.cut.before"): before, say("lab.cut.after"): after}
    naming_bars(say, marked.names, readings, f"lab:cut:{name}")
    if found.translations is not None:
        _translations(say, *found.translations)


def _translations(say: Say, before: str, after: str) -> None:
    if before == after:
        st.markdown(f":gray-badge[{say('lab.cut.translation_same')}] {literal(before)}")
        return
    st.markdown(f":gray-badge[{say('lab.cut.before')}] {literal(before)}")
    st.markdown(f":gray-badge[{say('lab.cut.after')}] **{literal(after)}**")


def _verdict(say: Say, found: Effect, line: str) -> str:
    """Whether the pronoun still stands for the same word."""
    was, now = (reading.likeliest for reading in found.readings)
    values = {"word": was[0], "before": say.percent(was[3]), "after": say.percent(now[3])}
    if not cuts.cuts(line):
        return say.markdown("lab.cut.nothing", word=was[0], before=values["before"])
    if was[1:3] == now[1:3]:  # where it stands: a word may stand there twice
        return say.markdown("lab.cut.holds", **values)
    return say.markdown("lab.cut.falls", **values, other=now[0])


# ── over a set ───────────────────────────────────────────────────────────────────────────────────


def _cost(say: Say, pair: Pair, asked: Asked, line: str) -> None:
    """How often naming is right with this cut; once asked for, with every further cut."""
    made = cuts.cuts(line)
    if not made:
        st.caption(say("lab.cut.choose"))
        return
    model = pair.looked.bundle.model
    scores: Leaderboard | None = runs.kept(pair.looked, "board", asked.key)
    before = scores.answers if scores else None
    found = runs.measured(
        say,
        pair.looked,
        "cost",
        (*asked.key, line),
        lambda collected, done: causes.cost(model, asked.questions(collected), made, done, before),
        goes_on=asked.key,
    )
    if found is None:
        return
    st.markdown(
        say(
            "lab.cut.cost",
            before=share(say, found.before),
            after=share(say, found.after),
            points=_points(found.points),
            count=f"{found.before.n:,}",
        )
    )


def _points(points: float) -> str:
    """Percentage points lost, with their sign; "0" only for none."""
    if points == 0:
        return "0"
    return f"{'−' if points > 0 else '+'}{abs(points):.1f}"


def _one_by_one(say: Say, pair: Pair, asked: Asked, line: str) -> Drops | None:
    """This kind of cut in each head by itself: what it costs, beside how well the head looks."""
    name, kind = cuts.read(line)[0], cuts.kind_of(line)
    st.markdown(f"##### {say('lab.drops.title')}")
    st.markdown(say("lab.drops.says", what=say(f"lab.cut.{name}.name")))
    looked, model = pair.looked, pair.looked.bundle.model
    drops = runs.measured(
        say,
        looked,
        "drops",
        (*asked.key, name),
        lambda collected, done: causes.drops(
            model, asked.questions(collected), progress=done, kind=kind
        ),
    )
    if drops is None:
        return None
    scores = board.ask(say, pair, asked)
    if scores is None:
        st.caption(say("lab.drops.board"))
    else:
        _maps(say, drops, scores)
    return drops


def _maps(say: Say, drops: Drops, scores: Leaderboard) -> None:
    looks: Float[np.ndarray, "layer head"] = scores.table("prefers")
    looking, losing, both = st.columns(3, gap="medium")
    axes = head_axes(say, looks.shape)
    limit = max(0.01, float(np.abs(drops.log_p).max()))
    colour = theme.page_text(st.context.theme.type)
    with looking:
        st.markdown(f"**{say('lab.drops.looks')}**")
        figure = weight_map(
            looks,
            *axes,
            value=say("lab.measure.prefers"),
            mask=np.isfinite(looks),
            text_colour=colour,
        )
        figure = of_heads(figure, len(looks))
        picture.show(figure, key="lab:looks", alt=say("lab.drops.looks"))
    with losing:
        st.markdown(f"**{say('lab.drops.loses')}**")
        figure = signed_map(
            drops.log_p, *axes, limit=limit, value=say("lab.drops.nats"), text_colour=colour
        )
        figure = of_heads(figure, len(looks))
        picture.show(figure, key="lab:drops", alt=say("lab.drops.loses"))
        st.caption(say("lab.drops.scale", limit=number(limit)))
    with both:
        st.markdown(f"**{say('lab.drops.both')}**")
        figure = heads_apart(
            looks,
            drops.log_p,
            (say("lab.measure.prefers"), say("lab.drops.nats")),
            say.sentences["lab.head"],
            limits=((-0.05, 1.05), (-1.08 * limit, 1.08 * limit)),
        )
        picture.show(figure, key="lab:agree", alt=say("lab.drops.both"))
    rho = leaderboard.rank_correlation(looks, drops.log_p)
    st.markdown(say("lab.drops.rho", rho=correlation(rho)))
    layer, head = (int(n) for n in np.unravel_index(int(drops.log_p.argmax()), looks.shape))
    st.markdown(
        say(
            "lab.drops.worst",
            head=head_name(say, layer, head),
            points=_points(100 * float(drops.accuracy[layer, head])),
            before=share(say, drops.before),
        )
    )
    st.caption(say("lab.drops.hide"))


def _knock_out(say: Say, pair: Pair, asked: Asked, line: str) -> None:
    """The best resolvers cut one after another, and as many heads drawn at random."""
    name, kind = cuts.read(line)[0], cuts.kind_of(line)
    st.markdown(f"##### {say('lab.knock.title')}")
    st.markdown(say("lab.knock.says", what=say(f"lab.cut.{name}.name")))
    count = len(_every_head(pair))
    ways: tuple[By, ...] = get_args(By)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        way = st.segmented_control(
            say("lab.knock.by"),
            ways,
            default=ways[0],
            format_func=lambda one: say(f"lab.knock.{one}"),
            key="lab.knock.by",
            required=True,
            persist_state="session",
        )
        most = st.slider(
            say("lab.knock.most"),
            1,
            max(2, count),
            min(6, max(2, count // 2)),
            key=f"lab.knock.most.{count}",
            width=240,
        )
    by = way or ways[0]
    model = pair.looked.bundle.model
    found = runs.measured(
        say,
        pair.looked,
        "knock",
        (*asked.key, name, most, by),
        lambda collected, done: causes.knock_out(
            model, asked.questions(collected), most, by=by, progress=done, kind=kind
        ),
    )
    if found is not None:
        _fall(say, found)


def _fall(say: Say, found: KnockOut) -> None:
    if not found.steps:
        st.info(say("lab.board.too_few"), icon="🔎")
        return
    best = [step.best.value or 0.0 for step in found.steps]
    compared = found.compared
    draws = [[one.value or 0.0 for one in step.random] or [best[0]] for step in compared]
    means = [best[0] if step.random_mean is None else step.random_mean for step in compared]
    curves = (
        Curve(say("lab.knock.best"), best),
        Curve(say("lab.knock.random"), means, [min(d) for d in draws], [max(d) for d in draws]),
    )
    rule = (say("lab.rule.chance_noun"), found.chance)
    figure = falling(curves, rule, say("lab.knock.removed"), say("lab.knock.right"))
    picture.show(figure, key="lab:knock", alt=say("lab.knock.title"))
    st.markdown(_failing(say, found))
    lost, last = found.lost, compared[-1]
    st.markdown(
        say(
            f"lab.knock.{causes.verdict(*lost)}",
            n=last.n,
            best=_points(lost[0]),
            random=_points(lost[1]),
            heads=", ".join(head_name(say, *head) for head in last.cut),
        )
    )
    st.caption(say("lab.knock.other_half", draws=max(len(step.random) for step in found.steps)))


def _failing(say: Say, found: KnockOut) -> str:
    """From how many heads on it fails, if it does."""
    step = found.fails
    told = "never" if step is None else "at" if step.n else "before"
    step = step or found.steps[-1]
    values = {"share": share(say, step.best), "chance": say.percent(found.chance)}
    return say(f"lab.knock.fails_{told}", n=step.n, **values)
