"""Masks: what a query may not see, how it is hidden, and what happens when it is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
from jaxtyping import Bool, Float

from model import ModelError
from model.analysis import masking
from model.analysis.decoding import Candidate, label
from model.analysis.masking import Batch, Leak, LeakAt, Masked
from model.analysis.words import attention_map
from viz import cache, parts, picture, sentence, state, takehome, theme
from viz.charts.cells import Axis, signed_map, weight_map
from viz.i18n import Say
from viz.numbers import number
from viz.parts import WINDOW
from viz.sentence import Looked
from viz.state import Target
from viz.tables import Markdown, beside, code, table

# Sentences to stand beside the typed one in a batch.
COMPANIONS = (
    "I am Sam",
    "I am Sam.",
    "I am a student.",
    "The student went to the school.",
    "The dog is in the house because it was cold.",
    state.FAMOUS,
)
LECTURE_PADDING = "I am Sam"
LECTURE_AHEAD = {"text": "I am a student.", "to": "fr", "target": "je suis étudiant"}


def render() -> None:
    """The page: the sentence, five parts, one of them on screen."""
    say = state.say()
    looked = sentence.opening(say, "masks")
    if looked is not None:
        _page(say, looked)
        parts.break_it(say)


@st.fragment
def _page(say: Say, looked: Looked) -> None:
    part = parts.choose(say, "masks", tuple(_PARTS))
    st.markdown(say(f"masks.{part}.lead"))
    _lecture(say, part)
    _PARTS[part](say, looked)
    sentence.write_link(looked)
    _take_home(say, looked, part)


def _take_home(say: Say, looked: Looked, part: str) -> None:
    """The head on screen; the parts that show no single one offer the one that the link names."""
    kind: state.Kind = "encoder" if part == "padding" else "decoder"
    keys = [f"masks.{kind}.{name}" for name in ("layer", "head")]
    if all(key in st.session_state for key in keys):
        layer, head = (st.session_state[key] for key in keys)
        takehome.offer(say, looked, kind, layer, head)
    else:
        takehome.offer(say, looked)


def _lecture(say: Say, part: str) -> None:
    """One click to the lecture's own example of this part."""
    example = {"text": LECTURE_PADDING} if part == "padding" else LECTURE_AHEAD
    look = state.look()
    if all(getattr(look, name) == value for name, value in example.items()):
        return
    name = "padding" if part == "padding" else "ahead"
    if st.button(say(f"masks.{name}.lecture"), key=f"masks.{name}.lecture", icon="📖"):
        state.rows_anew(**{"to": None, "target": None} | example)
        st.rerun()


# ── 1 · padding ──────────────────────────────────────────────────────────────────────────────────


def _padding(say: Say, looked: Looked) -> None:
    bundle, text = looked.bundle, looked.trace.source_text
    length = len(looked.trace.source_tokens)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        companion = _companion(say, looked, lambda one: _source_length(looked, one) - length)
        layer, head = _layer_and_head(say, looked, "encoder")
    batch = cache.source_batch(bundle.name, bundle.version, (text, companion), layer, head)
    _batch_table(say, batch)
    if not batch.n_padding:
        st.info(say("masks.padding.none"), icon="📏")
        return
    tokens = batch.tokens[batch.row]
    _before_and_after(say, "padding", batch.around, tokens)
    robbed = tokens[batch.most_robbed]
    st.markdown(
        say.markdown(
            "masks.padding.taken",
            mean=say.percent(batch.mean_taken),
            word=robbed,
            most=say.percent(float(batch.taken[batch.most_robbed])),
        )
    )
    st.markdown(say("masks.padding.alone", difference=number(batch.changed_by_company)))
    _one_row(say, "padding", batch.around, tokens, batch.most_robbed)
    parts.badge(say, batch.around.largest_difference)


