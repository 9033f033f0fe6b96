"""The rest of the block: a map of the whole model, and every stage around attention in numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st
from jaxtyping import Float

from model.analysis import block
from model.analysis.block import SUBLAYERS, Module, NormSteps, Stack, Stream
from model.analysis.words import attention_map
from viz import choice, parts, picture, sentence, state, takehome
from viz.charts.bars import bar_list
from viz.charts.residual import (
    MOST_DRAWN,
    StreamText,
    path_lengths,
    stream_chart,
    unrolled_paths,
)
from viz.charts.vectors import Strip, hidden_layer, strips
from viz.components.architecture import ArchitectureText, Here, architecture, clicked, plan
from viz.components.save import save_text
from viz.i18n import Say
from viz.numbers import number
from viz.sentence import Looked

MAP = "block:map"
STAGE = "block.stage"
CANDIDATES = 10


@dataclass(frozen=True)
class Place:
    """Where the student stands: a stack, one of its layers, one token."""

    stack: Stack
    layer: int
    row: int
    tokens: list[str]

    @property
    def token(self) -> str:
        """The chosen token, as the page writes it."""
        return self.tokens[self.row]


def render() -> None:
    """The page: the sentence, the map with the stage beside it, and why there are residuals."""
    say = state.say()
    looked = sentence.opening(say, "block")
    if looked is not None:
        choice.link_notice(say, looked)
        _page(say, looked)


@st.fragment
def _page(say: Say, looked: Looked) -> None:
    place = _place(looked)
    drawn, calculated = st.columns([5, 7], gap="large")
    with calculated:
        stage = _pickers(say, looked, place)
        _STAGES[stage.rsplit(".", 1)[-1]](say, looked, place, stage)
    with drawn:
        _map(say, looked, place, stage)
    st.divider()
    _why(say, looked, place, stage)
    sentence.write_link(looked)
    takehome.offer(say, looked)


def _place(looked: Looked) -> Place:
    """What was chosen on whatever page, as far as it exists here."""
    if state.look().unit == "words":  # the calculation is done on tokens; words have other rows
        state.rows_anew(unit="tokens")
    look = state.look()
    stack: Stack = "encoder" if look.kind == "encoder" else "decoder"
    shown = attention_map(looked.trace, look.kind, merged=False)
    row = choice.pin(looked, shown).query
    layer = min(look.layer or 0, looked.trace.n_layers[stack] - 1)
    return Place(stack, layer, next(iter(shown.ordinary), 0) if row is None else row, shown.queries)


# ── choosing ─────────────────────────────────────────────────────────────────────────────────────


def _pickers(say: Say, looked: Looked, place: Place) -> str:
    stages = block.stages(looked.trace, place.stack)
    state.follow_link(STAGE, "stage", stages)
    with st.container(key="pickers", horizontal=True, vertical_alignment="bottom", gap="small"):
        state.follow("block.stack", place.stack)
        st.segmented_control(
            say("block.stack"),
            tuple(SUBLAYERS),
            format_func=lambda stack: say(f"block.{stack}"),
            key="block.stack",
            required=True,
            on_change=_stack_chosen,
        )
        layers = [str(n + 1) for n in range(looked.trace.n_layers[place.stack])]
        _select(say("block.layer"), "layer", layers, place.layer)
        tokens = [f"{n + 1} · {token}" for n, token in enumerate(place.tokens)]
        _select(say("block.token"), "query", tokens, place.row)
    with st.container(key="stages", horizontal=True, vertical_alignment="bottom", gap="small"):
        found: str = st.selectbox(
            say("block.stage"),
            stages,
            format_func=lambda stage: _numbered(say, looked, place.stack, stage),
            key=STAGE,
            width=300,
            persist_state="session",
        )
        state.into_link("stage", found, stages[0])
        walk = (looked, place, found)
        st.button(f"← {say('block.back')}", key="block.back", on_click=_walk, args=(*walk, -1))
        st.button(
            f"{say('block.next')} →",
            key="block.next",
            type="primary",
            on_click=_walk,
            args=(*walk, +1),
        )
    return found


def _select(label: str, name: str, labels: list[str], now: int) -> None:
    key = f"block.{name}"
    state.follow(key, now)
    st.selectbox(
        label,
        range(len(labels)),
        format_func=labels.__getitem__,
        key=key,
        on_change=_selected,
        args=(name,),
        width=170 if name == "query" else 90,
    )


def _selected(name: str) -> None:
    state.change(**{name: st.session_state[f"block.{name}"]})


def _stack_chosen() -> None:
    state.rows_anew(kind=st.session_state["block.stack"], layer=None)


def _walk(looked: Looked, place: Place, stage: str, step: int) -> None:
    """One stage on or back, from layer to layer; the ends of the stack end the walk."""
    stages = block.stages(looked.trace, place.stack)
    within = stages.index("next") + 1
    last = looked.trace.n_layers[place.stack] - 1
    route = [(layer, stage) for layer in range(last + 1) for stage in stages[:within]]
    route += [(last, stage) for stage in stages[within:]]
    layer = last if stage in stages[within:] else place.layer
    at = min(max(route.index((layer, stage)) + step, 0), len(route) - 1)
    layer, st.session_state[STAGE] = route[at]
    state.change(layer=layer)


def _numbered(say: Say, looked: Looked, stack: Stack, stage: str) -> str:
    stages = block.stages(looked.trace, stack)
    return f"{stages.index(stage) + 1} · {_stage_name(say, stack, stage)}"


def _stage_name(say: Say, stack: Stack, stage: str) -> str:
    module, _, step = stage.rpartition(".")
    if not module:
        return say(f"block.name.{step}")
    sublayer = _sublayer_name(say, stack, module)
    if step == "out":
        return sublayer
    return say("block.name.add" if step == "add" else "block.name.norm_for", sublayer=sublayer)


def _sublayer_name(say: Say, stack: Stack, module: str) -> str:
    masked = stack == "decoder" and module == "self_attn"
    return say(f"block.name.{'masked_attn' if masked else module}")


# ── the map ──────────────────────────────────────────────────────────────────────────────────────


def _map(say: Say, looked: Looked, place: Place, stage: str) -> None:
    text = _map_text(say, looked, place)
    here = Here(place.stack, place.layer, stage)
    drawn = plan(looked.bundle.config, here, text, _href)
    save = save_text(say)
    box = architecture(drawn, text=text, save=save, answer="stages", key=MAP, on_click=_clicked)
    st.caption(say(f"block.order.{looked.trace.norm}"))
    if box is not None and (page := _leads_to(box).page) is not None:
        st.switch_page(f"viz/views/{page}.py")


def _map_text(say: Say, looked: Looked, place: Place) -> ArchitectureText:
    trace = looked.trace
    # What the decoder writes behind the chosen token; seen from the encoder, its first word.
    row = place.row if place.stack == "decoder" else 1
    steps = block.output(looked.bundle, trace, row)
    following = block.candidates(looked.bundle, trace, steps, 1)[0]
    counts = {"encoder": trace.n_layers["encoder"], "decoder": trace.n_layers["decoder"]}
    values = {name: say(f"block.map.{name}", n=n) for name, n in counts.items()}
    values |= {"source": trace.source_text, "target": trace.output}
    values["decoding"] = say("block.map.decoding", piece=_piece(say, following.piece))
    own = [f.name for f in fields(ArchitectureText) if f.name not in values]
    return ArchitectureText(**values, **{name: say(f"block.map.{name}") for name in own})


@dataclass(frozen=True)
class Target:
    """Where a box leads: another page, or a stage of this one; and the view to take along."""

    page: str | None
    look: dict[str, Any]
    stage: str | None = None


def _leads_to(box: str) -> Target:
    stack, *path = box.split(".")
    same = (state.look().kind == "encoder") == (stack == "encoder")
    look: dict[str, Any] = {"kind": stack} | ({} if same else {**state.NO_ROW, "layer": None})
    match path:
        case ["tokens"]:
            return Target("look", look)
        case ["embedding" | "position"]:
            return Target("positions", look)
        case ["decoding"]:
            return Target("decoding", look)
        case ["linear" | "softmax"]:
            return Target(None, look, "output")
        case ["final_norm"]:
            return Target(None, look, "final_norm")
        case [layer]:
            return Target(None, look | {"layer": int(layer)})
        case [layer, _, "mask"]:
            return Target("masks", look | {"layer": int(layer)})
        case [layer, "cross_attn", "out"]:
            return Target("attention", look | {"kind": "cross", "layer": int(layer)})
        case [layer, "self_attn", "out"]:
            return Target("attention", look | {"layer": int(layer)})
        case [layer, module, step]:
            return Target(None, look | {"layer": int(layer)}, f"{module}.{step}")
    raise ValueError(f"the map has no box {box!r}")


def _href(box: str) -> str:
    """The box's address, for a new tab: the same sentence, language and model."""
    target = _leads_to(box)
    kept = {n: st.query_params[n] for n in ("lang", "model") if n in st.query_params}
    query = urlencode(kept | state.to_params(replace(state.look(), **target.look)))
    page = {None: "", "look": "./"}.get(target.page, target.page)
    return f"{page}?{query}"


