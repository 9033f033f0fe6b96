"""The page of the masks as a class uses it, in both languages."""

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import as_read

PARTS = ("padding", "ahead", "both", "lift", "nothing")
LECTURE = {"text": "I am a student.", "to": "fr", "target": "je suis étudiant"}


def opened(open_app, **link) -> AppTest:
    app = open_app(**link)
    return app.switch_page("viz/views/masks.py").run()


def part(app: AppTest, name: str) -> AppTest:
    return app.button_group(key="masks.part").set_value(name).run()


def written(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.error, *app.info]
    return " ".join(element.value for element in shown).replace("\\", "")


def table(app: AppTest):
    return as_read(app.table[0])


def n_columns(app: AppTest, chart: int = 0) -> int:
    figure = json.loads(app.get("plotly_chart")[chart].proto.spec)
    return len(figure["layout"]["xaxis"]["ticktext"])


def assert_the_same_as_the_model(app: AppTest) -> None:
    badges = [m.value for m in app.markdown if "-badge[" in m.value]
    assert badges
    assert all(badge.startswith(":green-badge") for badge in badges)


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("text", ["Hi", "I am Sam", "the dog and " * 85])
def test_every_part_reads_every_length(open_app, lang, text):
    app = opened(open_app, lang=lang, text=text)
    for name in PARTS:
        part(app, name)
        assert not app.exception, name
        assert not app.error, name
        assert_the_same_as_the_model(app)
        assert n_columns(app) <= 40 if name != "nothing" else len(table(app)) <= 40


@pytest.mark.parametrize("page", ["masks", "block", "positions", "lab"])
def test_a_link_to_a_text_that_cannot_be_read_is_not_written(open_app, page):
    app = open_app(text="I am Sam").switch_page(f"viz/views/{page}.py").run()
    app.text_input(key="look.text").set_value("word " * 2000).run()
    assert app.error
    assert all("word word" not in value for values in app.query_params.values() for value in values)


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_an_empty_text_keeps_the_page(open_app, lang):
    app = opened(open_app, lang=lang)
    app.text_input(key="look.text").set_value(" ").run()
    assert not app.exception
    assert app.error
    assert_the_same_as_the_model(app)


def test_one_click_to_i_am_sam_pad(open_app):
    app = opened(open_app, lang="en")
    app.button(key="masks.padding.lecture").click().run()
    assert not app.exception
    assert app.text_input(key="look.text").value == "I am Sam"
    assert "`I` `am` `Sam` `</s>` `<pad>`\n" in written(app)
    keys = list(table(app).iloc[:, 0])
    assert keys == ["`I`", "`am`", "`Sam`", "`</s>`", "`<pad>`"]
    *_, masked, weights = table(app).columns
    assert (table(app)[masked].iloc[-1], table(app)[weights].iloc[-1]) == ("−∞", "0")
    assert "0" not in list(table(app)[weights][:-1])


def test_one_click_to_sos_je_suis_etudiant(open_app):
    app = part(opened(open_app, lang="ko"), "ahead")
    app.button(key="masks.ahead.lecture").click().run()
    assert not app.exception
    keys, *_, masked, weights = table(app).columns
    assert list(table(app)[keys]) == ["`<s>`", "`<2fr>`", "`je`", "`suis`", "`étudiant`"]
    assert list(table(app)[masked])[3:] == ["−∞", "−∞"]
    assert list(table(app)[weights])[3:] == ["0", "0"]
    app.selectbox(key="masks.ahead.query").set_value(4).run()
    assert "−∞" not in list(table(app)[masked])


def test_another_sentence_in_the_batch(open_app):
    app = opened(open_app, lang="en", text="I am Sam")
    app.text_input(key="masks.companion").set_value("The animal was too tired.").run()
    assert not app.exception
    assert "2. `The` `animal` `was`" in written(app)
    app.text_input(key="masks.companion").set_value("I am ham").run()
    assert not app.exception
    app.text_input(key="masks.companion").set_value("no " * 600).run()
    assert not app.exception
    assert "512" in written(app)
    assert "`I` `am` `Sam`" in written(app)


def test_the_future_leaks_where_the_mask_is_lifted(open_app):
    app = part(opened(open_app, lang="en", **LECTURE), "lift")
    read, with_mask, without, moved, source = table(app).columns
    assert list(table(app)[read]) == ["`<2fr>`", "`je`", "`suis`", "`étudiant`"]
    assert table(app)[source].iloc[-1] == "—"
    assert (table(app)[with_mask] != table(app)[without]).any()
    shares = [int(re.sub(r"\D", "", share)) for share in table(app)[moved]]
    assert max(shares) > 10
    assert "letting in this one alone moves" in written(app)


def test_a_row_with_nothing_to_see_is_zeros_and_not_nan(open_app):
    app = part(opened(open_app, lang="en", **LECTURE), "nothing")
    _, masked, naive, ours = table(app).columns
    assert set(table(app)[masked]) == {"−∞"}
    assert set(table(app)[naive]) == {"NaN"}
    assert set(table(app)[ours]) == {"0"}
    assert "largest value: **0**" in written(app)


def test_the_part_is_in_the_link(open_app):
    app = part(opened(open_app, lang="en"), "lift")
    assert app.query_params["part"] in ("lift", ["lift"])


def test_another_text_forgets_every_row_and_column_of_the_last_one(open_app):
    app = opened(open_app, lang="en", query="3", key="5")
    assert app.query_params["key"] in ("5", ["5"])
    app.button(key="masks.padding.lecture").click().run()
    assert not {"query", "key", "window"} & app.query_params.keys()
