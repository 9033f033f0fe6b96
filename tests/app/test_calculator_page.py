"""The calculator as a class uses it: examples, own numbers, and what cannot be calculated."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from model.analysis.calculator import EXAMPLES, NAMES, STARTS
from viz.i18n import LANGS, catalogue

PAGE = "viz/views/calculator.py"


@pytest.fixture
def open_page(open_app):
    def open_page(**params: str) -> AppTest:
        app = open_app(**params).switch_page(PAGE).run()
        assert not app.exception
        return app

    return open_page


def box(app: AppTest, name: str, text: str) -> None:
    """`name`: "x.w_q", where the calculation begins and the matrix."""
    app.text_area(key=f"calculator.{name}").set_value(text).run()
    assert not app.exception


def example(app: AppTest, name: str) -> None:
    app.button(key=f"calculator.example.{name}").click().run()
    assert not app.exception


def spoken(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.latex, *app.subheader))


@pytest.mark.parametrize("lang", LANGS)
def test_the_lectures_numbers_are_the_first_thing_shown(open_page, lang):
    app = open_page(lang=lang)
    table = app.table[0].value
    assert table.iloc[:2, 1].tolist() == ["112", "96"]
    assert table.columns[2] == "÷ √64 = 8"
    assert table.iloc[:2, 2].tolist() == ["14", "12"]
    assert table.iloc[:, -1].tolist() == ["**0.8808**", "**0.1192**", "1"]
    assert catalogue(lang)("calculator.lecture_line") in [c.value for c in app.caption]
    assert catalogue(lang).percent(0.88) in app.subheader[0].value


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_calculated(open_page, lang, name):
    app = open_page(lang=lang)
    example(app, name)
    assert not app.error
    assert app.button_group(key="calculator.start").value == EXAMPLES[name].start
    assert len(app.text_area) == len(NAMES[EXAMPLES[name].start])
    assert app.table


def test_own_numbers_are_followed_multiplication_by_multiplication(open_page):
    app = open_page(lang="en")
    example(app, "tokens")
    app.button_group(key="calculator.query").set_value(1).run()
    assert r"q_{2}\cdot k_{2} = 2\cdot4 + 2\cdot4 + 2\cdot0 = \mathbf{16}" in spoken(app)
    box(app, "x.x", "1 0 1 0\n0 2 0 0.5\n1 1 1 1")
    assert r"q_{2}\cdot k_{2} = 2\cdot2.5 + 0.5\cdot2.5 + 0.5\cdot0 = \mathbf{6.25}" in spoken(app)


def test_the_formula_and_the_table_show_the_same_numbers(open_page):
    app = open_page(lang="en")
    example(app, "tokens")
    table = app.table[0].value
    scores, weights = table.iloc[:3, 1].tolist(), table.iloc[:3, -1].str.strip("*").tolist()
    (shown,) = [formula.value for formula in app.latex if "QK^T =" in formula.value]
    assert re.findall(r"\\textcolor{#\w+}{([^}]*)}", shown)[-3:] == scores
    (inked,) = [formula.value for formula in app.latex if "colorbox" in formula.value]
    assert re.findall(r"{\$([^$]+)\$}", inked)[:3] == weights
    assert rf"\mathbf{{{weights[1]}}}" in spoken(app)


@pytest.mark.parametrize("start", STARTS)
def test_every_way_to_begin_has_numbers_in_its_boxes(open_page, start):
    app = open_page(lang="en")
    app.button_group(key="calculator.start").set_value(start).run()
    assert not app.error
    assert app.table


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "matrix_empty"),
        ("1,,0", "matrix_cell"),
        ("1 **둘**", "matrix_number"),
        ("1 NaN", "matrix_number"),
        ("1 2\n3", "matrix_ragged"),
        ("1e308 1e308 1e308 1e308", "numbers_too_large"),
        ("1 2 3", "matrix_product"),
        ("1 0 0 0\n" * 7, "matrix_size"),
    ],
)
def test_bad_input_is_explained_and_nothing_is_lost(open_page, lang, text, code):
    app = open_page(lang=lang)
    example(app, "tokens")
    kept = app.text_area(key="calculator.x.w_q").value
    box(app, "x.x", text)
    start = catalogue(lang)(f"error.{code}").split("{")[0]
    assert len(app.error) == 1
    assert app.error[0].value.startswith(start)
    assert app.text_area(key="calculator.x.x").value == text
    assert app.text_area(key="calculator.x.w_q").value == kept
    box(app, "x.x", "1 0 1 0\n0 1 0 1")
    assert not app.error
    assert app.table


@pytest.mark.parametrize("lang", LANGS)
def test_keys_of_another_width_are_refused_with_the_reason(open_page, lang):
    app = open_page(lang=lang)
    example(app, "values")
    box(app, "qkv.k", "1 2 3\n4 5 6\n7 8 9")
    expected = catalogue(lang).markdown("error.d_q_not_d_k", d_q=2, d_k=3)
    assert [error.value for error in app.error] == [expected]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("mask", ["ahead", "padding"])
def test_a_mask_hides_and_a_row_without_keys_says_so(open_page, lang, mask):
    app = open_page(lang=lang)
    example(app, "tokens")
    app.button_group(key="calculator.mask").set_value(mask).run()
    assert app.table[0].value.iloc[2, 3] == "−∞"
    assert app.table[0].value.iloc[2, -1] == "**0**"
    app.button_group(key="calculator.start").set_value("scores").run()
    box(app, "scores.scores", "5")
    app.button_group(key="calculator.mask").set_value("padding").run()
    assert app.subheader[0].value == catalogue(lang)("calculator.nothing", query=1)


def test_the_language_is_switched_where_no_sentence_was_read_yet(open_app):
    app = open_app(lang="en")
    del app.session_state["look"]  # as in a new tab whose first page is this one
    app.switch_page(PAGE).run()
    app.segmented_control(key="lang").set_value("ko").run()
    assert not app.exception
    assert app.query_params["lang"] in ("ko", ["ko"])
