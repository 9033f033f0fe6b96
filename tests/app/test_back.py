"""The browser's "back": a page shows again what it showed before, and can be left."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import run
from viz import state

PAGES = (
    *("look", "attention", "block", "positions", "masks", "decoding", "history", "heads"),
    *("compare", "neuron", "roles", "hidden", "lab", "whatif", "calculator", "training"),
)
CHOICES = {
    "block": ("block.stage", "stage", "ffn.add"),
    "roles": ("roles.measure", "measure", "itself"),
    "heads": ("heads.measure", "measure", "entropy"),
    "masks": ("masks.part", "part", "lift"),
    "lab": ("lab.part", "part", "honest"),
}


@pytest.fixture
def open_page(open_app) -> Callable[[str], AppTest]:
    def open_page(page: str, **params: str) -> AppTest:
        app = open_app(lang="en", text="I am a student.")
        app.query_params.clear()  # as the browser does when it opens another page
        app.query_params.update(params)
        return run(app.switch_page(f"viz/views/{page}.py"))

    return open_page


def back(app: AppTest, param: str) -> AppTest:
    """To the state before the last choice, which the link did not name."""
    del app.query_params[param]
    return run(app)


def widget(app: AppTest, key: str):
    return next(one for one in [*app.selectbox, *app.button_group] if one.key == key)


def test_pages_just_opened_write_nothing_of_their_own_into_the_link(open_page):
    for page in PAGES:
        app = open_page(page)
        assert {*app.query_params} <= {"lang", "text"}, page


@pytest.mark.parametrize("page", CHOICES)
def test_back_takes_a_choice_back(open_page, page):
    key, param, value = CHOICES[page]
    app = open_page(page)
    first = widget(app, key).value
    widget(app, key).set_value(value)
    assert run(app).query_params[param] in (value, [value])
    assert widget(back(app, param), key).value == first != value
    assert param not in app.query_params


@pytest.mark.parametrize("page", CHOICES)
def test_a_page_come_to_again_shows_what_was_chosen_there(open_page, page):
    key, param, value = CHOICES[page]
    app = open_page(page)
    widget(app, key).set_value(value)
    run(app)
    app.query_params.clear()
    run(app.switch_page("viz/views/neuron.py"))
    app.query_params.clear()
    run(app.switch_page(f"viz/views/{page}.py"))
    assert widget(app, key).value == value
    assert app.query_params[param] in (value, [value])


def test_back_takes_all_three_kinds_of_attention_back(open_page):
    app = open_page("heads")
    widget(app, "heads.kind").set_value("all")
    assert run(app).query_params["show"] in ("all", ["all"])
    assert widget(back(app, "show"), "heads.kind").value == "encoder"


def test_back_takes_a_change_back(open_page):
    app = open_page("whatif")
    app.button(key="whatif.apply").click()
    assert run(app).session_state["whatif:changes"]
    assert not back(app, "changes").session_state["whatif:changes"]


def test_back_takes_a_comparison_back(open_page):
    app = open_page("compare")
    maps = [box.value for box in app.selectbox]
    app.button(key="compare.preset.layers").click()
    assert [box.value for box in run(app).selectbox] != maps
    assert [box.value for box in back(app, "panels").selectbox] == maps


def test_back_takes_an_own_twin_back(open_page):
    app = open_page("lab")
    app.text_input(key="lab.twin").set_value("I am a teacher.")
    assert run(app).query_params["twin"] in ("I am a teacher.", ["I am a teacher."])
    assert back(app, "twin").text_input(key="lab.twin").value == "I am a student."


def test_back_takes_a_cut_back(open_page):
    app = open_page("lab", part="cut", text=state.FAMOUS)
    first = widget(app, "lab.cut.kind").value
    widget(app, "lab.cut.kind").set_value("edge")
    assert run(app).query_params["cut"]
    assert widget(back(app, "cut"), "lab.cut.kind").value == first != "edge"


def test_a_link_may_name_the_first_choice_and_stays_as_it_is(open_page):
    app = open_page("masks", part="padding")
    assert app.query_params["part"] in ("padding", ["padding"])


def test_a_choice_made_before_the_last_link_came_back_counts(monkeypatch):
    session, link = {}, {}
    monkeypatch.setattr(state.st, "session_state", session)
    monkeypatch.setattr(state.st, "query_params", link)
    state.into_link("part", "two", "one")
    assert link == {"part": "two"}
    link.clear()  # the browser did not know of it yet when it sent the next click
    assert state.from_link("part", "three", "one") == "three"
    assert state.from_link("part", "two", "one") == "one"  # nothing was clicked: "back"
