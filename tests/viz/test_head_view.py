"""The head view's Python side: what is packed, and who is right about the selection."""

from dataclasses import asdict, fields

import numpy as np
import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from streamlit.testing.v1 import AppTest

from tests.messages import unpacked
from viz.components import head_view as module
from viz.components.head_view import (
    HeadViewText,
    Pin,
    View,
    Window,
    head_view,
    selected,
    viewed,
)
from viz.components.message import pack, quantise

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
    assert unpacked(pack(header, body)) == (header, body)


def test_a_pin_stays_within_the_picture():
    assert Pin(2, 4, 6).within(*SIZE) == Pin(2, 4, 6)
    assert Pin(9, 5, 7).within(*SIZE) == Pin(2, None, None)
    assert Pin(-1, -1, -1).within(*SIZE) == Pin(0, None, None)
    assert Pin(0, None, None).within(0, 0, 0) == Pin(0, None, None)


def test_a_selection_of_several_rows_is_in_order_and_each_once():
    pin = Pin.of(1, None, [5, 2, 5])
    assert pin == Pin(1, None, 2, (5,))
    assert pin.rows == (2, 5)
    assert Pin.of(0, None, ()).rows == ()
    assert Pin(0, None, 3, (6, 9)).within(*SIZE) == Pin(0, None, 3, (6,))
    assert Pin(0, None, 8, (9,)).within(*SIZE) == Pin(0, None, None)


def test_a_window_is_moved_until_it_lies_inside():
    assert Window(-3, 95, 40).within(100, 100) == Window(0, 60, 40)
    assert Window(5, 5, 40).within(100, 30) == Window(5, 0, 40)


@pytest.fixture
def sent(monkeypatch):
    """The browser's place: what was sent to it, and a session that it can write into."""
    messages = []
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(module, "_component", lambda **given: messages.append(given))
    return messages


def random_weights(n=7):
    return np.random.default_rng(1).dirichlet(np.ones(n), size=(3, 5, n)).astype(np.float32)


def show(pin, n=7, **more):
    weights = random_weights(n)
    labels = [f"w{i}" for i in range(n)]
    return head_view(weights, labels, labels, pin=pin, text=TEXT, key="k", **more)


def click(pin, clicks, view=View()):  # noqa: B008
    said = asdict(pin) | {"more": list(pin.more), "view": asdict(view), "clicks": clicks}
    st.session_state["k"] = {"pin": said}


def header_of(message):
    return unpacked(message["data"])[0]


def test_everything_goes_in_one_message(sent):
    mask = np.tril(np.ones((7, 7), bool))
    show(Pin(1, 2, 3), mask=mask)
    header, body = unpacked(sent[0]["data"])
    assert header["text"] == asdict(TEXT)
    assert (header["layers"], header["heads"], len(header["queries"])) == SIZE
    at = 3 * 5 * 7 * 7
    weights = np.frombuffer(body[:at], np.uint8).reshape(3, 5, 7, 7) / 255
    np.testing.assert_allclose(weights.sum(-1), 1, atol=7 / 510)
    assert np.array_equal(np.frombuffer(body[at : at + 49], np.uint8).reshape(7, 7), mask)
    exact = np.frombuffer(body[at + 49 :], "<f4").reshape(1, 5, 1 + 7)
    np.testing.assert_array_equal(exact[0, :, 1:], random_weights()[1, :, 3])
    assert not exact[..., 0].any()
    assert (header["exact"], header["overview"]) == ([3], None)


def test_selected_rows_travel_as_they_are(sent):
    show(Pin(2, None, 1, (4, 6)))
    header, body = unpacked(sent[-1]["data"])
    exact = np.frombuffer(body[3 * 5 * 7 * 7 :], "<f4").reshape(3, 5, 8)
    assert header["exact"] == [1, 4, 6]
    np.testing.assert_array_equal(exact[..., 1:], random_weights()[2][:, [1, 4, 6]].swapaxes(0, 1))