def _clicked() -> None:
    box = clicked(MAP)
    if box is not None:
        target = _leads_to(box)
        state.change(**target.look)
        if target.stage is not None:
            st.session_state[STAGE] = target.stage


# ── the stages ───────────────────────────────────────────────────────────────────────────────────


def _add(say: Say, looked: Looked, place: Place, stage: str) -> None:
    module = _module(stage)
    steps = block.residual(looked.trace, place.stack, place.layer, module)
    name = _sublayer_name(say, place.stack, module)
    _head(say, place, stage, "block.plain.add", sublayer=name, token=place.token)
    n = steps.x.shape[1]
    i = _followed(say, "dimension", n)
    x, s, y = (values[place.row] for values in (steps.x, steps.sublayer, steps.added))
    inner = r"\mathrm{LayerNorm}(x)" if looked.trace.norm == "pre" else "x"
    _formula(
        rf"y = x + \mathrm{{Sublayer}}({inner})",
        rf"y_{{{i + 1}}} = {_tex(x[i])} + {_tex(s[i], signed=True)} = {_tex(y[i])}",
    )
    _shapes(say, {"x": x, "Sublayer": s, "y": y})
    drawn = {"x": x, f"+ {name}": s, "y = x + …": y}
    _strips(say, place, drawn, i)
    parts.badge(say, steps.largest_difference, _size(steps.added))
    _table(say, say("block.first"), {"x": x, "Sublayer": s, "y": y})


