"""A page with nothing but a head view, for the journeys: what it shows is set in the address.

?tokens=12&layers=4&heads=8&lang=ko&mask=causal&pin=10&cross&window=40 — made-up weights, here only
to be drawn.
"""

from dataclasses import fields

import numpy as np
import streamlit as st

from viz.components.head_view import (
    HeadViewText,
    Pin,
    View,
    Window,
    head_view,
    selected,
    viewed,
)
from viz.components.save import save_text
from viz.i18n import Lang, catalogue


def words(lang: Lang, **own: str) -> HeadViewText:
    """The catalogue's words, and some that the journeys know by heart."""
    named = {
        field.name: catalogue(lang)(f"head_view.{field.name}") for field in fields(HeadViewText)
    }
    return HeadViewText(**(named | own))


TEXTS = {
    "en": words(
        "en",
        title="Attention of every head",
        layers="Layer",
        layer="Layer {layer}",
        heads="Head",
        head="Head {head}",
        all_heads="All heads",
        queries="Query",
        keys="Key",
        weight="Weight",
        mean="mean of {count} heads",
        percent="{percent} %",
        row="{query}: {keys}",
        item="{key} {percent}",
        masked="masked: may not be looked at",
        nothing="“{query}” has nothing to look at here.",
        empty="Nothing to show yet.",
        hint="Point at a word on the left; click to pin it. Double-click a head to see it alone.",
        help="Up and down: word. Left and right: layer. 1 to 9: one head. 0: all. Escape: unpin.",
    ),
    "ko": words(
        "ko",
        title="헤드별 어텐션",
        layers="층",
        layer="{layer}층",
        heads="헤드",
        head="헤드 {head}",
        all_heads="모든 헤드",
        queries="쿼리",
        keys="키",
        weight="가중치",
        mean="헤드 {count}개의 평균",
        percent="{percent}%",
        row="{query}: {keys}",
        item="{key} {percent}",
        masked="마스크: 볼 수 없는 자리",
        nothing="‘{query}’에서는 볼 수 있는 단어가 없습니다.",
        empty="아직 보여 줄 것이 없습니다.",
        hint="왼쪽 단어를 누르면 고정됩니다. 헤드를 두 번 누르면 그 헤드만 봅니다.",
        help="위아래: 단어. 좌우: 층. 1–9: 헤드 하나. 0: 모든 헤드. Esc: 고정 해제.",
    ),
}
ENGLISH = "The animal did n't cross the street because it was too tired . </s>"
KOREAN = "그 동물 은 길 을 건너지 않았다 . 왜냐하면 그것 은 너무 피곤하였기 때문이다 . </s>"
SENTENCES = {
    "en": ENGLISH.split(),
    "ko": KOREAN.split(),
    "script": ["<script>document.title='broken'</script>", "<b>bold</b>", "{keys}", "&amp;"],
    "empty": [],
}
PRONOUN = {"en": (8, 1), "ko": (9, 1)}


def weights(layers: int, heads: int, n: int, points: tuple[int, int], mask: np.ndarray):
    """Peaky rows like a trained model's, and one head that looks from the pronoun to its noun."""
    logits = np.random.default_rng(7).normal(size=(layers, heads, n, n)) * 1.6
    near = -np.abs(np.arange(n)[:, None] - np.arange(n)[None, :])
    logits += near * np.linspace(0.1, 1.2, heads)[:, None, None]
    if max(points) < n:
        logits[-1, 2 % heads, points[0], points[1]] += 8
    scores = np.where(mask, np.exp(logits), 0)
    return scores / np.maximum(scores.sum(-1, keepdims=True), 1e-9)


query = st.query_params
lang = query.get("lang", "en")
sentence = SENTENCES[query.get("words", lang)]
n = int(query.get("tokens", len(sentence)))
if st.session_state.get("short"):
    n = min(n, 4)
labels = [sentence[i % len(sentence)] for i in range(n)]
kind = query.get("mask", "none")
mask = np.ones((n, n), bool) if kind == "none" else np.tril(np.ones((n, n), bool))
if kind == "strict":
    mask[0] = False
n_layers, n_heads = int(query.get("layers", 4)), int(query.get("heads", 8))
attention = weights(n_layers, n_heads, n, PRONOUN.get(lang, (0, 0)), mask).astype(np.float32)

state = st.session_state
if "pin" not in state:
    given = [query.get(name) for name in ("layer", "head", "pin")]
    layer, head, row = [None if text is None else int(text) for text in given]
    state.pin = Pin(layer or 0, head, row)
size = int(query.get("window", 0))
if size and "view" not in state:
    state.view = View(window=Window(0, 0, size))
state.runs = state.get("runs", 0) + 1


def follow() -> None:
    state.pin = selected("demo") or state.pin
    said = viewed("demo")
    if said is not None and size:
        state.view = said


def twin() -> None:
    state.pin = Pin(n_layers - 1, 2 % n_heads, 3)


pin = head_view(
    attention,
    labels,
    labels,
    pin=state.pin,
    text=TEXTS[lang],
    key="demo",
    mask=None if kind == "none" else mask,
    view=state.get("view"),
    sizes=(20, 40, 80),
    end_marks=[n - 1] if "cross" in query else None,
    save=save_text(catalogue(lang)),
    caption=" ".join(labels),
    on_change=follow,
)
if "bare" not in query:
    rows = ",".join(map(str, pin.rows)) or None
    st.text(f"pin {pin.layer} {pin.head} {rows} runs {state.runs}")
    st.button("twin", on_click=twin)
    st.button("rerun")
    st.checkbox("short", key="short")
