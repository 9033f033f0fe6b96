"""The model view: every head of every layer as a small map, all in one message.

Hovering enlarges a head in the browser, with its words and numbers, and costs no trip to the
server; only what the student *selects* comes back. Long inputs travel as the maxima of blocks, each
with the place of its maximum, so that a name and a number are true there, too; the selected head
travels cell by cell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import streamlit as st
from jaxtyping import Bool, Float, UInt8

from model.trace import Kind
from viz import theme
from viz.components.agreement import agree, heard
from viz.components.code import code
from viz.components.message import pack, percent_steps

CODE = code(
    __file__,
    shared=("view", "canvas", "save"),
    own=("cells", "thumbs", "enlarged", "model_view"),
)
_component = st.components.v2.component("jumok_model_view", js=CODE.js, css=CODE.css)

Scale = Literal["all", "head", "row"]
SCALES: tuple[Scale, ...] = get_args(Scale)

SIDE = 128
"""Rows and columns of a thumbnail; of a longer input each stands for several tokens."""

CELLS = 1 << 21
"""Of all thumbnails together: two megabytes before they are deflated."""

LARGEST_BLOCK = 16
"""The place of a block's maximum is one byte: 16 × 16 places."""


@dataclass(frozen=True)
class Tile:
    """One thumbnail: which head, what stands below it, and whether it stays in the background."""

    layer: int
    head: int
    value: str = ""
    pale: bool = False