def _norm(say: Say, looked: Looked, place: Place, stage: str) -> None:
    found = block.layer_norm(looked.bundle, looked.trace, place.stack, place.layer, _module(stage))
    _norm_steps(say, place, stage, found)


def _final_norm(say: Say, looked: Looked, place: Place, stage: str) -> None:
    found = block.final_norm(looked.bundle, looked.trace, place.stack)
    _norm_steps(say, place, stage, found)
    st.caption(say(f"block.plain.final_{place.stack}"))


def _norm_steps(say: Say, place: Place, stage: str, steps: NormSteps) -> None:
    n = steps.x.shape[1]
    _head(say, place, stage, "block.plain.norm", d_model=n, token=place.token)
    i = _followed(say, "dimension", n)
    row = place.row
    x, centred, scaled, y = (
        values[row] for values in (steps.x, steps.centred, steps.scaled, steps.normed)
    )
    mean, variance, gamma, beta = steps.mean[row], steps.variance[row], steps.gamma, steps.beta
    k, spread = i + 1, np.sqrt(variance + steps.eps)
    _formula(
        r"y = \gamma \odot \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta",
        rf"\mu = \tfrac{{1}}{{{n}}} \textstyle\sum_i x_i = {_tex(mean)} \qquad "
        rf"\varepsilon = {_tex(steps.eps)}",
        rf"\sigma^2 = \tfrac{{1}}{{{n}}} \textstyle\sum_i (x_i - \mu)^2 = {_tex(variance)}",
        rf"x_{{{k}}} - \mu = {_tex(x[i])} - {_tex(mean, signed=True)} = {_tex(centred[i])}",
        rf"\frac{{x_{{{k}}} - \mu}}{{\sqrt{{\sigma^2 + \varepsilon}}}} = "
        rf"\frac{{{_tex(centred[i])}}}{{{_tex(spread)}}} = {_tex(scaled[i])}",
        rf"y_{{{k}}} = {_tex(gamma[i])} \cdot {_tex(scaled[i], signed=True)} + "
        rf"{_tex(beta[i], signed=True)} = {_tex(y[i])}",
    )
    _shapes(say, {"x": x, "γ": gamma, "β": beta, "y": y})
    drawn = {"x": x, "x − μ": centred, "(x − μ) / √(σ² + ε)": scaled, "γ · … + β": y}
    _strips(say, place, drawn, i)
    parts.badge(say, steps.largest_difference, _size(steps.normed))
    columns = {"x": x, "x − μ": centred, "÷ √(σ² + ε)": scaled, "γ": gamma, "β": beta, "y": y}
    _table(say, say("block.first"), columns)


