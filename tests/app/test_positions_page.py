"""The page of the positions as a class uses it, in both languages."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import as_read

PARTS = ("table", "hand", "word", "places", "distance", "shuffle")


def opened(open_app, name="table", **link) -> AppTest:
    app = open_app(**link).switch_page("viz/views/positions.py").run()
    return part(app, name)


def part(app: AppTest, name: str) -> AppTest:
    return app.button_group(key="positions.part").set_value(name).run()


def written(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.latex, *app.info]
    return " ".join(element.value for element in shown).replace("\\", "")


def figures(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def assert_the_same_as_the_model(app: AppTest) -> None:
    badges = [m.value for m in app.markdown if "-badge[" in m.value]
    assert badges
    assert all(badge.startswith(":green-badge") for badge in badges)


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("text", ["Hi", "나는 학교에 갔다.", "the dog and " * 85])
def test_every_part_reads_every_length(open_app, lang, text):
    app = opened(open_app, lang=lang, text=text)
    for name in PARTS:
        part(app, name)
        assert not app.exception, name
        assert_the_same_as_the_model(app)


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_an_empty_text_keeps_the_page(open_app, lang):
    app = opened(open_app, lang=lang)
    app.text_input(key="look.text").set_value("").run()
    assert not app.exception
    assert app.error
    assert_the_same_as_the_model(app)


def test_the_sliders_change_table_and_turns(open_app):
    app = opened(open_app, lang="en")
    assert "**58,470**" in written(app)  # 2π · 10000^(254/256)
    app.slider(key="positions.length").set_value(20).run()
    app.select_slider(key="positions.d_model").set_value(4).run()
    app.select_slider(key="positions.base").set_value(100).run()
    assert not app.exception
    assert "**62.83**" in written(app)  # 2π · 100^(2/4)
    layout = figures(app)[0]["layout"]
    assert layout["yaxis"]["range"] == [19.5, -0.5]
    assert layout["xaxis"]["range"] == [-0.5, 3.5]


def test_i_am_a_student_by_hand(open_app):
    app = opened(open_app, "hand", lang="ko", text="I am a student.")
    app.selectbox(key="positions.hand.place").set_value(1).run()
    assert "sin(1) = mathbf{0.8415}" in written(app)
    assert "cos(0.01) = mathbf{1}" in written(app)
    text = figures(app)[0]["data"][0]["text"]
    assert [row[0] for row in text[:4]] == ["0", "0.8415", "0.9093", "0.1411"]


def test_word_and_position_add_up_in_the_table(open_app):
    app = opened(open_app, "word", lang="en", text="I am a student.")
    rows = as_read(app.table[0]).map(lambda cell: float(cell.replace("−", "-")))
    _, embedding, word, position, x = (rows[name] for name in rows.columns)
    assert (word + position - x).abs().max() < 1e-3
    assert (embedding * 256**0.5 - word).abs().max() < 1e-3


def test_one_word_at_two_places(open_app):
    app = opened(open_app, "places", lang="en", text="the dog saw the cat")
    place, again = (app.slider(key=f"positions.{name}.1") for name in "ab")
    assert (place.value, again.value) == (1, 6)
    app.selectbox(key="positions.word.place").set_value(0).run()
    place, again = (app.slider(key=f"positions.{name}.0") for name in "ab")
    assert (place.value, again.value) == (0, 3)  # where the word really stands again
    assert as_read(app.table[0]).iloc[0, 1] == "1"
    assert float(as_read(app.table[0]).iloc[2, 1]) < 1
    again.set_value(0).run()
    assert as_read(app.table[0]).iloc[2, 1] == "1"


def test_a_dot_product_depends_on_the_distance_only(open_app):
    app = opened(open_app, "distance", lang="en")
    app.slider(key="positions.n.50").set_value(7).run()
    assert not app.exception
    assert "All **43** pairs at distance **7**" in written(app)


def largest_moves(app: AppTest) -> tuple[float, float]:
    lines = [m.value for m in app.markdown if "**" in m.value and "largest" in m.value.lower()]
    with_positions, without, *_ = (line.split("**")[1] for line in lines)
    return float(with_positions), float(without.replace("−", "-"))


@pytest.mark.parametrize("how", ["reverse", "random", "swap"])
def test_without_positions_a_shuffle_changes_nothing(open_app, how):
    app = opened(open_app, "shuffle", lang="en")
    app.button_group(key="positions.order").set_value(how).run()
    assert not app.exception
    with_positions, without = largest_moves(app)
    assert with_positions > 0.05
    assert without < 1e-5


def test_the_order_is_the_students(open_app):
    app = opened(open_app, "shuffle", lang="en", text="I am a student.")
    assert "now reads: . · student · a · am · I · </s>" in written(app)
    app.button_group(key="positions.order").set_value("swap").run()
    app.selectbox(key="positions.first").set_value(0).run()
    app.selectbox(key="positions.second").set_value(3).run()
    assert "now reads: student · am · a · I · . · </s>" in written(app)
    assert "order that it was" not in written(app)
    app.selectbox(key="positions.second").set_value(0).run()
    assert "order that it was" in written(app)
    app.button_group(key="positions.order").set_value("random").run()
    before = written(app)
    app.button(key="positions.again").click().run()
    assert written(app) != before


def test_as_it_was_read_the_words_stand_in_the_new_order(open_app):
    app = opened(open_app, "shuffle", lang="en", text="I am a student.")
    labels = figures(app)[1]["layout"]["xaxis"]["ticktext"]
    assert labels[:2] == ["I", "am"]
    app.toggle(key="positions.back").set_value(False).run()
    labels = figures(app)[1]["layout"]["xaxis"]["ticktext"]
    assert labels[:2] == [".", "student"]
