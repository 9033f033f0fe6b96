"""The model view's Python side: what is packed, how long inputs shrink, who has chosen."""

from dataclasses import asdict

import numpy as np
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from tests.messages import unpacked
from viz.components import model_view as module
from viz.components.agreement import agree
from viz.components.message import percent_steps
from viz.components.model_view import (
    CELLS,
    SIDE,
    Chosen,
    Maps,
    Tile,
    in_blocks,
    model_view,
    selected,
    step_for,
)
from viz.i18n import catalogue

EN = catalogue("en")


def written(step: int) -> str:
    """As model_view.js writes a step."""
    return {1: "<1", 200: ">99"}.get(step, str(step >> 1))


# ── per cents ────────────────────────────────────────────────────────────────────────────────────


@given(arrays(np.float32, 5, elements=some.floats(0, 1, width=32)))
def test_a_step_is_written_like_the_page_writes_the_weight(weights):
    shown = [f"{written(step)} %" for step in percent_steps(weights)]
    assert shown == [EN.percent(float(weight)) for weight in weights]


@given(arrays(np.float32, 5, elements=some.floats(0, 1, width=32)))
def test_a_step_is_off_by_at_most_a_quarter_of_a_per_cent(weights):
    steps = percent_steps(weights).astype(float)
    shares = np.where(steps == 0, 0, np.where(steps == 201, 1, (steps / 2 - 0.25) / 100))
    assert np.abs(shares - weights).max() <= 0.0025 + 1e-6


