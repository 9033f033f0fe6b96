"""What attention hides, as a class uses it, in both languages."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import as_read
from viz.i18n import catalogue
from viz.views.hidden import _effect

KINDS = ("encoder", "decoder", "cross")


def opened(open_app, **link) -> AppTest:
    return open_app(**link).switch_page("viz/views/hidden.py").run()


def written(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.error, *app.info]
    return " ".join(element.value for element in shown).replace("\\", "")


def table(app: AppTest, name: str):
    """The "numbers" of the row, or "agreement", whose first column has no name."""
    tables = map(as_read, app.table)
    return next(t for t in tables if bool(t.columns[0]) == (name == "numbers"))


def figure(app: AppTest) -> dict:
    return json.loads(app.get("plotly_chart")[0].proto.spec)


def bars(app: AppTest, column: int) -> list[str]:
    return figure(app)["data"][column]["text"]


def assert_the_same_as_the_model(app: AppTest) -> None:
    badges = [m.value for m in app.markdown if "-badge[" in m.value]
    assert badges
    assert all(badge.startswith(":green-badge") for badge in badges)


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("text", ["Hi", "<b>😀</b> it", "the dog and " * 60])
def test_every_kind_and_length(open_app, lang, text):
    app = opened(open_app, lang=lang, text=text)
    for kind in KINDS:
        app.button_group(key="look.kind").set_value(kind).run()
        assert not app.exception, kind
        assert not app.error, kind
        assert_the_same_as_the_model(app)
        assert 1 <= len(bars(app, 0)) <= 40


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_an_empty_text_keeps_the_page(open_app, lang):
    app = opened(open_app, lang=lang)
    app.text_input(key="look.text").set_value(" ").run()
    assert not app.exception
    assert app.error
    assert_the_same_as_the_model(app)


def test_five_measures_of_the_pronoun(open_app):
    app = opened(open_app, lang="en")
    assert "what does ‘it’ stand for?" in written(app)
    assert "animal" in written(app)
    keys = list(table(app, "numbers").iloc[:, 0])
    assert (keys[0], keys[-1]) == ("The", "</s>")
    for column in range(5):
        shown = list(table(app, "numbers").iloc[:, column + 1])
        assert shown == bars(app, column)
    agreement = table(app, "agreement")
    values = agreement.iloc[:, 1:].to_numpy()
    assert (np.diag(values) == "1.00").all()
    assert values[0, 1] == values[1, 0]


def test_the_question_is_in_the_link(open_app):
    app = opened(open_app, lang="en", about="translation")
    assert app.button_group(key="hidden.about").value == "translation"
    assert "expects at all positions" in written(app)
    app.button_group(key="hidden.about").set_value("naming").run()
    assert "about" not in app.query_params  # the first one needs no place in the link
    assert "what does" in written(app)


@pytest.mark.parametrize(
    ("sure", "effect", "told"),
    [
        (9.31, 0.43, "S 9.31 → 8.88 (P is >99 % before and after)"),
        (15.31, 0.43, "S 15.31 → 14.88 (P is 100 % before and after)"),
        (2.0, 2.0, "S 2 → 0 (P 88 % → 50 %)"),
    ],
)
def test_a_cut_that_leaves_the_answer_says_so(sure, effect, told):
    found = SimpleNamespace(sure=sure, scalar=SimpleNamespace(what="naming"))
    assert _effect(catalogue("en"), found, effect) == told


def test_where_nothing_is_read_nothing_can_be_cut(open_app):
    """Naming reads the pronoun's row alone: in the last layer every other row is idle."""
    app = opened(open_app, lang="en", layer="4", head="1", query="2")
    assert "no weight of this row changes this answer" in written(app)
    assert set(bars(app, 4)) == {"≈ 0"}


def test_without_a_pronoun_there_is_only_the_translation(open_app):
    app = opened(open_app, lang="ko", text="나는 학교에 갔다.")
    assert not app.exception
    assert "hidden.about" not in [group.key for group in app.get("button_group")]
    assert "번역문의 모든 자리" in written(app)
