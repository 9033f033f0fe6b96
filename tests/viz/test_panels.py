"""The panels' Python side: what is sent for a map, and a comparison as a word in a link."""

import base64
import json
import zlib
from dataclasses import asdict, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from tests.messages import unpacked
from viz import theme
from viz.compare.choice import MOST_PANELS, Comparison, PanelChoice, dumps, loads
from viz.components import panels as module
from viz.components.panels import Link, PanelText, Place, panel
from viz.i18n import LANGS, catalogue

TEXT = PanelText(**{field.name: f"<{field.name}>" for field in fields(PanelText)})
PLACE = Place("g", "A", {"B": Link(None, [[0], [1, 2], []])})
SAVE = {"label": "save", "png": "png", "svg": "svg"}
GIVEN = {"place": PLACE, "title": "T", "caption": "C", "text": TEXT, "save": SAVE, "key": "k"}


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(module, "_component", lambda **given: messages.append(given))
    return messages


def test_a_map_travels_as_the_models_own_numbers(sent):
    weights = np.random.default_rng(1).dirichlet(np.ones(3), size=2).astype(np.float32)
    mask = np.array([[True, False, True], [True, True, True]])
    panel(weights, ["a", "+b"], list("xyz"), mask=mask, start=(1, None), **GIVEN)
    header, body = unpacked(sent[0]["data"])
    assert np.array_equal(np.frombuffer(body[:24], "<f4").reshape(2, 3), weights)
    assert np.array_equal(np.frombuffer(body[24:], np.uint8).reshape(2, 3), mask)
    assert (header["queries"], header["keys"]) == (["a", "+b"], ["x", "y", "z"])
    assert header["links"] == {"B": {"rows": None, "keys": [[0], [1, 2], []]}}
    assert (header["name"], header["group"], header["start"]) == ("A", "g", [1, None])
    assert (header["masked"], header["signed"], header["exact"]) == (True, False, True)
    assert (header["limit"], header["tells"]) == (1, False)
    assert header["text"] == asdict(TEXT)
    assert header["save"] == SAVE


def test_a_page_that_wants_to_know_is_told(sent):
    def told():
        pass

    panel(np.eye(2), list("ab"), list("ab"), limit=0.5, on_pin=told, **GIVEN)
    header, _ = unpacked(sent[0]["data"])
    assert (header["limit"], header["tells"]) == (0.5, True)
    assert sent[0]["on_pinned_change"] is told


def test_a_difference_has_the_signed_colours(sent):
    panel(np.array([[-1.0, 0.25]]), ["q"], ["a", "b"], signed=True, **GIVEN)
    header, body = unpacked(sent[0]["data"])
    assert np.frombuffer(body, "<f4").tolist() == [-1.0, 0.25]
    assert header["paint"]["below"] == theme.SIGNED[0][1]
    assert header["paint"]["above"] == theme.SIGNED[-1][1] == theme.INK[-1][1]
    assert not header["masked"]


