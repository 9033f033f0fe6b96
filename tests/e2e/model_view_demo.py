"""A page with nothing but a model view, for journeys and benches: the address says what it shows.

?layers=12&heads=12&tokens=50&kinds=encoder,decoder,cross&scale=head&order=low&lang=ko — made-up
weights, here only to be drawn.
"""

import numpy as np
import streamlit as st

from viz.components.model_view import Chosen, Maps, Tile, model_view, selected
from viz.components.save import save_text
from viz.i18n import catalogue

SENTENCE = "The animal did n't cross the street because it was too tired . </s>"
WORDS = SENTENCE.split()
IT, ANIMAL = 8, 1


def weights(layers: int, heads: int, n: int, mask: np.ndarray) -> np.ndarray:
    """Peaky rows like a trained model's; in one head half of *it* looks at *animal*."""
    logits = np.random.default_rng(7).normal(size=(layers, heads, n, n)).astype(np.float32) * 2.5
    if n > IT:
        logits[0, 1 % heads, IT] = 0
        logits[0, 1 % heads, IT, ANIMAL] = np.log(n - 1)  # half of the row
    scores = np.where(mask, np.exp(logits), 0)
    return scores / scores.sum(-1, keepdims=True)


st.set_page_config(layout="wide")
query = st.query_params
n, n_layers, n_heads = (
    int(query.get(name, d)) for name, d in (("tokens", 14), ("layers", 4), ("heads", 4))
)
kinds = query.get("kinds", "encoder").split(",")
say = catalogue(query.get("lang", "en"))
state = st.session_state
if "chosen" not in state:
    state.chosen = Chosen(kinds[0], n_layers - 1, n_heads - 1, None)
state.runs = state.get("runs", 0) + 1


@st.cache_data(max_entries=4)
def made(layers: int, heads: int, n: int, causal: bool) -> tuple[np.ndarray, np.ndarray]:
    mask = np.tril(np.ones((n, n), bool)) if causal else np.ones((n, n), bool)
    return weights(layers, heads, n, mask), mask


def maps(kind: str) -> Maps:
    attention, mask = made(n_layers, n_heads, n, kind == "decoder")
    places = [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
    highest = attention.max(axis=(2, 3))
    if query.get("order") == "low":
        places.sort(key=lambda place: highest[place])
    values = [f"{100 * highest[place]:.0f} %" if "order" in query else "" for place in places]
    tiles = [Tile(*place, value) for place, value in zip(places, values, strict=True)]
    labels = [WORDS[i % len(WORDS)] for i in range(n)]
    return Maps(kind, attention, mask, labels, labels, tiles, grid="order" not in query)


def follow() -> None:
    state.chosen = selected("demo") or state.chosen


def elsewhere() -> None:
    state.chosen = Chosen(kinds[0], 0, 1 % n_heads, min(IT, n - 1))


text = {
    name.removeprefix("heads.view."): sentence
    for name, sentence in say.sentences.items()
    if name.startswith("heads.view.")
}
model_view(
    {kind: maps(kind) for kind in kinds},
    chosen=state.chosen,
    scale=query.get("scale", "all"),
    text=text | {"value": "Highest", "sentence": "made-up weights"},
    save=save_text(say),
    key="demo",
    on_change=follow,
)
if "bare" not in query:
    at = state.chosen
    st.text(f"chosen {at.kind} {at.layer} {at.head} {at.query} runs {state.runs}")
    st.button("elsewhere", on_click=elsewhere)