@dataclass(frozen=True)
class Maps:
    """All heads of one kind of attention.

    Attributes:
        name: as a title, e.g. "Encoder".
        attention: weights after softmax.
        mask: True = may attend; the other cells are hatched.
        queries, keys: a label a row and a label a column.
        tiles: what is drawn, in this order.
        grid: the tiles are complete and in order: a row for each layer, a column for each head.
    """

    name: str
    attention: Float[np.ndarray, "layer head query key"]
    mask: Bool[np.ndarray, "query key"]
    queries: Sequence[str]
    keys: Sequence[str]
    tiles: Sequence[Tile]
    grid: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError where shapes, labels or tiles disagree."""
        n_layers, n_heads, *square = self.attention.shape
        if square != [len(self.queries), len(self.keys)]:
            raise ValueError(
                f"{self.name}: attention {self.attention.shape} needs {square[0]} query and "
                f"{square[1]} key labels, got {len(self.queries)} and {len(self.keys)}"
            )
        if list(self.mask.shape) != square:
            raise ValueError(
                f"{self.name}: mask {self.mask.shape} does not fit attention {self.attention.shape}"
            )
        heads = [(tile.layer, tile.head) for tile in self.tiles]
        everything = list(np.ndindex(n_layers, n_heads))
        if not set(heads) <= set(everything) or (self.grid and heads != everything):
            raise ValueError(f"{self.name}: {n_layers} × {n_heads} heads, but tiles for {heads}")


@dataclass(frozen=True)
class Chosen:
    """The selected head, and the row that is looked at in it; zero-based."""

    kind: Kind
    layer: int
    head: int
    query: int | None = None


@dataclass(frozen=True)
class Blocks:
    """A map in blocks of step × step tokens; blocks at the end may be smaller.

    Attributes:
        weights: the largest weight in each block.
        places: where in the block it stands, row · step + column; the first where several do.
        mask: True where any cell of the block may attend.
    """

    step: int
    weights: Float[np.ndarray, "layer head row column"]
    places: UInt8[np.ndarray, "layer head row column"]
    mask: Bool[np.ndarray, "row column"]


def in_blocks(
    attention: Float[np.ndarray, "layer head query key"],
    mask: Bool[np.ndarray, "query key"],
    step: int,
) -> Blocks:
    """The maxima of blocks: unlike a mean, a maximum lets no single strong cell vanish.

    Raises ValueError for a step that is not within 1..16.
    """
    if not 1 <= step <= LARGEST_BLOCK:
        raise ValueError(f"blocks of {step} tokens; at least 1 and at most {LARGEST_BLOCK}")
    n_layers, n_heads, n_queries, n_keys = attention.shape
    if step == 1:
        return Blocks(1, attention, np.zeros(attention.shape, np.uint8), mask)
    rows, columns = math.ceil(n_queries / step), math.ceil(n_keys / step)
    beyond = ((0, rows * step - n_queries), (0, columns * step - n_keys))
    weights = np.empty((n_layers, n_heads, rows, columns), np.float32)
    places = np.empty(weights.shape, np.uint8)
    for layer, head in np.ndindex(n_layers, n_heads):  # one at a time: squares are expensive
        cells = np.where(mask, attention[layer, head], -1)
        blocks = _blocks(np.pad(cells, beyond, constant_values=-2), step)
        at = blocks.argmax(axis=-1)
        places[layer, head] = at
        found = np.take_along_axis(blocks, at[..., None], axis=-1)[..., 0]
        weights[layer, head] = np.maximum(found, 0)
    allowed: Bool[np.ndarray, "row column"] = np.asarray(
        _blocks(np.pad(mask, beyond, constant_values=False), step).any(axis=-1)
    )
    return Blocks(step, weights, places, allowed)


def _blocks(cells: np.ndarray, step: int) -> np.ndarray:
    """[row, column, cell of the block]."""
    rows, columns = (size // step for size in cells.shape)
    split = cells.reshape(rows, step, columns, step).swapaxes(1, 2)
    return split.reshape(rows, columns, step * step)


def step_for(shapes: Sequence[tuple[int, ...]]) -> int:
    """The smallest block with which all thumbnails together stay within `SIDE` and `CELLS`.

    Args:
        shapes: [layer, head, query, key] of each kind on screen.
    """
    for step in range(1, LARGEST_BLOCK):
        sizes = [(n, h, math.ceil(q / step), math.ceil(k / step)) for n, h, q, k in shapes]
        fits = all(max(rows, columns) <= SIDE for *_, rows, columns in sizes)
        if fits and sum(map(math.prod, sizes)) <= CELLS:
            return step
    return LARGEST_BLOCK


def model_view(
    maps: Mapping[str, Maps],
    *,
    chosen: Chosen,
    scale: Scale,
    text: Mapping[str, str],
    save: Mapping[str, str],
    key: str,
    on_change: Callable[[], None],
) -> None:
    """Draw every head of every kind that is given as a thumbnail.

    Args:
        maps: by kind, in the order in which they are shown.
        chosen: what should be selected. Where it differs from what the browser shows it wins; the
            same again sends the same bytes, which Streamlit does not send twice.
        scale: full ink is 1 ("all"), or the largest weight of each head or row.
        text: every word of the view, by name; the browser fills in the names in braces.
        save: what the save buttons are called.
        on_change: called before the rerun that a selection starts; read it with `selected(key)`.

    Raises:
        ValueError: `chosen` is not among the maps.
    """
    agreed = agree(key, chosen, _said(key))
    data = message(
        maps, chosen=chosen, sent=agreed.sent, turn=agreed.turn, scale=scale, text=text, save=save
    )
    _component(key=key, data=data, on_chosen_change=on_change)


def message(
    maps: Mapping[str, Maps],
    *,
    chosen: Chosen,
    scale: Scale,
    text: Mapping[str, str],
    save: Mapping[str, str],
    sent: Chosen | None = None,
    turn: int = 0,
) -> bytes:
    """What the browser gets; also for a page without a server. Arguments as in `model_view`.

    Args:
        sent, turn: the selection that the browser knows of already, and which one it was.

    Raises:
        ValueError: `chosen` is not among the maps.
    """
    shapes = {kind: shown.attention.shape for kind, shown in maps.items()}
    if chosen.kind not in maps or not _exists(chosen, shapes[chosen.kind]):
        raise ValueError(f"{chosen} is not among the maps {shapes}")
    step = step_for(list(shapes.values()))
    sections = [_section(kind, shown, step) for kind, shown in maps.items()]
    header: dict[str, Any] = {
        "sections": [description for description, _ in sections],
        "window": None,
        "chosen": asdict(sent or chosen),
        "turn": turn,
        "scale": scale,
        "ink": theme.ACCENT,
        "text": dict(text),
        "save": dict(save),
    }
    body = b"".join(numbers for _, numbers in sections)
    if step > 1:
        header["window"] = {"kind": chosen.kind, "layer": chosen.layer, "head": chosen.head}
        body += _window(maps[chosen.kind], chosen)
    return pack(header, body)


def selected(key: str) -> Chosen | None:
    """The last selection made in the browser; None before the first one. For use in `on_change`."""
    said = _said(key)
    return None if said is None else said[0]


def _exists(chosen: Chosen, shape: tuple[int, ...]) -> bool:
    place = (chosen.layer, chosen.head, chosen.query or 0)
    return all(0 <= index < size for index, size in zip(place, shape[:3], strict=True))


def _said(key: str) -> tuple[Chosen, int] | None:
    value = heard(key, "chosen")
    if value is None:
        return None
    place = Chosen(value["kind"], value["layer"], value["head"], value["query"])
    return place, value["turn"]


def _section(kind: str, shown: Maps, step: int) -> tuple[dict[str, Any], bytes]:
    """What the browser reads about one kind, and its bytes: weights, places, mask."""
    blocks = in_blocks(shown.attention, shown.mask, step)
    n_layers, n_heads, rows, columns = blocks.weights.shape
    description = {
        "kind": kind,
        "name": shown.name,
        "layers": n_layers,
        "heads": n_heads,
        "rows": rows,
        "columns": columns,
        "step": step,
        "queries": list(shown.queries),
        "keys": list(shown.keys),
        "masked": not shown.mask.all(),
        "grid": shown.grid,
        "tiles": [[tile.layer, tile.head, tile.value, int(tile.pale)] for tile in shown.tiles],
    }
    body = percent_steps(blocks.weights).tobytes()
    if step > 1:
        body += blocks.places.tobytes()
    return description, body + blocks.mask.tobytes()


def _window(shown: Maps, chosen: Chosen) -> bytes:
    """The selected head, cell by cell, and its mask."""
    weights = percent_steps(shown.attention[chosen.layer, chosen.head])
    return weights.tobytes() + shown.mask.tobytes()