def _companion(say: Say, looked: Looked, longer_by: Callable[[str], int]) -> str:
    """The other sentence of the batch: typed, else a longer one that needs the least padding."""
    gaps = {text: longer_by(text) for text in COMPANIONS}
    first = min(
        (text for text in COMPANIONS if gaps[text]),
        key=lambda text: (gaps[text] < 0, abs(gaps[text])),
    )
    typed = st.text_input(
        say("masks.companion"),
        key="masks.companion",
        placeholder=first,
        help=say("masks.companion_help"),
        autocomplete="off",
        width=420,
        persist_state="page",
    )
    if not typed.strip():
        return first
    try:
        longer_by(typed)
    except ModelError as error:
        st.error(say.error(error), icon="✏️")
        return first
    return typed


def _source_length(looked: Looked, text: str) -> int:
    bundle = looked.bundle
    trace = cache.trace(bundle.name, bundle.version, text, None, _target_of(looked, text))
    return len(trace.source_tokens)


def _target_length(looked: Looked, text: str) -> int:
    bundle = looked.bundle
    trace = cache.trace(bundle.name, bundle.version, text, None, _target_of(looked, text))
    return len(trace.target_tokens)


def _target_of(looked: Looked, text: str) -> Target:
    """Into which language the other sentence is translated: the same where the model can."""
    learned = sentence.targets(looked.bundle, text)
    return looked.to if looked.to in learned else learned[0]


def _batch_table(say: Say, batch: Batch) -> None:
    """The batch as the model gets it: two rows of one length."""
    st.markdown(f"**{say('masks.batch')}**")
    lines = [" ".join(map(code, row[:WINDOW])) for row in batch.tokens]
    more = " …" if len(batch.words) > WINDOW else ""
    st.markdown("\n".join(f"{n + 1}. {line}{more}" for n, line in enumerate(lines)))
    st.caption(say("masks.batch_row", row=batch.row + 1, count=batch.n_padding))


# ── 2 · no looking ahead ─────────────────────────────────────────────────────────────────────────


def _ahead(say: Say, looked: Looked) -> None:
    st.caption(say("masks.ahead.notation"))
    layer, head = _layer_and_head(say, looked, "decoder")
    shown = attention_map(looked.trace, "decoder", merged=False)
    around = masking.around_mask(looked.trace.steps("decoder", layer, head))
    _before_and_after(say, "ahead", around, shown.keys)
    _one_row(say, "ahead", around, shown.keys, min(2, len(shown.keys) - 1))
    parts.badge(say, around.largest_difference)


# ── 3 · both ─────────────────────────────────────────────────────────────────────────────────────


def _both(say: Say, looked: Looked) -> None:
    bundle, text = looked.bundle, looked.trace.source_text
    length = len(looked.trace.target_tokens)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        companion = _companion(say, looked, lambda one: _target_length(looked, one) - length)
        layer, head = _layer_and_head(say, looked, "decoder")
    pairs = (
        (text, looked.look.target, looked.to),
        (companion, None, _target_of(looked, companion)),
    )
    batch = cache.target_batch(bundle.name, bundle.version, pairs, layer, head)
    _batch_table(say, batch)
    if not batch.n_padding:
        st.info(say("masks.padding.none"), icon="📏")
        return
    tokens, n = batch.tokens[batch.row], len(batch.words)
    padding = np.broadcast_to(batch.words, (n, n))
    masks = {"ahead": batch.look_ahead, "padding": padding, "both": batch.around.mask}
    signs = ("∧", "=", "")
    for (name, mask), column, sign in zip(masks.items(), st.columns(3), signs, strict=True):
        with column:
            st.markdown(f"**{say(f'masks.both.{name}')}** {sign}")
            _mask_picture(say, f"both:{name}", mask, tokens)
    _before_and_after(say, "both", batch.around, tokens)
    words, pads = (say.percent(share) for share in batch.most_taken)
    st.markdown(say("masks.both.line", words=words, padding=pads))
    _one_row(say, "both", batch.around, tokens, n - 1)
    parts.badge(say, batch.around.largest_difference)


# ── 4 · the mask lifted ──────────────────────────────────────────────────────────────────────────


