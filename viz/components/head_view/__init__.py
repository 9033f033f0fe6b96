"""The head view: the attention of every head as lines from queries to keys, in one message.

All layers and heads travel once, as bytes, to a canvas in the browser. Hovering, switching layers,
toggling heads and playing through the layers then cost no trip to the server; only what the student
*selects* comes back. Of a long sentence a window travels, and a small picture of the whole.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import streamlit as st
from jaxtyping import Bool, Float, UInt8

from viz.components.agreement import heard
from viz.components.code import code
from viz.components.message import pack, quantise

CODE = code(
    __file__,
    shared=("view", "canvas", "save"),
    own=("numbers", "words", "geometry", "drawing", "elements", "overview", "head_view"),
)
_component = st.components.v2.component("jumok_head_view", js=CODE.js, css=CODE.css)

OVERVIEW_BYTES = 300_000
"""All small pictures together; with many heads each of them gets coarser."""


@dataclass(frozen=True)
class HeadViewText:
    """Every word of the head view, translated; the browser fills in the names in braces."""

    title: str  # what the whole picture is, for screen readers
    layers: str  # caption of the layer buttons: "Layer"
    layer: str  # "Layer {layer}"
    play: str  # button: through the layers, one after the other
    pause: str
    next_layer: str  # the same button where the reader wants no motion: one layer a press
    heads: str  # caption of the head chips: "Head"
    head: str  # "Head {head}"
    all_heads: str  # button: "All heads"
    queries: str  # title of the queries' side: "Query"
    keys: str  # title of the keys' side: "Key"
    weight: str  # title of a table's column: "Weight"
    mean: str  # what a percentage is while several heads are on: "mean of {count} heads"
    percent: str  # "{percent} %"
    row: str  # one row read aloud: "{query}: {keys}"
    item: str  # one part of {keys}: "{key} {percent}", with {percent} as formatted above
    masked: str  # beside the hollow dot: "masked: may not be looked at"
    nothing: str  # "“{query}” has nothing to look at here."
    empty: str  # no tokens at all
    layout: str  # caption of the two layouts
    down: str  # tokens one below the other
    across: str  # tokens side by side
    least: str  # caption of the slider: "Hide below"
    hidden: str  # "{share} of this attention is on lines below {least} and is not drawn."
    about: str  # before a share that is read off whole steps: "about {share}"
    lines: str  # caption of the two kinds of lines
    every_line: str
    strongest: str  # only the strongest key of each row
    aligned: str  # what the strongest lines are, with ties and end marks
    together: str  # several rows: "{count} query words together: the"
    rows_mean: str  # "mean"
    rows_sum: str  # "sum"
    rows_end: str  # what stands behind the switch: "of their rows"
    sum_of: str  # what a percentage is while rows are summed: "sum of {count} rows"
    window: str  # "Shown: queries {queries} of {n_queries}, keys {keys} of {n_keys}."
    outside: str  # "{share} of this attention goes to keys outside the window."
    elsewhere: str  # "{count} of the chosen words stand outside the window."
    zoom: str  # caption of the window's sizes
    overview: str  # the small picture, for screen readers: drag or arrow keys
    hint: str  # one line below the picture: point, click, double-click
    help: str  # the keys, for screen readers: arrows, 1-9, 0, Esc
    help_across: str  # the same where words stand side by side


@dataclass(frozen=True)
class Pin:
    """What the student has selected; zero-based.

    `head` is None while several heads are on together, `query` is None while no row is pinned and
    the first of the pinned rows while several are; `more` are the others.
    """

    layer: int
    head: int | None
    query: int | None
    more: tuple[int, ...] = ()

    @classmethod
    def of(cls, layer: int, head: int | None, rows: Iterable[int]) -> Self:
        """A selection of any number of rows, from the top."""
        chosen = sorted(set(rows))
        return cls(layer, head, chosen[0] if chosen else None, tuple(chosen[1:]))

    @property
    def rows(self) -> tuple[int, ...]:
        """All pinned rows, from the top."""
        return () if self.query is None else (self.query, *self.more)

    def within(self, n_layers: int, n_heads: int, n_queries: int) -> Self:
        """The same selection as far as it exists in a picture of this size."""
        return self.of(
            layer=min(max(self.layer, 0), max(n_layers - 1, 0)),
            head=self.head if self.head is not None and 0 <= self.head < n_heads else None,
            rows=(row for row in self.rows if 0 <= row < n_queries),
        )


@dataclass(frozen=True)
class Window:
    """The part of a long sentence's squares that is shown: `size` rows and columns at most."""

    query: int
    key: int
    size: int

    def within(self, n_queries: int, n_keys: int) -> Self:
        """The same window, moved until it lies inside."""
        return replace(
            self,
            query=min(max(self.query, 0), max(n_queries - self.size, 0)),
            key=min(max(self.key, 0), max(n_keys - self.size, 0)),
        )

    @property
    def rows(self) -> slice:
        return slice(self.query, self.query + self.size)

    @property
    def columns(self) -> slice:
        return slice(self.key, self.key + self.size)


