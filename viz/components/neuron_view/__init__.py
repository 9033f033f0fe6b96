"""The neuron view: q, k and their products, dimension by dimension, for one query and every key.

One query of one head travels with all its keys, and the chosen pair in every layer and head.
Pointing, another key's strips and another order of the dimensions cost no trip to the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
import streamlit as st

from model.analysis.neuron import Everywhere, Limits, Neurons, by_size
from viz.components.agreement import heard
from viz.components.code import code
from viz.components.message import pack

CODE = code(__file__, shared=("view", "canvas", "save"), own=("numbers", "strips", "neuron_view"))
_component = st.components.v2.component("jumok_neuron_view", js=CODE.js, css=CODE.css)

Order = Literal["model", "pair", "spread"]
Colours = Literal["all", "head"]
ORDERS: tuple[Order, ...] = get_args(Order)
COLOURS: tuple[Colours, ...] = get_args(Colours)


@dataclass(frozen=True)
class Place:
    """Where the student is; zero-based.

    Attributes:
        order: of the dimensions: the model's, the chosen pair's largest products first, or first
            those whose products differ most between the keys.
        colours: full at the largest number of all layers and heads, or of this head.
    """

    layer: int
    head: int
    key: int
    order: Order = "model"
    colours: Colours = "all"


def neuron_view(
    found: Neurons,
    pair: Everywhere,
    limits: Limits,
    query: str,
    keys: Sequence[str],
    *,
    place: Place,
    text: Mapping[str, str],
    save: Mapping[str, str],
    caption: str,
    key: str,
    on_change: Callable[[], None],
) -> None:
    """Draw one query against every key, and the chosen pair in every head.

    Args:
        found: the query's row of this head.
        pair: the query and the chosen key in every layer and head.
        limits: of the colour scale that stays the same from head to head.
        query: the query's label.
        keys: one label a key.
        place: where to be; the page's word counts once the browser's last move has come to it.
        text: every word of the view, by name; the browser fills in the names in braces.
        save, caption: what the save buttons are called, and what stands above a saved picture.
        on_change: called before the rerun that follows a move; read it there with `moved_to(key)`.

    Raises:
        ValueError: labels do not fit the keys.
    """
    if len(keys) != len(found.k):
        raise ValueError(f"{len(found.k)} keys need as many labels, got {len(keys)}")
    of_head = Limits(
        vectors=float(max(np.abs(found.q).max(), np.abs(found.k).max())),
        products=float(np.abs(found.products).max()),
    )
    arrays = {
        "q": found.q,
        "k": found.k,
        "products": found.products,
        "scores": found.scores,
        "scaled": found.scaled,
        "mask": found.mask,
        "exp": found.exp,
        "weights": found.weights,
        "spread": found.spread,
        "by_spread": by_size(found.spread),
        "all_products": pair.products,
        "all_scores": pair.scores,
        "all_scaled": pair.scaled,
        "all_weights": pair.weights,
    }
    said = _said(key)
    header = {
        "query": query,
        "keys": list(keys),
        "layers": pair.scores.shape[0],
        "heads": pair.scores.shape[1],
        "d_k": len(found.q),
        "top": found.top,
        "total": found.total,
        "limits": {"all": asdict(limits), "head": asdict(of_head)},
        "place": asdict(place),
        "clicks": said[1] if said else 0,
        "arrays": [[name, int(array.size)] for name, array in arrays.items()],
        "text": dict(text),
        "save": dict(save),
        "caption": caption,
    }
    body = b"".join(np.ascontiguousarray(array, "<f4").tobytes() for array in arrays.values())
    _component(key=key, data=pack(header, body), on_place_change=on_change)


def moved_to(key: str) -> Place | None:
    """Where the student has gone in the browser; None before the first move. For `on_change`."""
    said = _said(key)
    return None if said is None else said[0]


def _said(key: str) -> tuple[Place, int] | None:
    value = heard(key, "place")
    if value is None:
        return None
    names = ("layer", "head", "key", "order", "colours")
    return Place(**{name: value[name] for name in names}), value["clicks"]
