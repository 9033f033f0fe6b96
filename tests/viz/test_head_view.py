"""The head view's Python side: what is packed, and who is right about the selection."""

import json
import struct
import zlib
from dataclasses import asdict, fields

import numpy as np
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from streamlit.testing.v1 import AppTest

from viz.components import head_view as module
from viz.components.head_view import HeadViewText, Pin, head_view, pack, quantise, selected

SIZE = (3, 5, 7)  # layers, heads, queries
TEXT = HeadViewText(**{field.name: f"<{field.name}>" for field in fields(HeadViewText)})


@given(arrays(np.float32, (2, 3, 5, 7), elements=some.floats(0, 1, width=32)))
def test_quantising_is_off_by_at_most_half_a_step(weights):
    steps = quantise(weights)
    assert steps.dtype == np.uint8
    rounding = 2**-24  # 255·w itself is a float32
    assert np.abs(steps / 255 - weights.astype(np.float64)).max() <= 1 / 510 + rounding


def test_quantising_keeps_the_ends():
    assert quantise(np.array([[[[0.0, 1.0, 1.00001, -0.00001]]]])).tolist() == [
        [[[0, 255, 255, 0]]]
    ]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.01, 1.01])
def test_what_is_no_weight_is_refused(wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantise(np.full((1, 1, 1, 1), wrong))


@given(some.dictionaries(some.text(), some.text()), some.binary())
def test_a_message_unpacks_to_what_was_packed(header, body):
    assert unpack(pack(header, body)) == (header, body)


def test_a_pin_stays_within_the_picture():
    assert Pin(2, 4, 6).within(*SIZE) == Pin(2, 4, 6)
    assert Pin(9, 5, 7).within(*SIZE) == Pin(2, None, None)
    assert Pin(-1, -1, -1).within(*SIZE) == Pin(0, None, None)
    assert Pin(0, None, None).within(0, 0, 0) == Pin(0, None, None)


@pytest.fixture
def sent(monkeypatch):
    """The browser's place: what was sent to it, and a session that it can write into."""
    messages = []
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(module, "_component", lambda **given: messages.append(given))
    return messages


def show(pin, n=7, **more):
    weights = np.random.default_rng(1).dirichlet(np.ones(n), size=(3, 5, n)).astype(np.float32)
    labels = [f"w{i}" for i in range(n)]
    return head_view(weights, labels, labels, pin=pin, text=TEXT, key="k", **more)


def click(pin, clicks):
    st.session_state["k"] = {"pin": {**asdict(pin), "clicks": clicks}}


def unpack(message):
    (length,) = struct.unpack("<I", message[:4])
    return json.loads(message[4 : 4 + length]), zlib.decompress(message[4 + length :])


def header_of(message):
    return unpack(message["data"])[0]


def test_everything_goes_in_one_message(sent):
    mask = np.tril(np.ones((7, 7), bool))
    show(Pin(1, 2, 3), mask=mask)
    header, body = unpack(sent[0]["data"])
    assert header["text"] == asdict(TEXT)
    assert (header["layers"], header["heads"], len(header["queries"])) == SIZE
    assert np.array_equal(np.frombuffer(body[-49:], np.uint8).reshape(7, 7), mask)
    weights = np.frombuffer(body[:-49], np.uint8).reshape(3, 5, 7, 7) / 255
    np.testing.assert_allclose(weights.sum(-1), 1, atol=7 / 510)
    shown = [int(percent) for percent in header["percent"]]
    np.testing.assert_allclose(shown, 100 * weights[1, 2, 3], atol=0.5 + 100 / 510)


def test_percentages_come_from_the_exact_weights(sent):
    weights = np.array([[[[0.004, 0.996, 0.0]], [[0.2049, 0.7951, 0.0]]]], np.float32)
    shown = []
    for head in (0, 1, None):
        head_view(weights, ["q"], list("abc"), pin=Pin(0, head, 0), text=TEXT, key=f"{head}")
        shown.append(header_of(sent[-1])["percent"])
    assert shown == [["<1", ">99", "0"], ["20", "80", "0"], ["10", "90", "0"]]


def test_a_click_is_followed_whether_the_page_notices_or_not(sent):
    assert show(Pin(0, None, None)) == Pin(0, None, None)
    click(Pin(1, 2, 3), clicks=1)
    assert show(Pin(0, None, None)) == Pin(1, 2, 3) == selected("k")
    assert show(Pin(0, None, None)) == Pin(1, 2, 3)
    assert header_of(sent[-1])["pin"] == asdict(Pin(1, 2, 3))
    assert header_of(sent[-1])["clicks"] == 1


def test_a_new_pin_from_the_page_wins_over_an_older_click(sent):
    show(Pin(0, None, None))
    click(Pin(1, 2, 3), clicks=1)
    show(Pin(1, 2, 3))
    assert show(Pin(2, 0, 5)) == Pin(2, 0, 5)
    assert show(Pin(2, 0, 5)) == Pin(2, 0, 5)
    assert show(Pin(1, 2, 3)) == Pin(1, 2, 3)


def test_a_click_during_the_pages_own_run_is_not_lost(sent):
    show(Pin(0, None, None))
    click(Pin(1, None, 1), clicks=1)
    show(Pin(0, None, None))
    click(Pin(1, None, 2), clicks=2)
    assert show(Pin(1, None, 1)) == Pin(1, None, 2)


def test_a_shorter_sentence_drops_the_pinned_row(sent):
    show(Pin(0, 1, 6))
    assert show(Pin(0, 1, 6), n=5) == Pin(0, 1, None)


def test_shown_again_after_another_page_it_starts_from_the_pages_pin(sent):
    show(Pin(0, None, None))
    click(Pin(1, 2, 3), clicks=4)
    show(Pin(1, 2, 3))
    del st.session_state["k"]
    assert show(Pin(2, 2, 2)) == Pin(2, 2, 2)
    click(Pin(0, 0, 0), clicks=1)
    assert show(Pin(2, 2, 2)) == Pin(0, 0, 0)


def test_shapes_that_disagree_are_refused(sent):
    weights = np.zeros((1, 1, 2, 3))
    given = {"pin": Pin(0, None, None), "text": TEXT, "key": "k"}
    with pytest.raises(ValueError, match="2 query and 3 key labels, got 1 and 3"):
        head_view(weights, ["a"], list("abc"), **given)
    with pytest.raises(ValueError, match=r"mask \(3, 2\)"):
        head_view(weights, list("ab"), list("abc"), mask=np.ones((3, 2), bool), **given)


def page_without_tokens():
    import numpy as np

    from tests.viz.test_head_view import TEXT
    from viz.components.head_view import Pin, head_view

    head_view(np.zeros((2, 3, 0, 0)), [], [], pin=Pin(1, 2, 0), text=TEXT, key="k")


def test_an_empty_sentence_runs_in_a_real_app():
    app = AppTest.from_function(page_without_tokens).run()
    assert not app.exception