@dataclass(frozen=True)
class View:
    """How it is drawn.

    Attributes:
        layout: words down the page, queries left and keys right; or across, queries above.
        rows: several rows as their mean or as their sum.
        lines: every line, or of each row the strongest.
        least: smallest weight that is drawn, in per cent.
        window: None shows everything.
    """

    layout: Literal["down", "across"] = "down"
    rows: Literal["mean", "sum"] = "mean"
    lines: Literal["all", "strongest"] = "all"
    least: int = 0
    window: Window | None = None


@dataclass(frozen=True)
class _Agreement:
    """What browser and server last agreed on, and after how many selections made in the browser."""

    clicks: int
    pin: Pin
    view: View


def head_view(
    attention: Float[np.ndarray, "layer head query key"],
    query_labels: Sequence[str],
    key_labels: Sequence[str],
    *,
    pin: Pin,
    text: HeadViewText,
    key: str,
    mask: Bool[np.ndarray, "query key"] | None = None,
    view: View | None = None,
    sizes: Sequence[int] = (),
    end_marks: Sequence[int] | None = None,
    save: Mapping[str, str] | None = None,
    caption: str = "",
    on_change: Callable[[], None] | None = None,
) -> Pin:
    """Draw every head of every layer as lines from queries to keys.

    Args:
        attention: weights after softmax; the picture's scale is fixed at 0..1.
        pin: what should be selected. A pin (or a view) that differs from the last one wins over the
            browser; the same again leaves the student's own selection alone.
        mask: True = may attend; the other pairs are marked.
        view: how to draw; None leaves that to the browser.
        sizes: of a window, for the student to choose from.
        end_marks: keys that stand for no word (`</s>`), where queries and keys are two sentences:
            the strongest lines may then be drawn alone, as an alignment. None offers no alignment.
        save: what the save buttons are called; None leaves them out.
        caption: stands above a saved picture.
        on_change: called before the rerun that a selection starts; read it there with
            `selected(key)` and `viewed(key)`.

    Returns the selection as the browser now shows it. Raises ValueError where shapes disagree.
    """
    agreed = _agree(key, pin, view, attention.shape)
    data = message(
        attention,
        query_labels,
        key_labels,
        pin=agreed.pin,
        text=text,
        mask=mask,
        view=agreed.view,
        sizes=sizes,
        end_marks=end_marks,
        save=save,
        caption=caption,
        clicks=agreed.clicks,
    )
    _component(key=key, data=data, on_pin_change=on_change or _ignore)
    return agreed.pin


def message(
    attention: Float[np.ndarray, "layer head query key"],
    query_labels: Sequence[str],
    key_labels: Sequence[str],
    *,
    pin: Pin,
    text: HeadViewText,
    mask: Bool[np.ndarray, "query key"] | None = None,
    view: View = View(),
    sizes: Sequence[int] = (),
    end_marks: Sequence[int] | None = None,
    save: Mapping[str, str] | None = None,
    caption: str = "",
    clicks: int = 0,
) -> bytes:
    """What the browser gets; also for a page without a server. Arguments as in `head_view`.

    Args:
        clicks: how many of the browser's own selections the page knows of.

    Raises ValueError where shapes disagree.
    """
    n_layers, n_heads, n_queries, n_keys = attention.shape
    if (n_queries, n_keys) != (len(query_labels), len(key_labels)):
        raise ValueError(
            f"attention {attention.shape} needs {n_queries} query and {n_keys} key labels, "
            f"got {len(query_labels)} and {len(key_labels)}"
        )
    if mask is not None and mask.shape != (n_queries, n_keys):
        raise ValueError(f"mask {mask.shape} does not fit attention {attention.shape}")

    window = view.window or Window(0, 0, max(n_queries, n_keys))
    rows, columns = window.rows, window.columns
    shown = attention[:, :, rows, columns]
    exact = [row for row in pin.rows if rows.start <= row < rows.stop]
    header: dict[str, Any] = {
        "layers": n_layers,
        "heads": n_heads,
        "queries": list(query_labels[rows]),
        "keys": list(key_labels[columns]),
        "first": [window.query, window.key],
        "total": [n_queries, n_keys],
        "masked": mask is not None,
        "pin": asdict(pin),
        "view": asdict(view),
        "sizes": list(sizes),
        "exact": exact,
        "clicks": clicks,
        "endMarks": None
        if end_marks is None
        else [mark - window.key for mark in end_marks if 0 <= mark - window.key < window.size],
        "overview": None,
        "text": asdict(text),
        "save": None if save is None else dict(save),
        "caption": caption,
    }
    parts = [quantise(shown)]
    if mask is not None:
        parts.append(mask[rows, columns].astype(np.uint8))
    if view.window is not None:
        small = _overview(attention)
        header["overview"] = list(small.shape[2:])
        outside = attention[:, :, rows].sum(axis=-1) - shown.sum(axis=-1)
        parts += [quantise(outside), small]
    body = b"".join(part.tobytes() for part in parts)
    return pack(header, body + _exact(attention, pin.layer, exact, columns).tobytes())


