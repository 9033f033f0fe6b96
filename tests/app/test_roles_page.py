"""The page of the roles as a class uses it, in both languages."""

import html
import json

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import as_read
from viz.i18n import catalogue
from viz.views import roles


@pytest.fixture(autouse=True)
def few_sentences(monkeypatch):
    """Held-out sentences are read for every language pair anew: few are enough here."""
    monkeypatch.setattr(roles, "SENTENCES", 6)


def opened(open_app, **link) -> AppTest:
    return open_app(**link).switch_page("viz/views/roles.py").run()


def cells(app: AppTest, chart: int) -> list[list[str]]:
    """The texts on a map; 0: this sentence, 1: many sentences."""
    figure = json.loads(app.get("plotly_chart")[chart].proto.spec)
    rows = [[] for _ in figure["layout"]["yaxis"]["ticktext"]]
    for text in figure["layout"]["annotations"]:
        rows[text["y"]].append(text["text"])
    return rows


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("text", ["Hi", "<b>😀</b> 그것은?", "the dog and " * 85])
def test_every_kind_and_length(open_app, lang, text):
    app = opened(open_app, lang=lang, text=text)
    for kind, n_layers in (("encoder", 4), ("decoder", 2), ("cross", 2)):
        app.button_group(key="look.kind").set_value(kind).run()
        for chart in (0, 1):
            assert [len(row) for row in cells(app, chart)] == [4] * n_layers, kind
        assert not app.exception, kind
        assert not app.error, kind


def test_every_measure_has_a_map_and_says_what_it_means(open_app):
    app = opened(open_app, lang="ko")
    for measure in (*roles.ROLES, *roles.HABITS):
        if measure in ("diagonal", "monotone"):
            continue  # of cross-attention
        app.selectbox(key="roles.measure").set_value(measure).run()
        assert not app.exception, measure
        means = catalogue("ko")(f"roles.means.{measure}")
        assert any(shown.value.startswith(means) for shown in app.markdown), measure
        assert all(text for row in cells(app, 1) for text in row)
    app.button_group(key="look.kind").set_value("cross").run()
    app.selectbox(key="roles.measure").set_value("diagonal").run()
    assert not app.exception


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_an_empty_text_keeps_the_page(open_app, lang):
    app = opened(open_app, lang=lang)
    app.text_input(key="look.text").set_value(" ").run()
    assert not app.exception
    assert app.error
    assert len(app.get("plotly_chart")) == 2


def test_the_famous_sentence_has_pronoun_resolvers(open_app):
    app = opened(open_app, lang="en")
    assert "Pronoun" in [text for row in cells(app, 0) for text in row]
    assert "Pronoun" in [text for row in cells(app, 1) for text in row]
    app.selectbox(key="roles.measure").set_value("pronoun").run()
    here = cells(app, 0)
    layer, head = app.selectbox(key="roles.layer").value, app.selectbox(key="roles.head").value
    table = as_read(app.table[0])
    row = table[table.iloc[:, 0] == "Pronoun resolver"]
    assert row.iloc[0, 1] == html.unescape(here[layer][head])


def test_what_is_not_quite_all_is_read_with_its_sign(open_app):
    """ ">99 %" is no quotation: the table says what the map says."""
    app = opened(open_app, lang="en")
    app.selectbox(key="roles.measure").set_value("pronoun").run()
    nearly_all = [
        (layer, head)
        for layer, row in enumerate(cells(app, 0))
        for head, cell in enumerate(row)
        if html.unescape(cell) == ">99 %"
    ]
    layer, head = nearly_all[0]
    app.selectbox(key="roles.layer").set_value(layer).run()
    app.selectbox(key="roles.head").set_value(head).run()
    table = as_read(app.table[0])
    row = table[table.iloc[:, 0] == "Pronoun resolver"]
    assert row.iloc[0, 1] == ">99 %"


def test_the_number_of_a_head_is_the_models(open_app):
    app = opened(open_app, lang="en", measure="itself", layer="1", head="2")
    assert app.selectbox(key="roles.measure").value == "itself"
    trace = app.session_state["look"]
    assert (trace.layer, trace.head) == (0, 1)
    app.selectbox(key="roles.layer").set_value(2).run()
    app.selectbox(key="roles.head").set_value(3).run()
    assert not app.exception
    assert app.query_params["layer"] in ("3", ["3"])
    assert app.query_params["head"] in ("4", ["4"])
    assert app.query_params["measure"] in ("itself", ["itself"])


@pytest.mark.parametrize("page", ["look", "attention", "hidden"])
def test_a_door_takes_the_head_along(open_app, page):
    app = opened(open_app, lang="ko", layer="2", head="3")
    app.button(key=f"roles.open.{page}").click().run()
    assert not app.exception
    look = app.session_state["look"]
    assert (look.layer, look.head) == (1, 2)


def test_the_page_writes_nothing_of_its_code(open_app):
    """Streamlit shows a bare string in a page's code as text."""
    app = opened(open_app, lang="ko")
    assert not any("held-out" in shown.value for shown in app.markdown)