def _out(say: Say, looked: Looked, place: Place, stage: str) -> None:
    module = _module(stage)
    if module == "ffn":
        _feed_forward(say, looked, place, stage)
    else:
        _attention(say, looked, place, stage, module)


def _attention(say: Say, looked: Looked, place: Place, stage: str, module: Module) -> None:
    """What attention hands to the sum; how it comes about has a page of its own."""
    out = block.residual(looked.trace, place.stack, place.layer, module).sublayer[place.row]
    plain = "cross" if module == "cross_attn" else "attention"
    _head(say, place, stage, f"block.plain.{plain}", token=place.token, d_model=len(out))
    i = _followed(say, "dimension", len(out))
    _formula(r"\mathrm{Concat}(head_1, \ldots, head_h)\, W^O", rf"out_{{{i + 1}}} = {_tex(out[i])}")
    _shapes(say, {"out": out})
    _strips(say, place, {_sublayer_name(say, place.stack, module): out}, i)
    if st.button(f"{say('block.to_attention')} ↗", key="block.to_attention"):
        kind = "cross" if module == "cross_attn" else place.stack
        state.change(kind=kind, layer=place.layer, query=place.row)
        st.switch_page("viz/views/attention.py")
    _table(say, say("block.first"), {"out": out})


def _feed_forward(say: Say, looked: Looked, place: Place, stage: str) -> None:
    steps = block.feed_forward(looked.bundle, looked.trace, place.stack, place.layer)
    row = place.row
    x, hidden, relu, out = (v[row] for v in (steps.x, steps.hidden, steps.relu, steps.out))
    d_ff, zeros = len(hidden), int(steps.zeros[row])
    sizes = {"d_model": len(x), "d_ff": d_ff, "zeros": zeros, "percent": say.percent(zeros / d_ff)}
    _head(say, place, stage, "block.plain.ffn", token=place.token, **sizes)
    i = _followed(say, "hidden", d_ff)
    k = i + 1
    _formula(
        r"\mathrm{FFN}(x) = \max(0,\; x W_1 + b_1)\, W_2 + b_2",
        rf"h_{{{k}}} = (x W_1 + b_1)_{{{k}}} = {_tex(hidden[i])}",
        rf"\max(0, {_tex(hidden[i])}) = {_tex(relu[i])}",
    )
    _shapes(say, {"x": x, "h": hidden, "max(0, h)": relu, "FFN(x)": out})
    before = Strip(say("block.strip.before"), hidden)
    after = Strip(say("block.strip.after", n=d_ff, zeros=zeros), relu)
    figure = hidden_layer(before, after, dimension=say("block.unit"), zero=say("block.strip.zero"))
    alt = say("block.strip.ffn_alt", n=d_ff, zeros=zeros, token=place.token)
    picture.show(figure, key="block:hidden", alt=alt)
    _strips(say, place, {say("block.strip.out", n=len(out)): out}, None)
    parts.badge(say, steps.largest_difference, max(_size(steps.hidden), _size(steps.out)))
    _table(say, say("block.unit"), {"x W₁ + b₁": hidden, "max(0, ·)": relu})


def _next(say: Say, looked: Looked, place: Place, stage: str) -> None:
    steps = block.hand_over(looked.trace, place.stack, place.layer)
    if place.layer + 1 < looked.trace.n_layers[place.stack]:
        values = {"layer": place.layer + 1, "above": place.layer + 2}
        _head(say, place, stage, "block.plain.next", **values)
    elif looked.trace.norm == "pre":
        _head(say, place, stage, "block.plain.last_pre")
    else:
        _head(say, place, stage, f"block.plain.last_{place.stack}")
    written = steps.written[place.row]
    i = _followed(say, "dimension", len(written))
    _shapes(say, {"x": written})
    _strips(say, place, {place.token: written}, i)
    parts.badge(say, steps.largest_difference, _size(steps.written))
    _table(say, say("block.first"), {"x": written})