def _lift(say: Say, looked: Looked) -> None:
    bundle, trace = looked.bundle, looked.trace
    found = cache.leak(
        bundle.name, bundle.version, trace.source_text, looked.look.target, looked.to
    )
    st.markdown(f"#### {_worst(say, found)}")
    left, numbers = st.columns([5, 7], gap="large")
    with left:
        st.markdown(f"**{say('masks.lift.map')}**")
        figure = weight_map(
            found.moved_by,
            Axis(say("masks.lift.position"), found.tokens[Leak.first :]),
            Axis(say("masks.lift.later"), found.tokens),
            value=say("masks.lift.moved"),
            mask=found.later,
            text_colour=theme.page_text(st.context.theme.type),
        )
        picture.show(figure, key="masks:leak", alt=say("masks.lift.map"))
        st.caption(say("masks.lift.map_caption"))
    with numbers:
        table(_leak_table(say, found))
    masked, lifted = found.right
    before, after = say.percent(masked), say.percent(lifted)
    effect = say("masks.lift.confuses" if lifted < masked else "masks.lift.helps")
    st.markdown(f"{say('masks.lift.right', masked=before, lifted=after)} {effect}")
    if found.length > len(found.tokens):
        st.caption(say("masks.window", shown=len(found.tokens), count=found.length))
    parts.badge(say, masking.difference_from(trace, found.expected))


def _worst(say: Say, found: Leak) -> str:
    at = found.positions[found.worst]
    line = say.markdown(
        "masks.lift.line",
        token=found.tokens[found.worst + Leak.first],
        masked=label(at.masked.piece),
        before=say.percent(at.masked.probability),
        lifted=label(at.lifted.piece),
        after=say.percent(at.lifted.probability),
    )
    if at.source is None:
        return line
    share = say.percent(at.source_moved)
    source = found.tokens[at.source]
    return f"{line} {say.markdown('masks.lift.from', source=source, share=share)}"


def _leak_table(say: Say, found: Leak) -> dict[str, list[str]]:
    def guess(candidate: Candidate) -> Markdown:
        return beside(label(candidate.piece), say.percent(candidate.probability))

    def source(at: LeakAt) -> str:
        if at.source is None or at.source_guess is None:
            return "—"
        share = say.percent(at.source_moved)
        return Markdown(f"{beside(found.tokens[at.source], share)} → {guess(at.source_guess)}")

    rows = found.positions
    return {
        say("masks.lift.position"): [code(token) for token in found.tokens[Leak.first :]],
        say("masks.lift.with"): [guess(at.masked) for at in rows],
        say("masks.lift.without"): [guess(at.lifted) for at in rows],
        say("masks.lift.moved"): [say.percent(at.moved) for at in rows],
        say("masks.lift.source"): [source(at) for at in rows],
    }


# ── 5 · nothing to see ───────────────────────────────────────────────────────────────────────────


def _nothing(say: Say, looked: Looked) -> None:
    bundle, trace = looked.bundle, looked.trace
    labels = attention_map(trace, "decoder", merged=False).keys
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        layer, head = _layer_and_head(say, looked, "decoder")
        query = _query(say, "nothing", labels, min(2, len(labels) - 1))
    found = cache.nothing_to_see(
        bundle.name,
        bundle.version,
        trace.source_text,
        looked.look.target,
        looked.to,
        layer,
        query,
    )
    st.latex(
        r"\mathrm{softmax}(x)_j=\frac{e^{\,x_j-\max x}}{\sum_k e^{\,x_k-\max x}},\qquad "
        r"x_j=\max x=-\infty\ \Rightarrow\ -\infty-(-\infty)=\mathrm{NaN}"
    )
    numbers, text = st.columns(2, gap="large")
    shown = slice(0, WINDOW)
    with numbers:
        table(
            {
                say("map.key"): [code(token) for token in found.tokens[shown]],
                say("masks.masked"): [number(float(v)) for v in found.masked[shown]],
                say("masks.nothing.naive"): [number(float(v)) for v in found.naive[shown]],
                say("masks.nothing.ours"): [number(float(v)) for v in found.weights[head, shown]],
            }
        )
    with text:
        heads, largest = len(found.weights), number(found.largest)
        st.markdown(say("masks.nothing.zeros", heads=heads, largest=largest))
        st.markdown(
            say.markdown(
                "masks.nothing.line",
                token=found.tokens[query],
                before=label(found.before.piece),
                was=say.percent(found.before.probability),
                after=label(found.after.piece),
                now=say.percent(found.after.probability),
                moved=say.percent(found.moved),
            )
        )
        st.markdown(say("masks.nothing.where"))
    parts.badge(say, masking.difference_from(trace, {query: found.before}))


