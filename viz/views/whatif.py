"""Break it: change the attention of the trained model, and follow what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from jaxtyping import Float

from model.analysis import whatif
from model.analysis.whatif import (
    CODES,
    MOST_CHANGES,
    Change,
    Changes,
    DropScale,
    EditWeight,
    LiftMask,
    Point,
    ReplaceVector,
    SilenceHeads,
    SwapPositions,
    Temperature,
    WhatIf,
)
from model.analysis.words import AttentionMap, attention_map, pronoun_span, strongest_key
from viz import cache, choice, picture, sentence, state, takehome
from viz.charts.cells import Axis, signed_map
from viz.charts.heatmap import HeatmapText, heatmap
from viz.charts.spread import layer_bars
from viz.components.head_view import Pin
from viz.export import numbers
from viz.i18n import Say, literal
from viz.numbers import number
from viz.parts import WINDOW
from viz.sentence import Looked
from viz.state import KINDS, Kind
from viz.tables import beside, code, table

SCOPES = ("all", "layer", "head")
CHANGES = "whatif:changes"


def render() -> None:
    """The page: what is changed on the left, what follows from it on the right."""
    say = state.say()
    looked = sentence.opening(say, "whatif")
    if looked is None:
        return
    choice.link_notice(say, looked)
    _page(say, looked)


@st.fragment
def _page(say: Say, looked: Looked) -> None:
    pin = choice.head_and_row(say, looked)
    changes = _changes(say, looked)
    shown = attention_map(looked.trace, state.look().kind, merged=False)
    found = _found(looked, changes)
    tools, words = st.columns([4, 9], gap="large")
    with tools:
        _applied(say, looked, changes)
        _tools(say, looked, pin, shown, changes)
    with words:
        _line(say, found, changes, pin, shown)
        translation, naming = st.columns(2, gap="large")
        with translation:
            _translation(say, looked, found, changes)
        with naming:
            _naming(say, found)
    _maps(say, found, shown, pin)
    spread, predictions = st.columns(2, gap="large")
    with spread:
        _spread(say, found, pin.layer)
    with predictions:
        _predictions(say, found)
    sentence.write_link(looked)
    kind, layer, head = _kind(), pin.layer, pin.head or 0
    both = partial(
        numbers.grid,
        shown.queries,
        shown.keys,
        before=found.before.attention(kind)[layer, head],
        after=found.after.attention(kind)[layer, head],
    )
    takehome.offer(say, looked, kind, layer, head, numbers=both)


# ── what is changed ──────────────────────────────────────────────────────────────────────────────


def _changes(say: Say, looked: Looked) -> Changes:
    """The session's changes, as far as they have a place here; a link's own changes win."""
    try:
        kept = whatif.loads(state.from_link("changes", st.session_state.get(CHANGES, ""), ""))
    except ValueError:
        st.info(say("whatif.link_wrong"), icon="🔗")
        kept = ()
    fitting = tuple(change for change in kept if whatif.fits(change, looked.trace))
    if dropped := [change for change in kept if change not in fitting]:
        names = ", ".join(say(f"whatif.{whatif.code(change)}") for change in dropped)
        st.info(say.markdown("whatif.dropped", changes=names), icon="✂️")
    _keep(fitting)
    return fitting


def _keep(changes: Changes) -> None:
    written = st.session_state[CHANGES] = whatif.dumps(changes)
    state.into_link("changes", written, "")


def _applied(say: Say, looked: Looked, changes: Changes) -> None:
    """Every change a chip that takes it away, and one button for all of them."""
    if not changes:
        return
    st.markdown(f"**{say('whatif.applied')}**")
    with st.container(key="whatif_chips", horizontal=True, gap="small"):
        for n, change in enumerate(changes):
            st.button(
                literal(_told(say, looked, change)),
                key=f"whatif.chip.{n}",
                icon=":material/close:",
                help=say("whatif.undo"),
                on_click=_keep,
                args=(changes[:n] + changes[n + 1 :],),
            )
    st.button(
        say("whatif.back"),
        key="whatif.back",
        icon="↩️",
        type="primary",
        on_click=_keep,
        args=((),),
    )


def _told(say: Say, looked: Looked, change: Change) -> str:
    """A change in a few words."""
    code = whatif.code(change)
    if isinstance(change, SwapPositions):
        names = _labels(looked, "encoder" if change.side == "source" else "decoder").keys
        return say("whatif.told.positions", first=names[change.first], second=names[change.second])
    place = _place(say, change)
    labels = _labels(looked, change.kind)
    match change:
        case Temperature():
            return say(
                "whatif.told.temperature", temperature=number(change.temperature), place=place
            )
        case SilenceHeads(heads=()):
            return say("whatif.told.heads_all", place=place)
        case SilenceHeads():
            heads = ", ".join(str(head + 1) for head in change.heads)
            return say("whatif.told.heads", heads=heads, place=place)
        case ReplaceVector():
            names = labels.queries if change.point == "q" else labels.keys
            return say(
                "whatif.told.vector",
                point=change.point.upper(),
                token=names[change.token],
                by=names[change.by],
                place=place,
            )
        case EditWeight():
            return say(
                f"whatif.told.{'weight' if change.renormalise else 'weight_row'}",
                query=labels.queries[change.query],
                key=labels.keys[change.key],
                weight=number(change.weight),
                place=place,
            )
    return say(f"whatif.told.{code}", place=place)


def _place(say: Say, change: Change) -> str:
    assert not isinstance(change, SwapPositions)
    kind, head = say(f"kind.{change.kind}"), getattr(change, "head", None)
    layer = None if change.layer is None else change.layer + 1
    if head is not None:
        name = "head_all" if layer is None else "head"
        return say(f"whatif.place.{name}", kind=kind, layer=layer, head=head + 1)
    return say(f"whatif.place.{'all' if layer is None else 'layer'}", kind=kind, layer=layer)


def _labels(looked: Looked, kind: Kind) -> AttentionMap:
    return attention_map(looked.trace, kind, merged=False)


# ── the tools ────────────────────────────────────────────────────────────────────────────────────


def _tools(say: Say, looked: Looked, pin: Pin, shown: AttentionMap, changes: Changes) -> None:
    """What may be changed, the settings of the one that is chosen, and the button."""
    code = st.pills(
        say("whatif.what"),
        CODES,
        default=CODES[0],
        format_func=lambda one: say(f"whatif.{one}"),
        key="whatif.what",
        required=True,
        wrap=True,
        persist_state="session",
    )
    change = _TOOLS[code or CODES[0]](say, looked, pin, shown)
    full = len(changes) >= MOST_CHANGES
    if full:
        st.caption(say("whatif.full"))
    st.button(
        say("whatif.apply"),
        key="whatif.apply",
        icon="🔨",
        type="primary",
        disabled=full or change is None,
        on_click=_keep,  # the changes as they are seen: of two quick clicks the second does nothing
        args=((*changes, change) if change else changes,),
    )


def _scale(say: Say, looked: Looked, pin: Pin, shown: AttentionMap) -> Change:
    st.caption(say("whatif.says.scale", root=number(looked.bundle.config.d_k**0.5)))
    layer, head = _where(say, pin)
    return DropScale(_kind(), layer, head)


def _temperature(say: Say, looked: Looked, pin: Pin, shown: AttentionMap) -> Change:
    st.caption(say("whatif.says.temperature"))
    degree = st.select_slider(
        say("whatif.T"),
        (0.1, 0.2, 0.5, 0.8, 1.25, 2.0, 5.0, 10.0, 100.0),
        value=5.0,
        format_func=number,
        key="whatif.temperature",
        persist_state="page",
    )
    layer, head = _where(say, pin)
    return Temperature(_kind(), degree, layer, head)


def _mask(say: Say, looked: Looked, pin: Pin, shown: AttentionMap) -> Change | None:
    if shown.mask.all():
        st.caption(say("whatif.says.mask_nothing"))
        return None
    st.caption(say("whatif.says.mask"))
    layer, _ = _where(say, pin, SCOPES[:2])
    return LiftMask(_kind(), layer)


def _heads(say: Say, looked: Looked, pin: Pin, shown: AttentionMap) -> Change | None:
    st.caption(say("whatif.says.heads"))
    heads = st.pills(
        say("whatif.which_heads"),
        range(shown.attention.shape[1]),
        selection_mode="multi",
        default=[pin.head or 0],
        format_func=lambda head: str(head + 1),
        key=f"whatif.heads.{_kind()}.{pin.head}",
    )
    layer, _ = _where(say, pin, ("layer", "all"))
    return SilenceHeads(_kind(), tuple(sorted(heads)), layer) if heads else None


def _vector(say: Say, looked: Looked, pin: Pin, shown: AttentionMap) -> Change | None:
    st.caption(say("whatif.says.vector"))
    points: tuple[Point, ...] = ("q", "k", "v")
    point = st.segmented_control(
        say("whatif.point"),
        points,
        default=points[1],
        format_func=str.upper,
        key="whatif.point",
        required=True,
        persist_state="page",
    )
    names = shown.queries if point == "q" else shown.keys
    earlier = _kind() == "decoder" or (_kind(), point) == ("cross", "q")
    if earlier:
        st.caption(say("whatif.says.vector_decoder"))
    tokens = range(1 if earlier else 0, len(names))
    if len(names) < 2:
        st.caption(say("whatif.too_few"))
        return None
    row = pin.query or 0
    strongest = strongest_key(shown.attention[pin.layer, pin.head or 0, row])
    first = row if point == "q" or strongest is None else strongest[0]
    token = _token(say("whatif.token"), "token", names, tokens, max(first, tokens[0]))
    others = [n for n in range(token if earlier else len(names)) if n != token]
    by = _token(say("whatif.by"), "by", names, others, others[min(1, len(others) - 1)])
    layer, head = _where(say, pin)
    return ReplaceVector(_kind(), point or "k", token, by, layer, head)


def _positions(say: Say, looked: Looked, pin: Pin, shown: AttentionMap) -> Change | None:
    st.caption(say("whatif.says.positions"))
    names = shown.queries
    if len(names) < 2:
        st.caption(say("whatif.too_few"))
        return None
    every = range(len(names))
    row = pin.query or 0
    first = _token(say("whatif.first"), "first", names, every, row)
    others = [n for n in every if n != first]
    second = _token(say("whatif.second"), "second", names, others, others[min(1, len(others) - 1)])
    return SwapPositions("source" if _kind() == "encoder" else "target", first, second)


def _weight(say: Say, looked: Looked, pin: Pin, shown: AttentionMap) -> Change:
    layer, head, query = pin.layer, pin.head or 0, pin.query or 0
    st.caption(say.markdown("whatif.says.weight", query=shown.queries[query]))
    strongest = strongest_key(shown.attention[layer, head, query])
    keys = [int(key) for key in np.flatnonzero(shown.mask[query])]
    key = _token(say("whatif.key"), "key", shown.keys, keys, strongest[0] if strongest else keys[0])
    weight = st.slider(
        say("whatif.weight_value"), 0.0, 1.0, 0.0, 0.05, key="whatif.weight", persist_state="page"
    )
    renormalise = st.checkbox(
        say("whatif.renormalise"), value=True, key="whatif.renormalise", persist_state="page"
    )
    return EditWeight(_kind(), layer, head, query, key, weight, renormalise)


_TOOLS = {
    "scale": _scale,
    "temperature": _temperature,
    "mask": _mask,
    "heads": _heads,
    "vector": _vector,
    "positions": _positions,
    "weight": _weight,
}


def _kind() -> Kind:
    return state.look().kind


def _where(say: Say, pin: Pin, scopes: Sequence[str] = SCOPES) -> tuple[int | None, int | None]:
    """The layer and the head that a change is for; None: all of them."""
    scope = st.segmented_control(
        say("whatif.where.label"),
        scopes,
        default=scopes[0],
        format_func=lambda one: say(f"whatif.where.{one}"),
        key=f"whatif.where.{'-'.join(scopes)}",
        required=True,
        persist_state="page",
    )
    layer = None if scope == "all" else pin.layer
    return layer, pin.head if scope == "head" else None


def _token(label: str, name: str, names: list[str], options: Sequence[int], first: int) -> int:
    """One of these tokens, by its number and its name."""
    key = f"whatif.{name}"
    if st.session_state.get(key, first) not in options:
        del st.session_state[key]
    chosen: int = st.selectbox(
        label,
        options,
        index=options.index(first),
        format_func=lambda n: f"{n + 1} · {names[n]}",
        key=key,
    )
    return chosen


# ── what becomes of it ───────────────────────────────────────────────────────────────────────────


def _found(looked: Looked, changes: Changes) -> WhatIf:
    bundle, text = looked.bundle, looked.trace.source_text
    written = whatif.dumps(changes)
    return cache.what_if(bundle.name, bundle.version, text, looked.look.target, looked.to, written)


def _line(say: Say, found: WhatIf, changes: Changes, pin: Pin, shown: AttentionMap) -> None:
    """In plain words: what the chosen row does now, and what changed the most."""
    if not changes:
        st.info(say("whatif.none"), icon="🔨")
        return
    layer, head, query = pin.layer, pin.head or 0, pin.query or 0
    after = found.after.attention(_kind())[layer, head, query]
    st.subheader(_row(say, shown, shown.attention[layer, head, query], after, query), anchor=False)
    st.markdown(_largest(say, found, shown, layer, head))


def _row(
    say: Say,
    shown: AttentionMap,
    before: Float[np.ndarray, " key"],
    after: Float[np.ndarray, " key"],
    query: int,
) -> str:
    """Where the chosen query looked, and where it looks now."""
    was, now, name = strongest_key(before), strongest_key(after), shown.queries[query]
    if was is None:
        return say.markdown("whatif.row_empty", query=name)
    key, share = shown.keys[was[0]], say.percent(was[1])
    if now is None:
        return say.markdown("whatif.row_nothing", query=name, key=key, before=share)
    if now == was:
        return say.markdown("whatif.row_same", query=name, key=key, before=share)
    values = {"query": name, "key": key, "before": share, "after": say.percent(now[1])}
    if now[0] == was[0]:
        return say.markdown("whatif.row_still", **values)
    return say.markdown("whatif.row", now=shown.keys[now[0]], **values)


def _largest(say: Say, found: WhatIf, shown: AttentionMap, layer: int, head: int) -> str:
    moved = found.largest(_kind(), layer, head)
    if moved is None:
        return say("whatif.unmoved")
    return say.markdown(
        "whatif.largest",
        query=shown.queries[moved.query],
        key=shown.keys[moved.key],
        before=say.percent(moved.before),
        after=say.percent(moved.after),
    )


def _maps(say: Say, found: WhatIf, shown: AttentionMap, pin: Pin) -> None:
    """Before and after on one scale, and what differs on a fixed one."""
    kind, layer, head, query = _kind(), pin.layer, pin.head or 0, pin.query or 0
    window = (slice(0, WINDOW), slice(0, WINDOW))
    queries, keys = shown.queries[:WINDOW], shown.keys[:WINDOW]
    text = HeatmapText("", "", say("map.weight"), say("map.masked"))
    pinned = query if query < WINDOW else None
    runs = {"original": found.before, "changed": found.after}
    *columns, last = st.columns(3, gap="medium")
    height = None
    for (name, read), column in zip(runs.items(), columns, strict=True):
        weights, mask = read.attention(kind)[layer, head], read.steps(kind, layer, head).mask
        figure = heatmap(
            weights[window], queries, keys, text=text, mask=mask[window], pinned=pinned
        )
        figure.update_traces(showscale=False, selector={"type": "heatmap"})
        height = int(figure.layout.height)
        with column:
            st.markdown(f"**{say(f'whatif.{name}')}**")
            picture.show(figure, key=f"whatif:{name}", alt=say(f"whatif.{name}"))
    with last:
        st.markdown(f"**{say('whatif.difference')}**")
        figure = signed_map(
            found.difference(kind)[layer, head][window],
            Axis("", queries),
            Axis("", keys),
            limit=1,
            value=say("whatif.difference"),
            height=height,
        )
        # As wide as its neighbours; their numbers are in the tooltips, too.
        figure.update_traces(showscale=False, texttemplate=None, selector={"type": "heatmap"})
        picture.show(figure, key="whatif:difference", alt=say("whatif.difference"))
    st.caption(say("whatif.maps"))
    if (count := max(len(shown.queries), len(shown.keys))) > WINDOW:
        st.caption(say("whatif.window", shown=WINDOW, count=count))


def _spread(say: Say, found: WhatIf, layer: int) -> None:
    st.markdown(f"##### {say('whatif.spread')}")
    shares = {say(f"kind.{one}"): found.spread(one).tolist() for one in KINDS}
    written = {name: [say.percent(share) for share in layers] for name, layers in shares.items()}
    figure = layer_bars(
        shares, written, say.sentences["whatif.layer"], (say(f"kind.{_kind()}"), layer)
    )
    listed = "; ".join(f"{name}: {', '.join(layers)}" for name, layers in written.items())
    picture.show(figure, key="whatif:spread", alt=listed)
    st.caption(say("whatif.spread_says"))


def _naming(say: Say, found: WhatIf) -> None:
    """What the encoder takes the pronoun for, before and after."""
    span = pronoun_span(found.before)
    if found.naming is None or span is None:
        st.markdown(f"##### {say('whatif.naming_none')}")
        st.caption(say("whatif.no_pronoun"))
        return
    pronoun = found.before.source_text[slice(*span)]
    st.markdown(f"##### {say.markdown('whatif.naming', pronoun=pronoun)}")
    was, now = found.naming
    (word, *_, before), (other, *_, after) = (max(one, key=lambda c: c[3]) for one in found.naming)
    same = was.index(max(was, key=lambda c: c[3])) == now.index(max(now, key=lambda c: c[3]))
    values = {"word": word, "before": say.percent(before), "after": say.percent(after)}
    values |= {} if same else {"other": other}
    st.markdown(say.markdown(f"whatif.named_{'same' if same else 'other'}", **values))
    top = sorted(range(len(was)), key=lambda n: -max(was[n][3], now[n][3]))[:4]
    table(
        {
            say("whatif.word"): [was[n][0] for n in top],
            say("whatif.before"): [say.percent(was[n][3]) for n in top],
            say("whatif.after"): [say.percent(now[n][3]) for n in top],
        }
    )


def _translation(say: Say, looked: Looked, found: WhatIf, changes: Changes) -> None:
    st.markdown(f"##### {say('whatif.translation')} · {say(f'lang.{looked.to}')}")
    before, after = (literal(one) or say("whatif.nothing") for one in found.translations)
    st.markdown(f":small[{say('whatif.before')}] {before}")
    st.markdown(f":small[{say('whatif.after')}] **{after}**")
    if changes and found.translations[0] == found.translations[1]:
        st.caption(say("whatif.same"))
    if any(isinstance(change, LiftMask) for change in changes):
        st.caption(say("whatif.while_writing"))


def _predictions(say: Say, found: WhatIf) -> None:
    """Where the decoder, reading the same translation, expects something else."""
    moved, count = found.changed_predictions, len(found.predictions)
    st.markdown(f"##### {say('whatif.predictions')}")
    st.markdown(say("whatif.expects", changed=len(moved), count=count))
    if not moved:
        return
    rows = moved[:8]
    table(
        {
            say("whatif.behind"): [code(at.token) for at in rows],
            say("whatif.before"): [beside(at.before, say.percent(at.before_p)) for at in rows],
            say("whatif.after"): [beside(at.after, say.percent(at.after_p)) for at in rows],
        }
    )


if __name__ == "__main__":
    render()
