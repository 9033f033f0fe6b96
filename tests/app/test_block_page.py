"""The whole Transformer: every stage, both languages, short, long and odd input."""

import json
import re
from dataclasses import replace

import pytest
import torch
from streamlit.testing.v1 import AppTest

from model.checkpoint import save
from model.transformer import Transformer
from viz import cache
from viz.i18n import LANGS, catalogue

PAGE = "viz/views/block.py"
PRE = {
    "encoder": [
        *("self_attn.norm", "self_attn.out", "self_attn.add", "ffn.norm", "ffn.out", "ffn.add"),
        *("next", "final_norm"),
    ],
    "decoder": [
        *("self_attn.norm", "self_attn.out", "self_attn.add"),
        *("cross_attn.norm", "cross_attn.out", "cross_attn.add"),
        *("ffn.norm", "ffn.out", "ffn.add", "next", "final_norm", "output"),
    ],
}


@pytest.fixture
def open_page(open_app):
    def open_page(**params: str) -> AppTest:
        app = open_app(**params).switch_page(PAGE).run()
        assert not app.exception
        return app

    return open_page


def stage(app: AppTest, name: str) -> AppTest:
    app.selectbox(key="block.stage").set_value(name).run()
    assert not app.exception, name
    return app


def charts(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def badges(app: AppTest, lang: str) -> list[float]:
    """The differences that the page admits to, none of them with a warning."""
    start = catalogue(lang)("parts.badge").split("{")[0]
    said = [m.value for m in app.markdown if start in m.value]
    assert not any("⚠️" in text for text in said)
    found = [re.search(re.escape(start) + r"([\d.,]+(?:e−?\d+)?)", text) for text in said]
    return [float(match[1].replace("−", "-")) for match in found if match]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_every_stage_is_shown_and_agrees_with_the_model(open_page, lang, stack):
    app = open_page(lang=lang, kind=stack, text="I am a student.")
    assert len(app.selectbox(key="block.stage").options) == len(PRE[stack])
    for name in PRE[stack]:
        stage(app, name)
        assert app.get("plotly_chart")
        found = badges(app, lang)
        assert len(found) == (1 if name.endswith("_attn.out") else 2), name  # and the stream's
        assert max(found) < 1e-4  # a unit in the last place of the stream's largest numbers


def test_table_and_hover_show_the_same_numbers(open_page):
    app = stage(open_page(lang="en", text="I am a student."), "self_attn.norm")
    table = app.dataframe[0].value
    strips = charts(app)[0]["data"][0]["customdata"]
    columns = [column for column in table.columns if column not in "γβ"]
    assert len(columns) == 4
    for row, column in zip(strips[1::2], columns, strict=True):
        hovered = [re.search(r"<b>(.*)</b>", text)[1] for text in row]
        assert hovered == table[column].tolist()


def test_the_zeros_of_relu_are_counted_and_drawn(open_page):
    app = stage(open_page(lang="en", text="I am a student."), "ffn.out")
    table = app.dataframe[0].value
    zeros = int((table["max(0, ·)"] == "0").sum())
    assert 0 < zeros < len(table)
    assert any(f"here {zeros} of {len(table)}" in m.value.replace("\\", "") for m in app.markdown)
    _, ground = charts(app)[0]["data"]
    assert ground["hoverinfo"] == "skip"


@pytest.mark.parametrize("lang", LANGS)
def test_the_output_lists_ten_candidates_and_the_best_is_what_comes_next(open_page, lang):
    app = open_page(lang=lang, kind="decoder", to="fr", text="I am a student.", query="2")
    stage(app, "output")
    table = app.table[0].value
    assert len(table) == 10
    probabilities = [float(p.replace("−", "-")) for p in table.iloc[:, 3]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1 + 1e-3
    following = app.selectbox(key="block.query").options[2].split("· ")[1]
    assert table.iloc[0, 0].replace(" ", "") == following.replace("+", "")


def test_next_walks_through_all_layers_to_the_end_and_back_returns(open_page):
    app = open_page(lang="en", text="I am Sam.")
    n_layers = len(app.selectbox(key="block.layer").options)
    route = [(layer, name) for layer in range(n_layers) for name in PRE["encoder"][:7]]
    route.append((n_layers - 1, "final_norm"))

    def place():
        return app.selectbox(key="block.layer").value, app.selectbox(key="block.stage").value

    for expected in route:
        assert place() == expected
        app.button(key="block.next").click().run()
    assert place() == route[-1]  # the end: it stays
    app.button(key="block.back").click().run()
    assert place() == route[-2]


def test_the_link_opens_stack_layer_token_and_stage(open_page):
    app = open_page(
        lang="en", text="I am Sam.", kind="decoder", layer="2", query="3", stage="ffn.add"
    )
    assert app.button_group(key="block.stack").value == "decoder"
    assert app.selectbox(key="block.layer").value == 1
    assert app.selectbox(key="block.query").value == 2
    assert app.selectbox(key="block.stage").value == "ffn.add"
    stage(app, "cross_attn.norm")
    assert app.query_params["stage"] == "cross_attn.norm"


def test_a_stage_that_does_not_exist_here_is_the_first(open_page):
    app = open_page(lang="en", text="I am Sam.", stage="<b>")
    assert app.selectbox(key="block.stage").value == "self_attn.norm"
    app.button_group(key="block.stack").set_value("decoder").run()
    stage(app, "cross_attn.add")
    app.button_group(key="block.stack").set_value("encoder").run()
    assert not app.exception
    assert app.selectbox(key="block.stage").value == "self_attn.norm"


@pytest.mark.parametrize("lang", LANGS)
def test_paths_double_with_the_slider(open_page, lang):
    app = open_page(lang=lang, text="I am Sam.")
    slider = next(s for s in app.slider if s.key.startswith("block.sublayers"))
    n = int(slider.max)
    assert any(f"= {2**n:,}" in m.value for m in app.markdown)
    slider.set_value(3).run()
    assert not app.exception
    assert any("$2^{3}$ = 8" in m.value for m in app.markdown)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("text", ["", "cat", "the " * 255, "<b>**$x$**</b> 😀"])
def test_empty_one_token_longest_and_odd_input(open_page, lang, text):
    app = open_page(lang=lang)
    app.text_input(key="look.text").set_value(text).run()
    assert not app.exception
    assert bool(app.error) == (text == "")
    assert app.get("plotly_chart")
    app.button_group(key="block.stack").set_value("decoder").run()
    for name in ("ffn.out", "output"):
        stage(app, name)


@pytest.mark.parametrize("lang", LANGS)
def test_a_post_norm_model_is_shown_in_its_own_order(open_page, tmp_path, monkeypatch, lang):
    bundled = cache.bundle(cache.DEFAULT)
    torch.manual_seed(0)
    config = replace(
        bundled.config, norm="post", n_encoder_layers=3, n_decoder_layers=1, d_model=36, d_ff=50
    )
    save(tmp_path / cache.DEFAULT, Transformer(config), bundled.tokenizer, {}, "card")
    monkeypatch.setattr(cache, "CHECKPOINTS", tmp_path)
    app = open_page(lang=lang, text="I am a student.")
    names = app.selectbox(key="block.stage").options
    assert len(names) == 7
    assert catalogue(lang)("block.name.norm") in names[2]
    assert any(catalogue(lang)("block.order.post") in caption.value for caption in app.caption)
    for name in ("self_attn.out", "self_attn.norm", "ffn.add", "next"):
        stage(app, name)
        assert all(difference < 1e-5 for difference in badges(app, lang))
