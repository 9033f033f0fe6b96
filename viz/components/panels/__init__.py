"""Attention maps side by side, one component each, that point at the same word together.

A map travels once, as bytes, to a canvas in the browser. What the pointer, a finger or the arrow
keys choose in one map of a group is marked and read off in all of them, without the server: each
message says which rows and columns of the other maps belong to its own. What is kept by a click or
a key is told to the page, which puts it into the link.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import streamlit as st
from jaxtyping import Bool, Float

from viz import theme
from viz.components.agreement import heard
from viz.components.code import code
from viz.components.message import pack

CODE = code(__file__, shared=("view", "canvas", "save"), own=("group", "map", "panel"))
_component = st.components.v2.component("jumok_panel", js=CODE.js, css=CODE.css)

Rows = list[list[int]]
Cell = tuple[int, int | None]
"""A row and a column; None: the whole row."""


@dataclass(frozen=True)
class PanelText:
    """Every word of a panel, translated; the browser fills in the names in braces."""

    what: str  # what the picture is, for screen readers: "{name}: {title}, {rows} × {columns}"
    queries: str  # what rows are, in the corner of the map
    keys: str  # what columns are
    cell: str  # one weight read off: "{query} → {key}: {value}"
    row: str  # a row's largest weights: "{query} → {items}"
    item: str  # one of {items}: "{key} {value}"
    percent: str  # "{number} %"
    points: str  # of a difference, with its sign: "{number} points"
    masked: str  # a cell that may not be looked at
    nothing: str  # a row without any weight
    unmatched: str  # "“{word}” has no partner here"
    point: str  # before anything is chosen
    closer: str  # button: cells large enough to read
    whole: str  # button: the whole map
    pooled: str  # several cells share one dot
    help: str  # the keys, for screen readers


@dataclass(frozen=True)
class Link:
    """For each row and column of a map, those of another one; None: the same index."""

    rows: Rows | None
    keys: Rows | None


@dataclass(frozen=True)
class Place:
    """Where a panel stands: `name` among the panels of its `group`, which are linked."""

    group: str
    name: str
    links: Mapping[str, Link]


def panel(
    values: Float[np.ndarray, "query key"],
    query_labels: Sequence[str],
    key_labels: Sequence[str],
    *,
    place: Place,
    title: str,
    caption: str,
    text: PanelText,
    save: Mapping[str, str],
    key: str,
    mask: Bool[np.ndarray, "query key"] | None = None,
    signed: bool = False,
    limit: float = 1.0,
    exact: bool = True,
    start: Cell | None = None,
    on_pin: Callable[[], None] | None = None,
) -> None:
    """Draw one map; its scale is 0..limit, or −limit..limit where `signed`, and stands below it.

    values: weights after softmax, or differences between two maps.
    title, caption: what is shown, and of which sentence; as typed, never read as markup.
    save: what the buttons that save the picture are called (`save_text`).
    mask: True = may attend; other cells are hatched.
    limit: where the colour is full, in whole per cent; the same for all maps that are compared.
    exact: numbers are read off with one decimal. Without it as whole per cent, and what is stored
        as 0 or 1 may be a little more or less.
    start: the row (and column) that is marked before anyone points.
    on_pin: called before the rerun that follows a click or a key; read it there with `pinned(key)`.
        Without it nothing goes to the server.
    Raises ValueError where shapes disagree or a value is none of a weight or a difference.
    """
    if values.shape != (len(query_labels), len(key_labels)):
        raise ValueError(
            f"a map {values.shape} cannot have {len(query_labels)} row and "
            f"{len(key_labels)} column labels"
        )
    if mask is not None and mask.shape != values.shape:
        raise ValueError(f"mask {mask.shape} does not fit a map {values.shape}")
    lowest = -1.0 if signed else 0.0
    if not np.all((values >= lowest - 1e-4) & (values <= 1 + 1e-4)):
        raise ValueError(f"values of a map must lie between {lowest:g} and 1")
    header = {
        **asdict(place),
        "title": title,
        "caption": caption,
        "queries": list(query_labels),
        "keys": list(key_labels),
        "masked": mask is not None,
        "signed": signed,
        "limit": limit,
        "exact": exact,
        "start": start,
        "tells": on_pin is not None,
        "text": asdict(text),
        "save": dict(save),
        "paint": {
            "above": theme.INK[-1][1],
            "below": theme.SIGNED[0][1],
            "ground": theme.MASKED_GROUND,
            "hatch": theme.MASKED_LINE,
        },
    }
    # As they are: what is read off is the model's own number, not a rounded one rounded again.
    body = np.ascontiguousarray(values, dtype="<f4").tobytes()
    if mask is not None:
        body += np.ascontiguousarray(mask, dtype=np.uint8).tobytes()
    _component(key=key, data=pack(header, body), on_pinned_change=on_pin)


def pinned(key: str) -> Cell | None:
    """What was last kept in this map; None where that was let go of. For use in `on_pin`."""
    said = heard(key, "pinned")
    return None if said is None or said["row"] is None else (said["row"], said["key"])