def test_what_does_not_fit_is_refused(sent):
    with pytest.raises(ValueError, match="1 row and 3 column labels"):
        panel(np.zeros((2, 3)), ["a"], list("xyz"), **GIVEN)
    with pytest.raises(ValueError, match=r"mask \(3, 2\)"):
        panel(np.zeros((2, 3)), list("ab"), list("xyz"), mask=np.ones((3, 2), bool), **GIVEN)
    for wrong in (np.nan, -0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            panel(np.full((1, 1), wrong), ["a"], ["b"], **GIVEN)
    with pytest.raises(ValueError, match="between -1 and 1"):
        panel(np.full((1, 1), -1.1), ["a"], ["b"], signed=True, **GIVEN)
    assert not sent


@pytest.mark.parametrize("lang", LANGS)
def test_a_panel_finds_all_its_words(lang):
    for field in fields(PanelText):
        assert catalogue(lang)(f"panel.{field.name}")


def page_with_two_panels():
    import numpy as np

    from tests.viz.test_panels import GIVEN, SAVE
    from viz.components.panels import Link, Place, panel

    for name, other in ("AB", "BA"):
        place = Place("g", name, {other: Link(None, None)})
        panel(np.eye(2), list("ab"), list("ab"), **(GIVEN | {"place": place, "key": name}))
    assert SAVE


def test_two_panels_run_in_a_real_app():
    app = AppTest.from_function(page_with_two_panels, default_timeout=60).run()
    assert not app.exception


# ── a comparison as a word ───────────────────────────────────────────────────────────────────────

counts = some.none() | some.integers(0, 10**9 - 1)
words = some.none() | some.text(min_size=1, max_size=40).filter(
    lambda text: all(not 0xD800 <= ord(letter) < 0xE000 for letter in text)
)
choices = some.builds(
    PanelChoice,
    model=words,
    text=words,
    to=some.sampled_from([None, "ko", "en", "fr"]),
    target=words,
    kind=some.sampled_from(["encoder", "decoder", "cross"]),
    layer=counts,
    head=counts,
    moment=counts,
)
pairs = some.tuples(some.integers(0, 3), some.integers(0, 3))
comparisons = some.builds(Comparison, some.lists(choices, min_size=1, max_size=4).map(tuple), pairs)


@given(comparisons)
def test_a_link_brings_back_the_whole_comparison(comparison):
    word = dumps(comparison)
    assert loads(word) == comparison
    assert all(letter.isalnum() or letter in "-_" for letter in word)


def packed(value, cut=0):
    plain = value if isinstance(value, bytes) else json.dumps(value).encode()
    content = zlib.compress(plain)
    return base64.urlsafe_b64encode(content[: len(content) - cut]).decode().rstrip("=")


@pytest.mark.parametrize(
    "word",
    [
        "",
        "x",
        "한글",
        "AAAA",
        "../../etc/passwd",
        packed([{}], cut=3),
        packed({}),
        packed([]),
        packed(3),
        packed(b"no JSON"),
        packed(b"\xff\xfe"),
        packed(b"[" * 60_000),
        packed(b" " * 10_000_000),
        packed([{}] * (MOST_PANELS + 1)),
        packed([{"surprise": 1}]),
        packed([{"kind": "all"}]),
        packed([{"kind": []}]),
        packed([{"to": "de"}]),
        packed([{"layer": -1}]),
        packed([{"layer": "2"}]),
        packed([{"head": True}]),
        packed([{"head": 1.5}]),
        packed([{"moment": 10**12}]),
        packed([{"text": 3}]),
        packed([{"text": "\ud800"}]),
        packed([{"model": ["jumok"]}]),
        packed([{}, [0, 1], [0, 1]]),
        packed([{}, [0]]),
        packed([{}, [0, 4]]),
        packed([{}, ["A", "B"]]),
    ],
)
def test_a_word_that_is_no_comparison_is_refused(word):
    with pytest.raises(ValueError):  # noqa: PT011  the page says only that it cannot be read
        loads(word)


def test_another_sentence_or_attention_lets_go_of_what_belonged_to_the_old_one():
    panel = PanelChoice(text="a", target="b", layer=1, head=2, kind="cross")
    assert panel.changed(text="c") == PanelChoice(text="c", layer=1, head=2, kind="cross")
    assert panel.changed(kind="decoder") == PanelChoice(text="a", target="b", kind="decoder")
    assert panel.changed(model="m").head is None
    assert panel.changed(head=0) == PanelChoice(text="a", target="b", layer=1, head=0, kind="cross")


def named(*heads, pair=(0, 1)):
    return Comparison(tuple(PanelChoice(head=head) for head in heads), pair)


def test_the_difference_stays_between_the_same_two():
    four = named(0, 1, 2, 3, pair=(1, 3))
    assert four.without(0) == named(1, 2, 3, pair=(0, 2))
    assert four.without(2) == named(0, 1, 3, pair=(1, 2))
    assert four.without(3) == named(0, 1, 2)
    assert named(0, 1, 2, pair=(0, 2)).added(PanelChoice(head=9), 1) == named(
        0, 9, 1, 2, pair=(0, 3)
    )
    assert named(0).added(PanelChoice(head=1)) == named(0, 1)
    assert four.with_panel(2, PanelChoice(head=7)) == named(0, 1, 7, 3, pair=(1, 3))
