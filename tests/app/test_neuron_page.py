"""The neuron view as a page: its numbers are the Trace's, for good and for bad input."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import message_to
from tests.messages import arrays_of, unpacked
from viz import cache
from viz.i18n import catalogue
from viz.state import FAMOUS

LANGS = ["ko", "en"]
PAGE = "viz/views/neuron.py"


def sent(app: AppTest) -> tuple[dict, dict[str, np.ndarray]]:
    """What the browser would get: the header and the arrays of the neuron view."""
    header, body = unpacked(message_to("jumok_neuron_view", app))
    return header, arrays_of(header, body)


def badges(app: AppTest) -> str:
    return " ".join(element.value for element in app.markdown)


@pytest.mark.parametrize("lang", LANGS)
def test_it_opens_on_the_pronoun_and_what_it_looks_at(open_page, lang):
    app = open_page(lang=lang)
    assert not app.exception
    header, arrays = sent(app)
    assert header["query"] == "it"
    assert header["keys"][header["place"]["key"]] == "animal"
    assert header["place"]["key"] == int(arrays["weights"].argmax())
    assert header["text"]["title"] == catalogue(lang)("neuron.view.title")
    assert any(catalogue(lang)("neuron.title") in shown.value for shown in app.markdown)


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_every_number_is_the_traces_own(open_page, kind):
    header, arrays = sent(open_page(kind=kind, layer="2", head="3", query="4", key="2", to="fr"))
    place = {"layer": 1, "head": 2, "key": 1, "order": "model", "colours": "all"}
    assert header["place"] == place
    trace = cache.trace("jumok", cache.bundle("jumok").version, FAMOUS, None, "fr")
    steps = trace.steps(kind, 1, 2)
    np.testing.assert_array_equal(arrays["q"], steps.q[3])
    np.testing.assert_array_equal(arrays["k"], steps.k.ravel())
    np.testing.assert_array_equal(arrays["products"], (steps.q[3] * steps.k).ravel())
    for name in ("scores", "scaled", "weights"):
        np.testing.assert_array_equal(arrays[name], getattr(steps, name)[3])
    np.testing.assert_array_equal(arrays["mask"], steps.mask[3])
    everywhere = trace.attention(kind)[:, :, 3, 1]
    np.testing.assert_array_equal(arrays["all_weights"], everywhere.ravel())
    assert (header["layers"], header["heads"]) == everywhere.shape


@pytest.mark.parametrize("lang", LANGS)
def test_the_largest_difference_stands_on_the_page(open_page, lang):
    start = catalogue(lang)("parts.badge").split("{")[0]
    assert start in badges(open_page(lang=lang, kind="cross"))


def test_a_link_restores_the_order_and_the_colours(open_page):
    app = open_page(order="spread", colours="head", layer="1")
    header, arrays = sent(app)
    assert (header["place"]["order"], header["place"]["colours"]) == ("spread", "head")
    spread = arrays["spread"][arrays["by_spread"].astype(int)]
    assert (np.diff(spread) <= 0).all()
    assert app.query_params["order"] in ("spread", ["spread"])
    assert sent(open_page(order="<b>"))[0]["place"]["order"] == "model"


def test_the_pickers_change_the_head_and_the_query(open_page):
    app = open_page()
    app.selectbox(key="look.layer").set_value(0).run()
    app.selectbox(key="look.head").set_value(1).run()
    app.selectbox(key="look.query").set_value(2).run()
    assert not app.exception
    header, arrays = sent(app)
    trace = cache.trace("jumok", cache.bundle("jumok").version, FAMOUS, None, "ko")
    np.testing.assert_array_equal(arrays["weights"], trace.attention("encoder")[0, 1, 2])
    assert header["query"] == header["keys"][2]


def test_several_chosen_rows_are_here_the_first_of_them(open_page):
    app = open_page(query="5,8")
    assert not app.exception
    assert sent(app)[0]["query"] == sent(app)[0]["keys"][4]


@pytest.mark.parametrize("lang", LANGS)
def test_empty_text_keeps_the_last_sentence(open_page, lang):
    app = open_page(lang=lang)
    app.text_input(key="look.text").set_value("   ").run()
    assert not app.exception
    assert app.error
    assert "animal" in sent(app)[0]["keys"]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
@pytest.mark.parametrize("text", ["cat", "😀<b>x</b>", "a " * 255])
def test_one_token_odd_signs_and_the_longest_text(open_page, lang, kind, text):
    app = open_page(lang=lang, kind=kind, text=text)
    assert not app.exception
    header, arrays = sent(app)
    assert len(header["keys"]) * header["d_k"] == arrays["k"].size
    assert np.isfinite(arrays["scores"]).all()
