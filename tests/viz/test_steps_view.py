"""The steps view's Python side: what is packed, who is right about the place, and its words."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some

from model.analysis.steps import STAGES, Stages
from tests.messages import arrays_of, headed
from viz.components import steps_view as module
from viz.components.steps_view import ARRAYS, Place, moved_to, pack, steps_view
from viz.i18n import LANGS, catalogue

SCRIPTS = Path(module.__file__).parent.glob("*.js")
SOURCE = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
SIZES = dict(T=5, S=7, D=11, K=3, V=2, H=13)
AXES = {
    **dict.fromkeys(("word", "position", "before", "x", "out"), "TD"),
    **dict.fromkeys(("scores", "scaled", "mask", "masked", "exp", "weights"), "TS"),
    **dict(memory="SD", w_q="DK", w_k="DK", w_v="DV", b_q="K", b_k="K", b_v="V", q="TK", k="SK"),
    **dict(v="SV", top="T", total="T", context="TV", concat="TH", w_o="HD", b_o="D"),
}


@pytest.fixture
def stages():
    draw = np.random.default_rng(3)
    arrays = {
        name: draw.normal(size=[SIZES[axis] for axis in axes]).astype(np.float32)
        for name, axes in AXES.items()
    }
    arrays["masked"][0, 1] = -np.inf
    differences = {stage: n * 1e-7 for n, stage in enumerate(STAGES)}
    return Stages(**arrays, n_heads=4, differences=differences)


@pytest.fixture
def sent(monkeypatch):
    """The browser's place: what was sent to it, and a session that it can write into."""
    messages = []
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(module, "_component", lambda **given: messages.append(given["data"]))
    return messages


def show(stages, place=Place(), **more):  # noqa: B008
    symbols = {"cross": True, "pre": True} | more
    queries, keys = list("abcde"), list("ABCDEFG")
    given = dict(head=1, symbols=symbols, text={"title": "…"}, key="k", on_change=lambda: None)
    steps_view(stages, queries, keys, place=place, **given)


def go(place, turn):
    st.session_state["k"] = {"place": {**asdict(place), "turn": turn}}


def unpack(message):
    header, body = headed(message)
    return header, arrays_of(header, body)


def place_of(message):
    header = unpack(message)[0]
    return Place(**header["place"]), header["turn"]


def test_every_number_arrives_as_the_float32_that_it_is(stages, sent):
    show(stages)
    header, arrays = unpack(sent[0])
    assert list(arrays) == [*ARRAYS, "differences"]
    for name in ARRAYS:
        assert np.array_equal(arrays[name], getattr(stages, name)), name
    assert arrays["differences"].tolist() == pytest.approx(list(stages.differences.values()))
    assert header["stages"] == list(STAGES)
    assert (header["queries"], header["keys"]) == (list("abcde"), list("ABCDEFG"))
    assert (header["head"], header["heads"], header["cross"], header["pre"]) == (1, 4, True, True)


def test_what_is_not_there_or_there_already_does_not_travel(stages, sent):
    show(replace(stages, word=None, position=None), cross=False)
    assert set(ARRAYS) - set(unpack(sent[0])[1]) == {"word", "position", "memory"}


@given(some.dictionaries(some.text(), some.text()))
def test_a_header_unpacks_to_what_was_packed(header):
    packed = pack({"head": header}, {"none": np.zeros((0, 3))})
    assert unpack(packed)[0]["head"] == header


def test_labels_must_fit(stages, sent):
    with pytest.raises(ValueError, match=r"\(7, 5\) need as many .* got 5 and 7"):
        show(replace(stages, scores=stages.scores.T))


def test_a_place_stays_within_the_sentence():
    assert Place(3, 4, "matrix").within(5) == Place(3, 4, "matrix")
    assert Place(99, 99, "row").within(5) == Place(9, 4, "row")
    assert Place(-1, -1, "row").within(5) == Place(0, 0, "row")


def test_a_move_in_the_browser_that_the_page_follows_sends_the_same_bytes(stages, sent):
    show(stages, Place(0, 2))
    go(Place(4, 3), turn=1)
    assert moved_to("k") == Place(4, 3)
    show(stages, Place(4, 3))
    show(stages, Place(4, 3))
    assert sent[0] == sent[1] == sent[2]


def test_another_place_from_the_page_wins_over_the_browser(stages, sent):
    show(stages, Place(0, 2))
    go(Place(4, 3), turn=1)
    show(stages, Place(4, 0))
    assert place_of(sent[-1]) == (Place(4, 0), 2)
    show(stages, Place(4, 0))  # what the browser said before that no longer counts
    assert place_of(sent[-1]) == (Place(4, 0), 2)
    go(Place(5, 0), turn=2)
    show(stages, Place(4, 0))  # back to what was sent last, though the browser has moved on
    assert place_of(sent[-1]) == (Place(4, 0), 3)


def test_shown_again_after_another_page_it_starts_where_the_page_says(stages, sent):
    show(stages, Place(0, 2))
    go(Place(4, 3), turn=1)
    show(stages, Place(4, 3))
    del st.session_state["k"]
    assert moved_to("k") is None
    show(stages, Place(4, 3))
    assert place_of(sent[-1]) == (Place(4, 3), 2)


# ── words ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", LANGS)
def test_the_browser_finds_all_its_words(lang):
    named = set(re.findall(r"\btext\.(\w+)\b(?!\()", SOURCE)) | set(
        re.findall(r'says: "(\w+)"', SOURCE)
    )
    named |= {f"{stage}_{part}" for stage in STAGES for part in ("name", "title", "says")}
    chosen_by_the_page = {"of", "origin", "input_says", "scale_says", "mask_says", "concat_says"}
    sentences = catalogue(lang).sentences
    assert {"table", "rows_before", "slot"} <= named
    for name in named - chosen_by_the_page:
        assert f"attention.view.{name}" in sentences, name


def test_no_word_of_the_catalogue_is_left_over():
    prefix = "attention.view."
    names = {n.removeprefix(prefix) for n in catalogue("en").sentences if n.startswith(prefix)}
    computed = {f"{stage}_{part}" for stage in STAGES for part in ("name", "title", "says")}
    computed |= {f"of_{name}" for name in ARRAYS}
    for name in names - computed:
        assert re.search(rf'\btext\.{name}\b|"{name}"', SOURCE), name
