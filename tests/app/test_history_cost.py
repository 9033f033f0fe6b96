"""Cost, √d_k and the paper's results without a browser, in both languages."""

import json
import re
from collections.abc import Sequence

import pytest
from streamlit.testing.v1 import AppTest

from model.analysis import cost, scale
from model.analysis.cost import LAYERS, Cost
from tests.app.conftest import run
from viz import cache
from viz.history.cost import paper
from viz.history.paper import training_flops
from viz.i18n import LANGS, catalogue

PAGE = "viz/views/history.py"
PARTS = {"cost": 1, "scale": 6, "paper": 2}
"""Charts of each part when it opens."""


@pytest.fixture(autouse=True)
def nothing_kept():
    """What one test has measured is no button less for the next one."""
    cache._shelf.clear()


@pytest.fixture
def open_part(open_app):
    def open_part(part: str, **params: str) -> AppTest:
        app = open_app(lang=params.pop("lang")).switch_page(PAGE)
        for name, value in (params | {"part": part}).items():
            app.query_params[name] = value
        return run(app)

    return open_part


def charts(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def spoken(app: AppTest) -> str:
    return " ".join(one.value for one in (*app.markdown, *app.caption))


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_and_leaves_no_sentence_unfilled(open_part, lang, part):
    app = open_part(part, lang=lang)
    assert catalogue(lang)(f"history.{part}.lead") in spoken(app)
    # Formulas have braces of their own: \sqrt{d_k}, 10^{18}.
    assert not re.search(r"(?<!sqrt)\{[a-z]\w*\}|\bNone\b|\bnan\b", spoken(app))
    assert len(charts(app)) == PARTS[part]
    assert not app.error


@pytest.fixture
def measured(monkeypatch):
    """Times by formula, so that it is known where the curves meet: at n = 2 d; asked only once."""
    asked = []

    def sweep(sizes: Sequence[tuple[int, int]], training: bool, progress) -> list[Cost]:
        asked.append((sizes, training))
        progress(0, 1)
        seconds = {
            "recurrent": lambda n, d: 2e-9 * n * d * d,
            "attention": lambda n, d: 1e-9 * n * n * d,
        }
        return [
            Cost(
                layer,
                n,
                d,
                t := seconds.get(layer, lambda n, d: 1e-6 * n)(n, d),
                t,
                t,
                3,
                4 * n * d,
            )
            for n, d in sizes
            for layer in LAYERS
        ]

    monkeypatch.setattr(cost, "sweep", sweep)
    return asked


@pytest.mark.parametrize("lang", LANGS)
def test_the_meeting_that_was_measured_is_told_beside_the_counted_one(open_part, measured, lang):
    app = open_part("cost", lang=lang)
    app.button(key="history.cost.start").click()
    run(app)
    counted, time, memory = charts(app)
    assert "n = d = 128" in counted["layout"]["annotations"][0]["text"]
    assert time["layout"]["annotations"][0]["text"] == "n ≈ 256"
    assert time["layout"]["shapes"][0]["x0"] == pytest.approx(256)
    assert len(memory["data"]) == len(LAYERS)
    say = catalogue(lang)
    assert say("history.cost.time.meet", grows="n", met="256", times="2.0") in spoken(app)
    assert measured == [([(n, 128) for n in (16, 32, 64, 128, 256, 512, 1024, 2048)], False)]


def test_what_was_measured_is_there_for_everybody_and_nothing_is_measured_twice(
    open_part, measured
):
    app = open_part("cost", lang="en")
    app.button(key="history.cost.start").click()
    run(app)
    run(app)
    other = open_part("cost", lang="ko")
    assert len(charts(other)) == 3
    assert len(measured) == 1


def test_another_question_asks_for_another_measurement(open_part, measured):
    app = open_part("cost", lang="en", grows="d", passes="training")
    assert len(charts(app)) == 1
    app.button(key="history.cost.start").click()
    run(app)
    assert measured == [([(256, d) for d in (32, 64, 128, 256, 512)], True)]


def test_curves_that_do_not_meet_are_said_not_to_meet(open_part, monkeypatch):
    def sweep(sizes, training, progress):
        return [
            Cost(layer, n, d, t, t, t, 3, 8)
            for n, d in sizes
            for layer in LAYERS
            for t in [2e-3 if layer == "recurrent" else 1e-3]
        ]

    monkeypatch.setattr(cost, "sweep", sweep)
    app = open_part("cost", lang="en")
    app.button(key="history.cost.start").click()
    run(app)
    told = catalogue("en")("history.cost.time.attention", grows="n", first="16", last="2,048")
    assert told in spoken(app)
    assert not charts(app)[1]["layout"].get("annotations")


def test_another_draw_has_another_seed_and_the_model_stays(open_part):
    app = open_part("scale", lang="en")
    before = charts(app)
    app.button(key="history.scale.again").click()
    run(app)
    after = charts(app)
    assert before[0]["data"] != after[0]["data"]
    assert before[3:] == after[3:]
    assert "seed 1" in spoken(app)


def test_the_heads_numbers_are_those_of_the_chosen_head(open_part):
    app = open_part("scale", lang="en")
    app.selectbox(key="history.scale.layer").set_value(0)
    app.selectbox(key="history.scale.head").set_value(1)
    run(app)
    bundle = cache.bundle(cache.DEFAULT)
    made = cache.trace(
        bundle.name, bundle.version, app.text_input(key="look.text").value, None, "ko"
    )
    found = scale.head_growth(made.steps("encoder", 0, 1))
    assert f"**{found.plain.variance[-1]:,.1f}**" in spoken(app)
    assert f"**{found.scaled.entropy[-1]:.2f} bits**" in spoken(app)


# ── the paper ────────────────────────────────────────────────────────────────────────────────────


def test_the_papers_own_estimate_gives_the_costs_that_it_prints():
    """12 hours and 3.5 days on 8 P100s of 9.5 TFLOPS: 3.3 · 10¹⁸ and 2.3 · 10¹⁹."""
    assert training_flops(12, 8, 9.5) == pytest.approx(3.2832e18)
    printed = {row["name"]: float(row["flops"]["de"]) for row in paper()["systems"][-2:]}
    for one in paper()["trainings"]:
        found = training_flops(one["hours"], one["gpus"], one["tflops"])
        assert float(f"{found:.1e}") == printed[one["name"]]


def test_every_number_of_table_2_that_has_a_cost_is_a_point(open_part):
    app = open_part("paper", lang="en")
    for pair, figure in zip(("de", "fr"), charts(app), strict=True):
        drawn = {
            (name, x, y)
            for line in figure["data"]
            for name, x, y in zip(line["text"], line["x"], line["y"], strict=True)
        }
        assert drawn == {
            (row["name"], float(row["flops"][pair]), float(row["bleu"][pair]))
            for row in paper()["systems"]
            if pair in row["flops"]
        }
        low, high = figure["layout"]["yaxis"]["range"]
        assert all(low < bleu < high for _, _, bleu in drawn)
    assert len(app.table[0].value) == 10
    # The big Transformer: 28.4 − 26.36 above, at 2.3 of 7.7.
    assert "**2.0 BLEU**" in spoken(app)
    assert "**1/3.3**" in spoken(app)