def _output(say: Say, looked: Looked, place: Place, stage: str) -> None:
    trace = looked.trace
    steps = block.output(looked.bundle, trace, place.row)
    found = block.candidates(looked.bundle, trace, steps, CANDIDATES)
    names = [_piece(say, candidate.piece) for candidate in found]
    shares = [candidate.probability for candidate in found]
    written = [say.percent(share) for share in shares]
    vocab, best = len(steps.logits), found[0]
    values = {"token": place.token, "vocab": f"{vocab:,}", "best": names[0], "percent": written[0]}
    _head(say, place, stage, "block.plain.output", **values)
    _formula(
        r"\mathrm{logits} = x E^\top \qquad p_w = \frac{e^{\,\mathrm{logit}_w}}"
        r"{\sum_v e^{\,\mathrm{logit}_v}}",
        rf"p_1 = \frac{{e^{{{_tex(best.logit)} - {_tex(best.logit, signed=True)}}}}}"
        rf"{{\sum_v e^{{\,\mathrm{{logit}}_v - {_tex(best.logit, signed=True)}}}}} = "
        rf"\frac{{{_tex(best.exp)}}}{{{_tex(steps.total)}}} = {_tex(best.probability)}",
    )
    _shapes(say, {"x": steps.x, "logits": steps.logits, "p": steps.probabilities}, E=vocab)
    st.caption(say("block.tied"))
    st.markdown(f"**{say('block.candidates.title')}**")
    listed = ", ".join(f"{name} {share}" for name, share in zip(names, written, strict=True))
    picture.show(
        bar_list(names, shares, written),
        key="block:candidates",
        alt=say("block.candidates.alt", shares=listed),
    )
    if place.row + 1 < len(trace.target_tokens):
        follows = _piece(say, trace.target_tokens[place.row + 1])
        st.caption(say.markdown("block.says_next", piece=follows))
    parts.badge(say, steps.largest_difference, _size(steps.logits))
    table = {
        say("block.candidates.piece"): names,
        say("block.candidates.logit"): [number(candidate.logit) for candidate in found],
        say("block.candidates.exp"): [number(candidate.exp) for candidate in found],
        say("block.candidates.probability"): [number(share) for share in shares],
    }
    rank = pd.RangeIndex(1, len(found) + 1, name=say("block.candidates.rank"))
    st.table(pd.DataFrame(table, index=rank))
    if st.button(f"{say('block.to_decoding')} ↗", key="block.to_decoding"):
        st.switch_page("viz/views/decoding.py")


_STAGES: dict[str, Callable[[Say, Looked, Place, str], None]] = {
    "add": _add,
    "norm": _norm,
    "out": _out,
    "next": _next,
    "final_norm": _final_norm,
    "output": _output,
}


# ── what the stages have in common ───────────────────────────────────────────────────────────────


def _module(stage: str) -> Module:
    return next(module for module in SUBLAYERS["decoder"] if stage.startswith(f"{module}."))


def _head(say: Say, place: Place, stage: str, plain: str, **values: object) -> None:
    st.markdown(f"#### {_stage_name(say, place.stack, stage)}")
    st.markdown(say.markdown(plain, **values))


def _followed(say: Say, name: str, n: int) -> int:
    """The one number of the vector whose calculation is written out, as an index."""
    key = f"block.{name}"
    if st.session_state.get(key, 1) > n:
        st.session_state[key] = n
    counted: int = st.number_input(say(key), 1, n, key=key, step=1, width=200, persist_state="page")
    return counted - 1


def _formula(formula: str, *numbers: str) -> None:
    """The rule, then the followed number in it, line by line."""
    st.latex(formula)
    lines = (rf"\displaystyle {line}" for line in numbers)
    st.latex(r"\begin{gathered} " + r" \\[6pt] ".join(lines) + r" \end{gathered}")


def _tex(value: float | np.floating[Any], *, signed: bool = False) -> str:
    """The number as it is written everywhere; in brackets where a sign would meet another."""
    written, _, exponent = number(float(value)).replace("−", "-").partition("e")
    written = written.replace(",", "{,}") + (rf"\cdot 10^{{{exponent}}}" if exponent else "")
    return f"({written})" if signed and written.startswith("-") else written


def _shapes(say: Say, vectors: dict[str, np.ndarray], **tables: int) -> None:
    d_model = len(next(iter(vectors.values())))
    shapes = [f"{name} 1 × {len(vector):,}" for name, vector in vectors.items()]
    shapes += [f"{name} {rows:,} × {d_model:,}" for name, rows in tables.items()]
    st.caption(say("block.shape", shapes=" · ".join(shapes)))