# ── shared by the parts ──────────────────────────────────────────────────────────────────────────


def _layer_and_head(say: Say, looked: Looked, kind: state.Kind) -> tuple[int, int]:
    with st.container(horizontal=True, gap="small", width="content"):
        return parts.layer_and_head(say, f"masks.{kind}", looked.trace.attention(kind))


def _before_and_after(say: Say, key: str, around: Masked, tokens: list[str]) -> None:
    """Scores, scores with −∞, weights: three pictures of one head."""
    window = (slice(0, WINDOW), slice(0, WINDOW))
    shown = tokens[:WINDOW]
    query, key_ = Axis(say("map.query"), shown), Axis(say("map.key"), shown)
    colour = theme.page_text(st.context.theme.type)
    limit = float(np.ceil(np.abs(around.scaled[window]).max()))
    before, masked, after = st.columns(3, gap="medium")
    for column, name, values in (
        (before, "scaled", around.scaled[window]),
        (masked, "masked", around.masked[window]),
    ):
        with column:
            st.markdown(f"**{say(f'masks.{name}')}**")
            figure = signed_map(
                values, query, key_, limit=limit, value=say(f"masks.{name}"), text_colour=colour
            )
            picture.show(figure, key=f"masks:{key}:{name}", alt=say(f"masks.{name}"))
    with after:
        st.markdown(f"**{say('masks.weights')}**")
        figure = weight_map(
            around.weights[window],
            query,
            key_,
            value=say("map.weight"),
            mask=around.mask[window],
            text_colour=colour,
        )
        picture.show(figure, key=f"masks:{key}:weights", alt=say("masks.weights"))
    st.caption(say("masks.scale", limit=number(limit)))
    if len(tokens) > WINDOW:
        st.caption(say("masks.window", shown=WINDOW, count=len(tokens)))


def _mask_picture(
    say: Say, key: str, mask: Bool[np.ndarray, "query key"], tokens: list[str]
) -> None:
    window = (slice(0, WINDOW), slice(0, WINDOW))
    shown = Axis("", tokens[:WINDOW])
    seen: Float[np.ndarray, "query key"] = mask[window].astype(np.float32)
    colour = theme.page_text(st.context.theme.type)
    figure = weight_map(
        seen, shown, shown, value=say("masks.may"), mask=mask[window], text_colour=colour
    )
    figure.update_traces(showscale=False, selector={"type": "heatmap"})
    picture.show(figure, key=f"masks:{key}", alt=say("masks.may"))


def _one_row(say: Say, part: str, around: Masked, tokens: list[str], first: int) -> None:
    """One query, key by key: the numbers of the three pictures, and the softmax without a mask."""
    query = _query(say, part, tokens, first)
    shown = slice(0, WINDOW)

    def written(row: Float[np.ndarray, " key"]) -> list[str]:
        return [number(float(value)) for value in row[shown]]

    table(
        {
            say("map.key"): [code(token) for token in tokens[shown]],
            say("masks.scaled"): written(around.scaled[query]),
            say("masks.unmasked"): written(around.unmasked[query]),
            say("masks.masked"): written(around.masked[query]),
            say("masks.weights"): written(around.weights[query]),
        }
    )


def _query(say: Say, part: str, labels: list[str], first: int) -> int:
    key = f"masks.{part}.query"
    state.forget_beyond(key, len(labels))
    chosen: int = st.selectbox(
        say("query.label"),
        range(len(labels)),
        index=first,
        format_func=lambda n: f"{n + 1} · {labels[n]}",
        key=key,
        width=220,
        persist_state="page",
    )
    return chosen


_PARTS = {
    "padding": _padding,
    "ahead": _ahead,
    "both": _both,
    "lift": _lift,
    "nothing": _nothing,
}


if __name__ == "__main__":
    render()