def test_of_a_long_sentence_a_window_travels_and_a_small_picture_of_the_whole(sent):
    n, window = 300, Window(290, 20, 40)
    show(Pin(1, 2, 270, (3,)), n=n, mask=np.tril(np.ones((n, n), bool)), view=View(window=window))
    header, body = unpacked(sent[-1]["data"])
    assert header["view"]["window"] == asdict(Window(260, 20, 40))
    assert header["queries"] == [f"w{i}" for i in range(260, 300)]
    assert (header["first"], header["total"]) == ([260, 20], [n, n])
    assert header["exact"] == [270]  # the other one stands outside
    weights, part = random_weights(n), random_weights(n)[:, :, 260:, 20:60]
    at = 3 * 5 * 40 * 40
    np.testing.assert_array_equal(np.frombuffer(body[:at], np.uint8), quantise(part).ravel())
    at += 40 * 40  # the mask
    outside = np.frombuffer(body[at : at + 3 * 5 * 40], np.uint8).reshape(3, 5, 40) / 255
    np.testing.assert_allclose(outside, 1 - part.sum(-1), atol=1 / 500)
    at += 3 * 5 * 40
    rows, columns = header["overview"]
    small = np.frombuffer(body[at : at + 3 * 5 * rows * columns], np.uint8)
    small = small.reshape(3, 5, rows, columns) / 255
    assert rows == columns == 64
    np.testing.assert_allclose(small.max((2, 3)), weights.max((2, 3)), atol=1 / 500)
    np.testing.assert_allclose(small[1, 2, 0, 0], weights[1, 2, :4, :4].max(), atol=1 / 500)
    at += small.size
    exact = np.frombuffer(body[at:], "<f4").reshape(1, 5, 41)
    np.testing.assert_allclose(exact[0, :, 0], 1 - exact[0, :, 1:].sum(-1), atol=1e-6)
    assert len(sent[-1]["data"]) < 120_000


def test_what_the_student_sets_is_kept_and_a_new_wish_of_the_page_wins(sent):
    across = View(layout="across", least=5)
    show(Pin(0, None, None), view=View())
    click(Pin(0, None, 2), clicks=1, view=across)
    assert viewed("k") == across
    show(Pin(0, None, 2), view=across)
    assert header_of(sent[-1])["view"]["layout"] == "across"
    show(Pin(0, None, 2), view=View(rows="sum"))
    assert header_of(sent[-1])["view"] == asdict(View(rows="sum"))


def test_a_page_without_wishes_leaves_the_view_to_the_student(sent):
    show(Pin(0, None, None))
    click(Pin(0, None, 2), clicks=1, view=View(lines="strongest"))
    show(Pin(0, None, 2))
    show(Pin(1, None, 2))
    assert header_of(sent[-1])["view"]["lines"] == "strongest"


def test_a_window_that_the_browser_chose_comes_back_as_one(sent):
    show(Pin(0, None, None), n=100, view=View(window=Window(0, 0, 40)))
    click(Pin(0, None, None), clicks=1, view=View(window=Window(30, 60, 20)))
    view = viewed("k")
    assert view is not None
    assert view.window == Window(30, 60, 20)


def test_end_marks_are_counted_from_the_window(sent):
    show(Pin(0, None, None), n=100, view=View(window=Window(0, 60, 40)), end_marks=[99, 3])
    assert header_of(sent[-1])["endMarks"] == [39]
    show(Pin(0, None, None))
    assert header_of(sent[-1])["endMarks"] is None


def test_a_click_is_followed_whether_the_page_notices_or_not(sent):
    assert show(Pin(0, None, None)) == Pin(0, None, None)
    click(Pin(1, 2, 3), clicks=1)
    assert show(Pin(0, None, None)) == Pin(1, 2, 3) == selected("k")
    assert show(Pin(0, None, None)) == Pin(1, 2, 3)
    assert header_of(sent[-1])["pin"] == asdict(Pin(1, 2, 3)) | {"more": []}
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
    app = AppTest.from_function(page_without_tokens, default_timeout=60).run()
    assert not app.exception