def _strips(
    say: Say, place: Place, drawn: dict[str, Float[np.ndarray, " n"]], marked: int | None
) -> None:
    vectors = [Strip(name, values) for name, values in drawn.items()]
    figure = strips(vectors, dimension=say("block.first"), marked=marked)
    alt = say(
        "block.strip.alt", names=", ".join(drawn), n=len(vectors[0].values), token=place.token
    )
    picture.show(figure, key="block:strips", alt=alt)
    limit = max(_size(values) for values in drawn.values())
    st.caption(say("block.scale", limit=number(limit)))


def _table(say: Say, name: str, columns: dict[str, Float[np.ndarray, " n"]]) -> None:
    with st.expander(say("block.table")):
        written = {c: [number(float(v)) for v in values] for c, values in columns.items()}
        rows = len(next(iter(columns.values())))
        st.dataframe(pd.DataFrame(written, index=pd.RangeIndex(1, rows + 1, name=name)), height=280)


def _piece(say: Say, piece: str) -> str:
    """A piece of the vocabulary as a person reads it; "+" where it goes on with the one before."""
    if piece == "</s>":
        return say("block.map.end")
    goes_on = not piece.startswith("▁") and piece[0].isalnum()
    return f"+{piece}" if goes_on else piece.replace("▁", "") or "▁"


def _size(values: np.ndarray) -> float:
    return float(np.abs(values).max(initial=0))


# ── why residual connections ─────────────────────────────────────────────────────────────────────


@st.fragment
def _why(say: Say, looked: Looked, place: Place, stage: str) -> None:
    st.markdown(f"#### {say('block.why.title')}")
    st.markdown(say("block.why.lead"))
    found = block.stream(looked.trace, place.stack)
    labels = [f"{layer + 1} {_short(say, module)}" for layer, module in found.sublayers]
    paths, carried = st.columns(2, gap="large")
    with paths:
        _paths(say, place, labels)
    with carried:
        _stream(say, found, place, stage)


def _paths(say: Say, place: Place, labels: list[str]) -> None:
    most = len(labels)
    key = f"block.sublayers.{most}"
    stack = say(f"block.{place.stack}")
    n: int = st.slider(say("block.why.sublayers", stack=stack, n=most), 1, most, most, key=key)
    st.markdown(f"##### {say('block.why.count', n=n, paths=f'{block.paths(n):,}')}")
    counts = block.paths_by_length(n)
    shown = min(n, MOST_DRAWN)
    st.markdown(f"**{say('block.why.drawn', n=shown)}**")
    picture.show(
        unrolled_paths(
            block.unrolled(shown),
            labels[:shown],
            through=say("block.why.through"),
            around=say("block.why.around"),
        ),
        key="block:paths",
        alt=say("block.why.drawn_alt", n=shown, paths=block.paths(shown)),
    )
    st.caption(say("block.why.drawn_caption"))
    st.markdown(f"**{say('block.why.lengths')}**")
    listed = ", ".join(f"{length}: {count:,}" for length, count in enumerate(counts))
    names = {"length": say("block.why.lengths_x"), "paths": say("block.why.lengths_y")}
    picture.show(
        path_lengths(counts, **names),
        key="block:lengths",
        alt=say("block.why.lengths_alt", counts=listed),
    )


def _stream(say: Say, found: Stream, place: Place, stage: str) -> None:
    named = [(layer + 1, _short(say, module)) for layer, module in found.sublayers]
    carried, contributed = found.carried[:, place.row], found.contributed[:, place.row]
    here = [layer == place.layer and stage.startswith(f"{m}.") for layer, m in found.sublayers]
    st.markdown(f"##### {say.markdown('block.why.stream', token=place.token)}")
    steps = [
        f"{layer} {name}: {number(float(x))} + {number(float(s))}"
        for (layer, name), x, s in zip(named, carried, contributed, strict=True)
    ]
    text = StreamText(*(say(f"block.why.{f.name}") for f in fields(StreamText)))
    picture.show(
        stream_chart(
            named,
            carried,
            contributed,
            text=text,
            here=here.index(True) if any(here) else None,
        ),
        key="block:stream",
        alt=say("block.why.stream_alt", steps=", ".join(steps)),
    )
    if found.largest_difference is None:
        st.markdown(say("block.why.stream_post"))
    else:
        st.markdown(say("block.why.stream_pre", n=len(named)))
        parts.badge(say, found.largest_difference, _size(found.added))


def _short(say: Say, module: Module) -> str:
    name = {"self_attn": "self_short", "cross_attn": "cross_short", "ffn": "ffn_short"}[module]
    return say(f"block.map.{name}")


if __name__ == "__main__":
    render()
