"""The decoding page as a class uses it, in both languages."""

import base64
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from model.analysis import decoding
from viz import cache
from viz.i18n import catalogue
from viz.numbers import number
from viz.views.decoding import LESSON, PARTS

PAGE = "viz/views/decoding.py"
LANGS = ["ko", "en"]
LONGEST = "the " * 250 + "dog"


@pytest.fixture
def open_page(open_app):
    """open_page(part="beam", text="…"): the decoding page behind a link."""

    def open_link(**params: str) -> AppTest:
        app = open_app(lang=params.get("lang", "en"))
        app.switch_page(PAGE)
        for name, value in params.items():
            app.query_params[name] = value
        return app.run()

    return open_link


def link(app: AppTest) -> dict[str, str]:
    values = {name: app.query_params[name] for name in app.query_params}
    return {name: v if isinstance(v, str) else v[0] for name, v in values.items()}


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def markdown(app: AppTest) -> str:
    return " ".join(element.value for element in app.markdown).replace("\\", "")


def figure(app: AppTest) -> dict:
    return json.loads(app.get("plotly_chart")[0].proto.spec)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("text", ["   ", "a", LONGEST], ids=["empty", "one", "longest"])
def test_every_part_reads_every_length(open_page, lang, part, text):
    app = open_page(lang=lang, part=part, text=text)
    assert not app.exception
    assert catalogue(lang)("decoding.title") in markdown(app)
    assert bool(app.error) == (not text.strip())


@pytest.mark.parametrize("lang", LANGS)
def test_the_parts_are_one_click_apart_and_in_the_link(open_page, lang):
    app = open_page(lang=lang)
    for part in reversed(PARTS):
        app.button_group(key="decoding.part").set_value(part).run()
        assert not app.exception
        assert link(app)["part"] == part


def test_a_link_to_no_part_opens_the_first(open_page):
    app = open_page(part="nonsense")
    assert not app.exception
    assert app.button_group(key="decoding.part").value == "steps"


def test_the_steps_say_how_far_they_are_from_one_pass(open_page):
    bundle = cache.bundle("jumok")
    run = decoding.greedy_run(bundle, "I am a student.", "ko")
    app = open_page(text="I am a student.", to="ko")
    assert number(run.largest_difference) in captions(app)
    assert run.largest_difference < 1e-4


def test_another_language_is_another_run(open_page):
    app = open_page(text="I am a student.", to="ko")
    assert "<2ko>" in captions(app)
    app.button_group(key="decoding.to").set_value("fr").run()
    assert "<2fr>" in captions(app)
    assert link(app)["to"] == "fr"


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────


def test_at_rest_the_sliders_change_nothing_and_then_they_do(open_page):
    app = open_page(part="sampling", text="I am a student.", to="ko")
    before, after = (trace["x"] for trace in figure(app)["data"])
    assert after == pytest.approx(before)
    app.slider(key="decoding.temperature").set_value(2.0).run()
    before_hot, hot = (trace["x"] for trace in figure(app)["data"])
    assert before_hot[:5] == before[:5]
    assert hot[0] < before[0]
    app.select_slider(key="decoding.top_k").set_value(1).run()
    assert sorted(figure(app)["data"][1]["x"])[-2:] == [0, 1]


def test_a_sentence_is_drawn_piece_by_piece_taken_back_and_finished(open_page):
    app = open_page(part="sampling", text="I am a student.", to="ko")
    app.select_slider(key="decoding.top_k").set_value(1).run()
    app.button(key="decoding.write").click().run()
    run = cache.greedy_run("jumok", cache.bundle("jumok").version, "I am a student.", "ko")
    assert app.session_state["decoding.written"] == run.ids[:1]
    app.button(key="decoding.back").click().run()
    assert app.session_state["decoding.written"] == []
    app.button(key="decoding.finish").click().run()
    assert app.session_state["decoding.written"] == run.ids
    assert run.texts[-1] in markdown(app)
    assert catalogue("en")("decoding.sampling.ended") in [info.value for info in app.info]
    app.button(key="decoding.over").click().run()
    assert app.session_state["decoding.written"] == []