def test_no_weight_a_little_and_nearly_all_are_told_apart():
    weights = np.array([0, 1e-9, 0.004, 0.0051, 0.125, 0.994, 0.9999, 1.0, 1.00001, -0.00001])
    assert [written(step) for step in percent_steps(weights)] == (
        ["0", "<1", "<1", "1", "12", "99", ">99", "100", "100", "0"]
    )


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.01, 1.01])
def test_what_is_no_weight_is_refused(wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        percent_steps(np.full((1, 1), wrong))


# ── long inputs ──────────────────────────────────────────────────────────────────────────────────


def test_a_block_is_its_largest_weight_and_says_where_that_stands():
    attention = np.zeros((1, 1, 5, 7), np.float32)
    attention[0, 0, 1, 5], attention[0, 0, 0, 4] = 0.75, 0.25
    attention[0, 0, 4, 6] = 0.5  # in a block that holds this one cell
    blocks = in_blocks(attention, np.ones((5, 7), bool), 3)
    assert blocks.weights[0, 0].tolist() == [[0, 0.75, 0], [0, 0, 0.5]]
    assert blocks.places[0, 0].tolist() == [[0, 5, 0], [0, 0, 3]]
    assert blocks.mask.all()


@given(some.integers(1, 9), some.integers(1, 9), some.integers(1, 4), some.integers(0, 99))
def test_nothing_vanishes_and_every_place_is_true(n_queries, n_keys, step, seed):
    weights = np.random.default_rng(seed).random((2, 3, n_queries, n_keys)).astype(np.float32)
    blocks = in_blocks(weights, np.ones((n_queries, n_keys), bool), step)
    assert (blocks.weights.max(axis=(2, 3)) == weights.max(axis=(2, 3))).all()
    for layer, head, row, column in np.ndindex(blocks.weights.shape):
        down, across = divmod(int(blocks.places[layer, head, row, column]), step)
        found = weights[layer, head, row * step + down, column * step + across]
        assert found == blocks.weights[layer, head, row, column]


def test_a_block_is_masked_where_all_of_it_is_and_names_an_allowed_cell():
    mask = np.tril(np.ones((6, 6), bool))
    attention = np.zeros((1, 1, 6, 6), np.float32)
    blocks = in_blocks(attention, mask, 2)
    assert (blocks.mask == np.tril(np.ones((3, 3), bool))).all()
    assert blocks.places[0, 0].diagonal().tolist() == [0, 0, 0]
    blocks = in_blocks(attention, ~mask, 2)  # only the cell above the diagonal is allowed
    assert blocks.places[0, 0].diagonal().tolist() == [1, 1, 1]
    assert (blocks.weights == 0).all()


@pytest.mark.parametrize("step", [0, 17])
def test_blocks_whose_places_do_not_fit_a_byte_are_refused(step):
    with pytest.raises(ValueError, match=f"blocks of {step} tokens"):
        in_blocks(np.zeros((1, 1, 2, 2)), np.ones((2, 2), bool), step)


@pytest.mark.parametrize(
    ("layers", "heads", "n", "kinds"),
    [(4, 4, 15, 3), (12, 12, 100, 1), (4, 4, 512, 3), (12, 16, 512, 3), (1, 1, 1, 1)],
)
def test_thumbnails_stay_within_what_a_browser_should_get(layers, heads, n, kinds):
    step = step_for([(layers, heads, n, n)] * kinds)

    def cells(step: int) -> int:
        return kinds * layers * heads * (-(-n // step)) ** 2

    assert cells(step) <= CELLS
    assert -(-n // step) <= SIDE
    assert step == 1 or cells(step - 1) > CELLS or -(-n // (step - 1)) > SIDE


# ── the message ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sent(monkeypatch):
    """The browser's place: what was sent to it, and a session that it can write into."""
    messages = []
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(module, "_component", lambda **given: messages.append(given))
    return messages


def some_maps(kind="encoder", size=(2, 3, 5, 7), **more) -> Maps:
    layers, heads, n_queries, n_keys = size
    attention = np.random.default_rng(1).dirichlet(np.ones(n_keys), size=size[:3])
    given = {
        "name": kind.title(),
        "attention": attention.astype(np.float32),
        "mask": np.ones((n_queries, n_keys), bool),
        "queries": [f"q{i}" for i in range(n_queries)],
        "keys": [f"k{i}" for i in range(n_keys)],
        "tiles": [Tile(layer, head) for layer in range(layers) for head in range(heads)],
    }
    return Maps(**(given | more))


def show(*maps: Maps, chosen: Chosen | None = None, scale="all") -> None:
    by_kind = {shown.name.lower(): shown for shown in maps}
    model_view(
        by_kind,
        chosen=chosen or Chosen(next(iter(by_kind)), 0, 0),
        scale=scale,
        text={"title": "<title>"},
        save={"label": "<save>"},
        key="k",
        on_change=lambda: None,
    )


def unpack(message):
    header, body = unpacked(message["data"])
    return header, np.frombuffer(body, np.uint8)


def test_every_kind_travels_in_one_message(sent):
    cross = some_maps("cross", (2, 3, 3, 7), tiles=[Tile(1, 2, "81 %", pale=True)], grid=False)
    show(some_maps(), cross, chosen=Chosen("cross", 1, 2, 0), scale="row")
    header, body = unpack(sent[0])
    encoder, other = header["sections"]
    assert (encoder["layers"], encoder["heads"], encoder["rows"], encoder["columns"]) == (
        2,
        3,
        5,
        7,
    )
    assert encoder["tiles"] == [[layer, head, "", 0] for layer in (0, 1) for head in (0, 1, 2)]
    assert (encoder["grid"], encoder["masked"], encoder["step"]) == (True, False, 1)
    assert other["tiles"] == [[1, 2, "81 %", 1]]
    assert header["chosen"] == asdict(Chosen("cross", 1, 2, 0))
    assert (header["scale"], header["window"]) == ("row", None)
    assert len(body) == 2 * 3 * 5 * 7 + 5 * 7 + 2 * 3 * 3 * 7 + 3 * 7
    steps = body[: 2 * 3 * 5 * 7].reshape(2, 3, 5, 7)
    assert (steps == percent_steps(some_maps().attention)).all()


def test_the_mask_travels_once_a_kind(sent):
    mask = np.tril(np.ones((7, 7), bool))
    show(some_maps("decoder", (2, 3, 7, 7), mask=mask))
    header, body = unpack(sent[0])
    assert header["sections"][0]["masked"]
    assert (body[-49:].reshape(7, 7) == mask).all()


def test_of_a_long_input_the_selected_head_travels_cell_by_cell(sent):
    long = some_maps(size=(1, 2, 130, 200))
    show(long, chosen=Chosen("encoder", 0, 1, 129))
    header, body = unpack(sent[0])
    (section,) = header["sections"]
    assert (section["step"], section["rows"], section["columns"]) == (2, 65, 100)
    assert len(section["queries"]) == 130
    assert header["window"] == {"kind": "encoder", "layer": 0, "head": 1}
    blocks = in_blocks(long.attention, long.mask, 2)
    n, cells = 2 * 65 * 100, 130 * 200
    assert (body[:n] == percent_steps(blocks.weights).ravel()).all()
    assert (body[n : 2 * n] == blocks.places.ravel()).all()
    assert (body[-2 * cells : -cells] == percent_steps(long.attention[0, 1]).ravel()).all()
    assert len(body) == 2 * n + 65 * 100 + 2 * cells


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"queries": ["a"]}, "5 query and 7 key labels, got 1 and 7"),
        ({"mask": np.ones((7, 5), bool)}, r"mask \(7, 5\) does not fit"),
        ({"tiles": [Tile(2, 0)], "grid": False}, "2 × 3 heads, but tiles for"),
        ({"tiles": [Tile(0, 0)]}, "2 × 3 heads, but tiles for"),
    ],
)
def test_what_disagrees_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        some_maps(**wrong)


@pytest.mark.parametrize(
    "chosen", [Chosen("cross", 0, 0), Chosen("encoder", 2, 0), Chosen("encoder", 0, 0, 5)]
)
def test_a_head_that_is_not_there_cannot_be_chosen(sent, chosen):
    with pytest.raises(ValueError, match="not among the maps"):
        show(some_maps(), chosen=chosen)


# ── who has chosen ───────────────────────────────────────────────────────────────────────────────


def click(chosen: Chosen, turn: int) -> None:
    st.session_state["k"] = {"chosen": {**asdict(chosen), "turn": turn}}


def test_a_click_that_the_page_follows_sends_the_same_bytes(sent):
    show(some_maps())
    there = Chosen("encoder", 1, 2, 3)
    click(there, turn=1)
    assert selected("k") == there
    show(some_maps(), chosen=there)
    assert sent[1]["data"] == sent[0]["data"]


def test_what_the_page_chooses_wins_over_an_older_click(sent):
    show(some_maps())
    click(Chosen("encoder", 1, 2, 3), turn=1)
    show(some_maps(), chosen=Chosen("encoder", 0, 1))
    header, _ = unpack(sent[-1])
    assert (header["turn"], header["chosen"]) == (2, asdict(Chosen("encoder", 0, 1)))
    show(some_maps(), chosen=Chosen("encoder", 0, 1))
    assert unpack(sent[-1])[0]["turn"] == 2


def test_shown_anew_after_another_page_it_starts_from_the_page(sent):
    show(some_maps())
    there = Chosen("encoder", 1, 2, 3)
    click(there, turn=1)
    show(some_maps(), chosen=there)
    del st.session_state["k"]
    show(some_maps(), chosen=there)
    header, _ = unpack(sent[-1])
    assert (header["turn"], header["chosen"]) == (2, asdict(there))


def test_an_agreement_follows_a_click_made_in_its_turn_only(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    assert agree("k", "a", None).turn == 1
    assert agree("k", "b", ("b", 1)).sent == "a"
    again = agree("k", "c", ("b", 1))
    assert (again.sent, again.turn) == ("c", 2)
    assert agree("k", "c", ("b", 1)).turn == 2  # the click was made before the page spoke


def test_before_the_first_click_nothing_is_selected(sent):
    assert selected("k") is None
