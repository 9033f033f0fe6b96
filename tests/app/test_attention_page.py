"""Attention step by step, as a page: in both languages, for good and for bad input."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from model.analysis.steps import STAGES
from tests.app.conftest import message_to
from tests.messages import arrays_of, headed
from viz import cache
from viz.i18n import catalogue
from viz.state import FAMOUS

LANGS = ["ko", "en"]
PAGE = "viz/views/attention.py"


def sent(app: AppTest) -> tuple[dict, dict[str, np.ndarray]]:
    """What the browser would get: the header and the arrays of the steps view."""
    header, body = headed(message_to("jumok_steps_view", app))
    return header, arrays_of(header, body)


@pytest.mark.parametrize("lang", LANGS)
def test_it_follows_the_pronoun_through_its_best_head(open_page, lang):
    app = open_page(lang=lang)
    assert not app.exception
    header, arrays = sent(app)
    query = header["place"]["query"]
    assert header["queries"][query] == "it"
    weights = arrays["weights"][query]
    assert header["keys"][int(weights.argmax())] == "animal"
    assert arrays["differences"].max() < 1e-5
    say = catalogue(lang)
    assert header["text"]["origin"] == say("attention.origin.encoder")
    assert header["text"]["mask_says"] == say("attention.mask.none")
    assert any(say("attention.title") in shown.value for shown in app.markdown)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_each_attention_says_where_q_k_and_v_come_from(open_page, lang, kind):
    header, arrays = sent(open_page(lang=lang, kind=kind))
    say = catalogue(lang)
    assert header["text"]["origin"] == say(f"attention.origin.{kind}")
    assert header["cross"] == (kind == "cross") == ("memory" in arrays)
    assert np.isneginf(arrays["masked"]).any() == (kind == "decoder")
    assert header["text"]["mask_says"] == say(
        "attention.mask.future" if kind == "decoder" else "attention.mask.none"
    )


def test_what_is_sent_is_what_the_cached_function_computes(open_page):
    header, arrays = sent(open_page(kind="cross", layer="1", head="2", query="3", to="fr"))
    bundle = cache.bundle("jumok")
    made = cache.attention_stages("jumok", bundle.version, FAMOUS, None, "fr", "cross", 0, 1)
    for name, array in arrays.items():
        if name != "differences":
            assert np.array_equal(array, getattr(made, name)), name
    assert header["place"] == {"stage": 0, "query": 2, "form": "row"}


@pytest.mark.parametrize(
    ("step", "form", "stage"),
    [("4", "matrix", 3), ("10", "row", 9), ("0", "row", 0), ("11", "row", 9), ("x", "?", 0)],
)
def test_a_link_opens_at_its_stage(open_page, step, form, stage):
    place = sent(open_page(step=step, form=form))[0]["place"]
    assert place["stage"] == stage
    assert place["form"] == ("matrix" if form == "matrix" else "row")


@pytest.mark.parametrize("lang", LANGS)
def test_empty_text_keeps_the_last_sentence(open_page, lang):
    app = open_page(lang=lang)
    app.text_input(key="look.text").set_value("   ").run()
    assert not app.exception
    assert app.error
    assert "animal" in sent(app)[0]["queries"]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_one_token(open_page, lang, kind):
    app = open_page(lang=lang, kind=kind, text="I")
    assert not app.exception
    header, arrays = sent(app)
    assert arrays["scores"].shape == (len(header["queries"]), len(header["keys"]))


@pytest.mark.parametrize("lang", LANGS)
def test_the_longest_allowed_text_travels_as_one_message_of_two_megabytes(open_page, lang):
    app = open_page(lang=lang, text="a " * 255)
    assert not app.exception
    assert not app.error
    header, arrays = sent(app)
    assert len(header["queries"]) == 256
    assert arrays["scores"].shape == (256, 256)
    assert sum(array.nbytes for array in arrays.values()) < 3e6


def test_choosing_another_query_word_moves_the_view_and_the_link(open_page):
    app = open_page()
    before = sent(app)[0]
    app.selectbox(key="look.query").set_value(4).run()
    after = sent(app)[0]
    assert after["place"]["query"] == 4
    assert after["turn"] == before["turn"] + 1
    assert app.query_params["query"] in ("5", ["5"])


def test_there_is_a_sentence_for_every_stage_and_every_input():
    for lang in LANGS:
        say = catalogue(lang)
        for made_of in ("words", "layer", "cross"):
            for norm in ("pre", "post"):
                assert "{" not in say(f"attention.input.{made_of}_{norm}", below=1)
        assert "8" in say("attention.scale", d_k=64, root="8")
        chosen = {"input", "scale", "mask", "concat"}
        for stage in set(STAGES) - chosen:
            assert say(f"attention.view.{stage}_says")