def selected(key: str) -> Pin | None:
    """The last selection made in the browser; None before the first one. For use in `on_change`."""
    said = _said(key)
    return None if said is None else said.pin


def viewed(key: str) -> View | None:
    """How the student wants it drawn; None before the first selection. For use in `on_change`."""
    said = _said(key)
    return None if said is None else said.view


def _said(key: str) -> _Agreement | None:
    value = heard(key, "pin")
    if value is None:
        return None
    pin = Pin(value["layer"], value["head"], value["query"], tuple(value.get("more", ())))
    view: dict[str, Any] = dict(value.get("view", {}))
    if view.get("window") is not None:
        view["window"] = Window(**view["window"])
    return _Agreement(value["clicks"], pin, View(**view))


def _agree(key: str, pin: Pin, view: View | None, size: tuple[int, int, int, int]) -> _Agreement:
    """Whoever spoke last is right: a new click, or what the page did not ask for before."""
    memory = f"{key}:agreed"
    before: tuple[_Agreement, tuple[Pin, View]] | None = st.session_state.get(memory)
    said = _said(key)
    if before is None or (said is None and before[0].clicks > 0):  # first time, or shown anew
        wanted = (pin, view or View())
        now = _Agreement(said.clicks if said else 0, *wanted)
    else:
        agreed, asked = before
        held = said if said and said.clicks > agreed.clicks else agreed
        wanted = (pin, view or held.view)
        same = wanted in (asked, (agreed.pin, agreed.view)) or (view is None and pin == asked[0])
        now = held if same else _Agreement(held.clicks, *wanted)
    window = now.view.window and now.view.window.within(size[2], size[3])
    now = _Agreement(
        now.clicks, now.pin.within(size[0], size[1], size[2]), replace(now.view, window=window)
    )
    st.session_state[memory] = (now, wanted)
    return now


def _exact(
    attention: Float[np.ndarray, "layer head query key"],
    layer: int,
    rows: list[int],
    columns: slice,
) -> Float[np.ndarray, "row head 1+key"]:
    """The pinned rows as they are, and in front what each gives to keys outside the window."""
    if 0 in attention.shape or not rows:
        return np.zeros((0, 0, 1), "<f4")
    whole = attention[layer][:, rows].swapaxes(0, 1)
    shown = whole[..., columns]
    outside = np.clip(whole.sum(-1, keepdims=True) - shown.sum(-1, keepdims=True), 0, 1)
    if shown.shape == whole.shape:
        outside[:] = 0  # not even rounding
    return np.concatenate([outside, shown], axis=-1).astype("<f4")


def _overview(
    attention: Float[np.ndarray, "layer head query key"],
) -> UInt8[np.ndarray, "layer head row column"]:
    """A small picture of each head: a cell is the largest weight of those it stands for."""
    n_layers, n_heads, n_queries, n_keys = attention.shape
    side = int(min(64, (OVERVIEW_BYTES / max(1, n_layers * n_heads)) ** 0.5))
    small = attention
    for axis, length in ((2, n_queries), (3, n_keys)):
        cells = min(side, length)
        starts = np.arange(cells) * length // cells
        small = np.maximum.reduceat(small, starts, axis=axis)
    return quantise(small)


def _ignore() -> None:
    """Streamlit keeps a component's state only under a name that has a callback."""
