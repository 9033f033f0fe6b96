"""Positional encoding: where a word stands, how the model is told, and what happens without it."""

from __future__ import annotations

import numpy as np
import streamlit as st
from jaxtyping import Float

from model.analysis import positions
from model.analysis.positions import BASE, Shuffled
from model.analysis.words import attention_map
from viz import cache, parts, picture, sentence, state, takehome, theme
from viz.charts.cells import Axis, signed_map
from viz.charts.heatmap import HeatmapText, heatmap
from viz.charts.waves import COLOURS, WaveText, fall, waves
from viz.i18n import Say
from viz.numbers import number
from viz.parts import WINDOW
from viz.sentence import Looked
from viz.tables import table

BASES = (10, 100, 1_000, BASE, 100_000)
WIDTHS = (4, 8, 16, 32, 64, 128, 256)
ORDERS = ("reverse", "random", "swap")
SLICE = 8  # dimensions in a table at a time


def render() -> None:
    """The page: the sentence, six parts, one of them on screen."""
    say = state.say()
    looked = sentence.opening(say, "positions")
    if looked is not None:
        _page(say, looked)


@st.fragment
def _page(say: Say, looked: Looked) -> None:
    part = parts.choose(say, "positions", tuple(_PARTS))
    st.markdown(say(f"positions.{part}.lead"))
    _PARTS[part](say, looked)
    sentence.write_link(looked)
    takehome.offer(say, looked)


# ── 1 · the table ────────────────────────────────────────────────────────────────────────────────


