"""Break it: changes are made, told, combined, taken away and carried by the link."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from model.analysis import whatif
from model.analysis.whatif import CODES, DropScale, LiftMask, SilenceHeads, dumps
from viz import cache
from viz.i18n import LANGS, catalogue

PAGE = "viz/views/whatif.py"
LONGEST = "the " * 250 + "dog"


@pytest.fixture
def open_page(open_app):
    def open_page(changes: str = "", **params: str) -> AppTest:
        app = open_app(**params).switch_page(PAGE)
        if changes:
            app.query_params["changes"] = changes
        app.run()
        assert not app.exception
        return app

    return open_page


def press(app: AppTest, key: str) -> None:
    app.button(key=f"whatif.{key}").click().run()
    assert not app.exception


def choose(app: AppTest, code: str) -> None:
    app.button_group(key="whatif.what").set_value(code).run()
    assert not app.exception


def made(app: AppTest) -> whatif.Changes:
    return whatif.loads(app.session_state["whatif:changes"])


def maps(app: AppTest) -> list[np.ndarray]:
    """Original, changed, difference, as they are drawn; a masked cell is NaN or 0."""
    charts = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")][:3]
    return [np.array(_numbers(chart["data"][0]["z"])) for chart in charts]


def _numbers(z):
    if isinstance(z, dict):
        import base64

        data = np.frombuffer(base64.b64decode(z["bdata"]), dtype=z["dtype"])
        return data.reshape([int(n) for n in z["shape"].split(",")])
    return [[np.nan if cell is None else cell for cell in row] for row in z]


def test_at_first_nothing_is_changed(open_page):
    app = open_page(lang="en")
    original, changed, difference = maps(app)
    np.testing.assert_array_equal(original, changed)
    assert not difference.any()
    assert catalogue("en")("whatif.none") in [info.value for info in app.info]
    assert not [button for button in app.button if button.key == "whatif.back"]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_every_change_is_made_with_one_press_and_told(open_page, lang, kind):
    app = open_page(lang=lang, kind=kind, text="I am a student.", to="fr")
    for n, code in enumerate(CODES):
        choose(app, code)
        if code == "mask" and kind != "decoder":
            assert app.button(key="whatif.apply").disabled
            continue
        press(app, "apply")
        assert whatif.code(made(app)[-1]) == code
        press(app, "back")
        assert made(app) == (), n


def test_changes_add_up_and_each_can_be_taken_away(open_page):
    app = open_page(lang="en", kind="decoder", text="I am Sam.")
    for code in ("scale", "mask", "heads"):
        choose(app, code)
        press(app, "apply")
    scale, mask, heads = made(app)
    assert (scale, mask) == (DropScale("decoder"), LiftMask("decoder"))
    assert isinstance(heads, SilenceHeads)
    press(app, "chip.1")
    assert made(app) == (scale, heads)
    assert app.query_params["changes"] in (dumps([scale, heads]), [dumps([scale, heads])])
    press(app, "back")
    assert "changes" not in app.query_params
    original, changed, _ = maps(app)
    np.testing.assert_array_equal(original, changed)


def test_the_maps_and_the_words_are_the_models(open_page):
    changes = (SilenceHeads("encoder", (), 1),)
    app = open_page(dumps(changes), lang="en", layer="2", head="1", to="fr")
    bundle = cache.bundle(cache.DEFAULT)
    found = whatif.what_if(bundle, app.text_input(key="look.text").value, "fr", changes)
    original, changed, difference = maps(app)
    np.testing.assert_allclose(original, found.before.attention("encoder")[1, 0], atol=1e-4)
    assert not changed.any()
    np.testing.assert_allclose(difference, -original, atol=1e-4)
    spoken = " ".join(element.value for element in app.markdown).replace("\\", "")
    assert all(translation in spoken for translation in found.translations)
    spread = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")][3]["data"][0]
    expected = [
        catalogue("en").percent(s) for k in ("encoder", "decoder", "cross") for s in found.spread(k)
    ]
    assert spread["text"] == expected
    assert expected[0] == "0 %"


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("text", ["", "cat", LONGEST, "<b>**$x$**</b> 😀"])
def test_empty_one_token_longest_and_odd_input(open_page, lang, text):
    app = open_page(dumps([DropScale("encoder")]), lang=lang)
    app.text_input(key="look.text").set_value(text).run()
    assert not app.exception
    assert bool(app.error) == (text == "")
    assert made(app) == (DropScale("encoder"),)
    for code in ("vector", "positions", "weight"):
        choose(app, code)


@pytest.mark.parametrize("lang", LANGS)
def test_a_change_without_a_place_here_goes_and_is_named(open_page, lang):
    line = "positions,source,1,9~scale,encoder,-,-"
    app = open_page(line, lang=lang, text="I am Sam.")
    assert made(app) == (DropScale("encoder"),)
    name = catalogue(lang)("whatif.positions")
    assert any(name in info.value.replace("\\", "") for info in app.info)


@pytest.mark.parametrize("line", ["nonsense", "scale,encoder,-,-,1", "weight,encoder,0,0,0,0,7,1"])
def test_a_link_that_makes_no_sense_changes_nothing(open_page, line):
    app = open_page(line, lang="en", text="I am Sam.")
    assert made(app) == ()
    assert catalogue("en")("whatif.link_wrong") in [info.value for info in app.info]
