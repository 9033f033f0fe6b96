"""Neuron view: one score taken apart, dimension by dimension, in every layer and head."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from model.analysis import neuron
from model.analysis.words import attention_map, strongest_key
from viz import choice, parts, sentence, state, takehome
from viz.components.neuron_view import COLOURS, ORDERS, Place, moved_to, neuron_view
from viz.components.save import save_text
from viz.export import numbers
from viz.i18n import Say
from viz.sentence import Looked

NEURON_VIEW = "neuron:view"
_OF_VIEW = "neuron.view."


def render() -> None:
    """The page: a sentence, one head, one query, and its products with every key."""
    parts.one_sentence("neuron", _neurons)


@st.fragment
def _neurons(say: Say, looked: Looked) -> None:
    pin, kind, trace = choice.head_and_row(say, looked), state.look().kind, looked.trace
    assert pin.head is not None
    assert pin.query is not None
    shown = attention_map(trace, kind, merged=False)
    found = neuron.neurons(trace, kind, pin.layer, pin.head, pin.query)
    key = _key(found.weights)
    pair = neuron.everywhere(trace, kind, pin.query, key)
    neuron_view(
        found,
        pair,
        neuron.limits(trace, kind),
        shown.queries[pin.query],
        shown.keys,
        place=_place(pin.layer, pin.head, key),
        text=_text(say),
        save=save_text(say),
        caption=trace.source_text,
        key=NEURON_VIEW,
        on_change=_moved,
    )
    largest = max(found.largest_difference, pair.largest_difference)
    parts.badge(say, largest, float(np.abs(found.scores).max()))
    st.caption(say("neuron.spread"))
    sentence.write_link(looked)
    takehome.offer(
        say,
        looked,
        kind,
        pin.layer,
        pin.head,
        numbers=partial(numbers.neurons, found, shown.keys),
    )


def _key(weights: np.ndarray) -> int:
    """The chosen key; at first the one that takes the largest weight."""
    key = state.look().key
    if key is not None:
        return min(key, len(weights) - 1)
    strongest = strongest_key(weights)
    return strongest[0] if strongest else 0


def _place(layer: int, head: int, key: int) -> Place:
    """Order and colours are this page's own part of the link."""
    asked = {name: st.query_params.get(name) for name in ("order", "colours")}
    order = next((order for order in ORDERS if order == asked["order"]), ORDERS[0])
    colours = next((colours for colours in COLOURS if colours == asked["colours"]), COLOURS[0])
    return Place(layer, head, key, order, colours)


def _moved() -> None:
    place = moved_to(NEURON_VIEW)
    if place is None:
        return
    state.into_link("order", place.order, ORDERS[0])
    state.into_link("colours", place.colours, COLOURS[0])
    state.change(layer=place.layer, head=place.head, key=place.key)


def _text(say: Say) -> dict[str, str]:
    """Every word of the view."""
    return {
        name.removeprefix(_OF_VIEW): sentence
        for name, sentence in say.sentences.items()
        if name.startswith(_OF_VIEW)
    }


if __name__ == "__main__":
    render()