def test_drawing_again_is_another_draw(open_page):
    app = open_page(part="sampling", text="I am a student.", to="ko")
    app.slider(key="decoding.temperature").set_value(3.0).run()
    drawn = {app.session_state["decoding.next"]}
    for _ in range(5):
        app.button(key="decoding.again").click().run()
        drawn.add(app.session_state["decoding.next"])
    assert len(drawn) > 1


def test_a_second_quick_click_writes_nothing_that_was_not_drawn(open_page):
    app = open_page(part="sampling", text="I am a student.", to="ko")
    drawn = app.session_state["decoding.next"]
    app.button(key="decoding.write").click().run()
    written = app.session_state["decoding.written"]
    app.session_state["decoding.next"] = drawn  # the run that draws anew did not get so far
    app.button(key="decoding.write").click().run()
    assert app.session_state["decoding.written"] == written


def test_another_sentence_starts_with_nothing_drawn(open_page):
    app = open_page(part="sampling", text="I am a student.", to="ko")
    app.button(key="decoding.write").click().run()
    app.text_input(key="look.text").set_value("I am Sam.").run()
    assert app.session_state["decoding.written"] == []


# ── beam search ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [1, 5])
def test_the_winner_stands_on_top_with_its_score(open_page, width):
    app = open_page(part="beam", text="I am a student.", to="ko")
    app.slider(key="decoding.beam").set_value(width).run()
    tree = decoding.beam_tree(cache.bundle("jumok"), "I am a student.", "ko", width)
    first = app.dataframe[0].value.iloc[0]
    winner = tree.nodes[tree.winner]
    assert first.iloc[0] == f"★ {winner.text}"
    assert first.iloc[-1] == number(winner.score)
    scores = [node.score for _, node in tree.finished]
    assert scores == sorted(scores, reverse=True)


# ── with a teacher ───────────────────────────────────────────────────────────────────────────────


def test_the_lectures_pair_is_one_click_away(open_page):
    app = open_page(part="loss")
    app.button(key="decoding.lesson").click().run()
    text, target = LESSON
    assert app.text_input(key="look.text").value == text
    assert app.text_input(key="decoding.target").value == target
    assert link(app)["target"] == target
    bundle = cache.bundle("jumok")
    run = decoding.forced_run(bundle, text, decoding.reference(bundle, text, "en", target))
    table = app.dataframe[0].value
    assert list(table["−log P"]) == [number(-log_p) for log_p in run.log_p.tolist()]
    assert figure(app)["data"][1]["name"].endswith(number(run.loss))
    smoothed = run.smoothed_loss(bundle.metrics["training"]["settings"]["label_smoothing"])
    assert number(smoothed) in captions(app)


def test_a_typed_translation_counts_as_right_and_an_empty_one_does_not(open_page):
    app = open_page(part="loss", text="I am a student.", to="ko")
    app.text_input(key="decoding.target").set_value("나는 학교에 갔다.").run()
    assert catalogue("en")("decoding.reference.own") in captions(app)
    assert link(app)["target"] == "나는 학교에 갔다."
    app.text_input(key="decoding.target").set_value("").run()
    assert catalogue("en")("decoding.reference.model") in captions(app)
    assert "target" not in link(app)
    assert app.text_input(key="decoding.target").value


def test_a_wrong_piece_parts_the_two_runs(open_page):
    app = open_page(part="forcing", text="I am a student.", to="ko")
    table = app.dataframe[0].value
    teacher, free = (decode(trace["y"]) for trace in figure(app)["data"])
    (wrong,) = (n for n, piece in enumerate(table.iloc[:, 4]) if piece.startswith("✗"))
    assert len(teacher) == len(table)
    assert [number(p) for p in teacher] == list(table.iloc[:, 2])
    assert free[: wrong + 1] == pytest.approx(teacher[: wrong + 1], rel=1e-3)
    assert free[wrong + 1 :] != pytest.approx(teacher[wrong + 1 :], rel=1e-3)


def decode(values):
    """Plotly sends long arrays as bytes."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return values