def _table(say: Say, looked: Looked) -> None:
    st.latex(
        r"\begin{aligned}PE_{(pos,\,2i)} &= \sin\!\left(\frac{pos}{base^{\,2i/d_{model}}}\right)\\"
        r"PE_{(pos,\,2i+1)} &= \cos\!\left(\frac{pos}{base^{\,2i/d_{model}}}\right)\end{aligned}"
    )
    length, d_model, base = _sizes(say, looked)
    pe = positions.table(length, d_model, base)
    map_, curves = st.columns(2, gap="large")
    with map_:
        st.markdown(f"**{say('positions.table.map')}**")
        _signed(
            pe,
            Axis(say("positions.position")),
            Axis(say("positions.dimension")),
            limit=1,
            say=say,
            key="table",
            alt=say("positions.table.alt", rows=length, columns=d_model),
            height=440,
        )
    with curves:
        st.markdown(f"**{say('positions.table.curves')}**")
        drawn = st.multiselect(
            say("positions.table.dimensions"),
            range(d_model),
            default=sorted({0, 1, d_model // 4, d_model // 2}),
            key=f"positions.dimensions.{d_model}",
            max_selections=len(COLOURS),
            persist_state="page",
        )
        text = WaveText(*(say(f"positions.{name}") for name in ("position", "dimension", "value")))
        ends = (f"{text.dimension} {n}: {number(pe[0, n])} … {number(pe[-1, n])}" for n in drawn)
        alt = f"{text.value} · {text.position}. {'; '.join(ends)}"
        st.altair_chart(waves(pe, drawn, text), key="positions:waves", alt=alt)
    turns = positions.wavelengths(d_model, base)
    first, last = number(float(turns[0])), number(float(turns[-1]))
    st.markdown(say("positions.table.turns", first=first, last=last, pair=d_model - 2))
    if (d_model, base) == (looked.bundle.config.d_model, BASE):
        st.caption(say("positions.table.own"))
        parts.badge(say, positions.captured_difference(looked.trace))
    else:
        _checked(say, positions.table_difference(length, d_model, base))


def _sizes(say: Say, looked: Looked) -> tuple[int, int, int]:
    own = looked.bundle.config.d_model
    length, width, base = st.columns(3, gap="large")
    return (
        length.slider(
            say("positions.length"), 2, 128, 50, key="positions.length", persist_state="page"
        ),
        width.select_slider(
            say("positions.d_model"),
            sorted({*WIDTHS, own}),
            value=own,
            key="positions.d_model",
            persist_state="page",
        ),
        base.select_slider(
            say("positions.base"),
            BASES,
            value=BASE,
            format_func=lambda value: f"{value:,}",
            key="positions.base",
            persist_state="page",
        ),
    )


# ── 2 · by hand ──────────────────────────────────────────────────────────────────────────────────


def _hand(say: Say, looked: Looked) -> None:
    labels = [f"{place} · {label}" for place, label in enumerate(_labels(looked)[:8])]
    pe = positions.by_hand(len(labels), 4, BASE)
    place = _place(say, _labels(looked)[:8], "hand", min(2, len(labels) - 1))
    sums, map_ = st.columns([5, 6], gap="large")
    with sums:
        st.markdown(f"**{say.markdown('positions.hand.sum', place=labels[place])}**")
        for turn in positions.turns(place, 4, BASE):
            even, divisor, angle = 2 * turn.pair, number(turn.divisor), number(turn.angle)
            power = rf"{place} / 10000^{{{even}/4}} = {place}/{divisor} = {angle}"
            st.latex(rf"\textstyle {power}")
            for n, name, value in ((even, "sin", turn.sine), (even + 1, "cos", turn.cosine)):
                st.latex(rf"PE_{{({place},\,{n})}} = \{name}({angle}) = \mathbf{{{number(value)}}}")
    with map_:
        st.markdown(f"**{say('positions.hand.all')}**")
        _signed(
            pe,
            Axis("", labels),
            Axis(say("positions.dimension")),
            limit=1,
            say=say,
            key="hand",
            alt=say("positions.table.alt", rows=len(labels), columns=4),
        )
        if len(labels) < len(looked.trace.source_tokens):
            st.caption(say("positions.first", count=len(labels)))
    st.markdown(say("positions.hand.clock"))
    _checked(say, positions.table_difference(len(labels), 4, BASE))


# ── 3 · word + position ──────────────────────────────────────────────────────────────────────────


def _word(say: Say, looked: Looked) -> None:
    labels = _labels(looked)
    place = _place(say, labels, "word", min(1, len(labels) - 1))
    found = positions.input_parts(looked.bundle, looked.trace, place)
    d_model = len(found.x)
    st.latex(
        rf"\begin{{aligned}}x &= \sqrt{{d_{{model}}}}\cdot E[word] + PE_{{({place})}}\\"
        rf"&= \sqrt{{{d_model}}}\cdot E[word] + PE_{{({place})}}"
        rf" = {number(found.scale)}\cdot E[word] + PE_{{({place})}}\end{{aligned}}"
    )
    rows = [say("positions.word.word"), say("positions.word.position"), say("positions.word.x")]
    vectors = np.stack([found.word, found.position, found.x])
    _strips(say, vectors, rows, key="word")
    _slice_table(say, {say("positions.word.embedding"): found.embedding} | _named(rows, vectors))
    st.markdown(say("positions.word.why"))
    parts.badge(say, found.largest_difference)


def _named(
    names: list[str], vectors: Float[np.ndarray, "name d_model"]
) -> dict[str, Float[np.ndarray, " d_model"]]:
    return dict(zip(names, vectors, strict=True))


def _slice_table(say: Say, columns: dict[str, Float[np.ndarray, " d_model"]]) -> None:
    """Eight dimensions at a time, as numbers."""
    d_model = len(next(iter(columns.values())))
    starts = range(0, d_model, SLICE)
    start = st.select_slider(
        say("positions.word.slice"),
        starts,
        format_func=lambda first: f"{first}–{min(first + SLICE, d_model) - 1}",
        key="positions.slice",
        persist_state="page",
    )
    shown = range(start, min(start + SLICE, d_model))
    numbers = {say("positions.dimension"): [str(n) for n in shown]}
    table(numbers | {name: [number(v[n]) for n in shown] for name, v in columns.items()})


# ── 4 · one word, two places ─────────────────────────────────────────────────────────────────────


def _places(say: Say, looked: Looked) -> None:
    labels, ids = _labels(looked), looked.bundle.tokenizer.source(looked.trace.source_text).ids
    place = _place(say, labels, "word", min(1, len(labels) - 1))
    furthest = looked.bundle.config.max_len - 1
    again = [n for n, piece in enumerate(ids) if piece == ids[place] and n != place]
    other = again[0] if again else min(place + 5, furthest)
    left, right = st.columns(2, gap="large")
    a = left.slider(say("positions.places.first"), 0, furthest, place, key=f"positions.a.{place}")
    b = right.slider(say("positions.places.second"), 0, furthest, other, key=f"positions.b.{place}")
    both = positions.two_places(looked.bundle, ids[place], a, b)
    names = [
        say("positions.places.word"),
        *(f"PE({n})" for n in (a, b)),
        *(say("positions.places.x", place=n) for n in (a, b)),
    ]
    vectors = (both.first.word, both.first.position, both.second.position)
    _strips(say, np.stack([*vectors, both.first.x, both.second.x]), names, key="places")
    table(
        {
            say("positions.places.compared"): [
                say("positions.places.words"),
                f"PE({a}), PE({b})",
                say("positions.places.inputs"),
            ],
            say("positions.places.cosine"): [
                number(positions.cosine(both.first.word, both.second.word)),
                number(both.positions_cosine),
                number(both.inputs_cosine),
            ],
        }
    )
    word, cosine = labels[place], number(both.inputs_cosine)
    st.markdown(say.markdown("positions.places.line", word=word, a=a, b=b, cosine=cosine))
    parts.badge(say, both.largest_difference)


# ── 5 · from position to position ────────────────────────────────────────────────────────────────


def _distance(say: Say, looked: Looked) -> None:
    st.latex(r"PE_{p}\cdot PE_{p+n} = \sum_i \cos\!\left(\frac{n}{base^{\,2i/d_{model}}}\right)")
    length, d_model, base = _sizes(say, looked)
    pe = positions.table(length, d_model, base)
    found = positions.distances(pe, base)
    map_, curve = st.columns(2, gap="large")
    with map_:
        st.markdown("**PE · PEᵀ**")
        _signed(
            positions.products(pe),
            Axis(say("positions.position")),
            Axis(say("positions.position")),
            limit=d_model / 2,
            say=say,
            key="products",
            alt=say("positions.distance.alt", length=length),
            height=440,
        )
    with curve:
        st.markdown(f"**{say('positions.distance.curve')}**")
        labels = say("positions.distance.distance"), say("positions.distance.product")
        products = [one.product for one in found]
        told = "; ".join(f"{n}: {number(product)}" for n, product in enumerate(products))
        st.altair_chart(
            fall(products, distance=labels[0], product=labels[1]),
            key="positions:fall",
            alt=f"{labels[1]} · {labels[0]}. {told}",
        )
    n = st.slider(say("positions.distance.choose"), 0, length - 1, 1, key=f"positions.n.{length}")
    one = found[n]
    st.markdown(
        say(
            "positions.distance.line",
            pairs=length - n,
            n=n,
            lowest=f"{one.lowest:.4f}",
            highest=f"{one.highest:.4f}",
            theory=f"{one.product:.4f}",
        )
    )
    _checked(say, max(one.largest_difference for one in found), size=d_model / 2)


# ── 6 · the shuffled sentence ────────────────────────────────────────────────────────────────────


def _shuffle(say: Say, looked: Looked) -> None:
    bundle, trace = looked.bundle, looked.trace
    order = _order(say, looked)
    if list(order) == sorted(order):
        st.info(say("positions.shuffle.same"), icon="🟰")
    asked = (bundle.name, bundle.version, trace.source_text, order)
    with_positions = cache.shuffled_maps(*asked, True)
    without = cache.shuffled_maps(*asked, False)
    labels = _labels(looked)
    reading = " · ".join(labels[piece] for piece in order[:WINDOW])
    st.markdown(say.markdown("positions.shuffle.reads", order=reading))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        layer, head = parts.layer_and_head(say, "positions", with_positions.original)
        back = st.toggle(
            say("positions.shuffle.back"), value=True, key="positions.back", persist_state="page"
        )
    for name, maps in (("with", with_positions), ("without", without)):
        st.markdown(f"#### {say(f'positions.shuffle.{name}')}")
        move = number(maps.largest_move)
        st.markdown(say(f"positions.shuffle.{name}_line", difference=move))
        _three_maps(say, name, maps, (layer, head), labels, order if not back else None)
    if len(labels) > WINDOW:
        st.caption(say("positions.shuffle.window", shown=WINDOW, count=len(labels)))
    st.markdown(say("positions.shuffle.why"))
    parts.badge(say, with_positions.differs_from(trace))


def _order(say: Say, looked: Looked) -> tuple[int, ...]:
    """The permutation of the pieces that the student asks for; words move whole."""
    words = looked.trace.words("source")
    spans = [span for *_, span in looked.trace.source_words]
    movable = [n for n, span in enumerate(spans) if span is not None]
    names = [f"{n + 1} · {words[word][0]}" for n, word in enumerate(movable)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        how = st.segmented_control(
            say("positions.shuffle.how"),
            ORDERS,
            default=ORDERS[0],
            format_func=lambda order: say(f"positions.shuffle.{order}"),
            key="positions.order",
            required=True,
            persist_state="page",
        )
        if how == "random":
            seed = _seed(say)
            order = positions.shuffle(len(movable), seed)
        elif how == "swap":
            first, second = (_swapped(say, which, names) for which in ("first", "second"))
            order = positions.swap(len(movable), first, second)
        else:
            order = positions.reverse(len(movable))
    return tuple(positions.piece_order(words, movable, order))


def _seed(say: Say) -> int:
    if st.button(say("positions.shuffle.again"), key="positions.again", icon="🎲"):
        st.session_state["positions:seed"] = st.session_state.get("positions:seed", 0) + 1
    seed: int = st.session_state.get("positions:seed", 0)
    return seed


def _swapped(say: Say, which: str, names: list[str]) -> int:
    key = f"positions.{which}"
    state.forget_beyond(key, len(names))
    chosen: int = st.selectbox(
        say(f"positions.shuffle.{which}"),
        range(len(names)),
        index=min(1 if which == "first" else 4, len(names) - 1),
        format_func=names.__getitem__,
        key=key,
        width=170,
        persist_state="page",
    )
    return chosen


def _three_maps(
    say: Say,
    name: str,
    maps: Shuffled,
    at: tuple[int, int],
    labels: list[str],
    order: tuple[int, ...] | None,
) -> None:
    """Original, shuffled (as it was read, or put back) and what differs."""
    window = slice(0, WINDOW)
    original, back, moved = (m[at][window, window] for m in (maps.original, maps.back, maps.moved))
    text = HeatmapText(*(say(f"map.{word}") for word in ("query", "key", "weight", "masked")))
    text = HeatmapText("", "", text.weight, text.masked)
    read = labels if order is None else [labels[piece] for piece in order]
    middle = back if order is None else maps.shuffled[at][window, window]
    shown, shown_read = labels[window], read[window]
    before, after, difference = st.columns(3, gap="medium")
    with before:
        st.markdown(f"**{say('positions.shuffle.original')}**")
        figure = heatmap(original, shown, shown, text=text)
        picture.show(
            figure, key=f"positions:{name}:original", alt=say("positions.shuffle.original")
        )
    with after:
        title = say(f"positions.shuffle.{'put_back' if order is None else 'as_read'}")
        st.markdown(f"**{title}**")
        figure = heatmap(middle, shown_read, shown_read, text=text)
        picture.show(figure, key=f"positions:{name}:shuffled", alt=title)
    with difference:
        st.markdown(f"**{say('positions.shuffle.difference')}**")
        _signed(
            moved,
            Axis("", shown),
            Axis("", shown),
            limit=1,
            say=say,
            key=f"{name}:difference",
            alt=say(f"positions.shuffle.{name}"),
            height=int(figure.layout.height),
        )


# ── shared by the parts ──────────────────────────────────────────────────────────────────────────


def _labels(looked: Looked) -> list[str]:
    return attention_map(looked.trace, "encoder", merged=False).keys


def _place(say: Say, labels: list[str], part: str, first: int) -> int:
    key = f"positions.{part}.place"
    state.forget_beyond(key, len(labels))
    chosen: int = st.selectbox(
        say("positions.choose"),
        range(len(labels)),
        index=first,
        format_func=lambda n: f"{n} · {labels[n]}",
        key=key,
        width=220,
        persist_state="page",
    )
    return chosen


def _strips(
    say: Say, vectors: Float[np.ndarray, "name d_model"], names: list[str], *, key: str
) -> None:
    _signed(
        vectors,
        Axis("", names),
        Axis(say("positions.dimension")),
        limit=float(np.abs(vectors).max()),
        say=say,
        key=key,
        alt=", ".join(names),
        height=110 + 40 * len(names),
    )
    st.caption(say("positions.scale", limit=number(float(np.abs(vectors).max()))))


def _checked(say: Say, difference: float, size: float = 1.0) -> None:
    """A table that the loaded model does not use: the formula against the model's function."""
    parts.badge(say, difference, size, "positions.checked")


def _signed(
    values: Float[np.ndarray, "row column"],
    rows: Axis,
    columns: Axis,
    *,
    limit: float,
    say: Say,
    key: str,
    alt: str,
    height: int | None = None,
) -> None:
    figure = signed_map(
        values,
        rows,
        columns,
        limit=limit,
        value=say("positions.value"),
        height=height,
        text_colour=theme.page_text(st.context.theme.type),
    )
    picture.show(figure, key=f"positions:{key}", alt=alt)


_PARTS = {
    "table": _table,
    "hand": _hand,
    "word": _word,
    "places": _places,
    "distance": _distance,
    "shuffle": _shuffle,
}


if __name__ == "__main__":
    render()
