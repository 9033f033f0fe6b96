"""All heads as a page: in both languages, sorted, filtered, for good and for bad input."""

import math

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from model.analysis.roles import leaning_of
from tests.app.conftest import message_to
from tests.messages import unpacked
from viz import cache
from viz.components.message import percent_steps
from viz.i18n import catalogue
from viz.state import FAMOUS, KINDS

LANGS = ["ko", "en"]
PAGE = "viz/views/heads.py"


def sent(app: AppTest) -> tuple[dict, np.ndarray]:
    """What the browser would get: the header and the bytes of the model view."""
    header, body = unpacked(message_to("jumok_model_view", app))
    return header, np.frombuffer(body, np.uint8)


def heads(app: AppTest) -> list[tuple[int, int]]:
    return [(layer, head) for layer, head, *_ in sent(app)[0]["sections"][0]["tiles"]]


def values(app: AppTest) -> list[str]:
    return [value for _, _, value, _ in sent(app)[0]["sections"][0]["tiles"]]


def said(app: AppTest) -> str:
    shown = " ".join(element.value for element in [*app.markdown, *app.caption])
    return shown.replace("\\", "")


def choose(app: AppTest, **settings: str) -> AppTest:
    for name, value in settings.items():
        app.selectbox(key=f"heads.{name}").set_value(value).run()
        assert not app.exception
    return app


def traced(text=FAMOUS, to="ko"):
    bundle = cache.bundle("jumok")
    return cache.trace(bundle.name, bundle.version, text, None, to)


def measured(kind="encoder", text=FAMOUS):
    bundle = cache.bundle("jumok")
    return cache.head_measures(bundle.name, bundle.version, text, None, "ko", kind)


# ── what is sent is the model's ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", LANGS)
def test_every_head_of_the_encoder_is_there_with_its_weights(open_page, lang):
    app = open_page(lang=lang)
    assert not app.exception
    header, body = sent(app)
    attention = traced().attention("encoder")
    (section,) = header["sections"]
    assert section["name"] == catalogue(lang)("kind.encoder")
    assert (section["layers"], section["heads"]) == attention.shape[:2]
    assert heads(app) == list(np.ndindex(attention.shape[:2]))
    steps = body[: attention.size].reshape(attention.shape)
    assert (steps == percent_steps(attention)).all()
    assert section["queries"][header["chosen"]["query"]] == "it"
    assert app.selectbox(key="heads.order").disabled


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_at_a_time_or_all_three(open_page, lang, kind):
    app = open_page(lang=lang, kind=kind)
    assert [section["kind"] for section in sent(app)[0]["sections"]] == [kind]
    app.button_group(key="heads.kind").set_value("all").run()
    assert not app.exception
    header, _ = sent(app)
    assert [section["kind"] for section in header["sections"]] == list(KINDS)
    assert header["chosen"]["kind"] == kind
    assert app.query_params["show"] in ("all", ["all"])
    masked = [section["masked"] for section in header["sections"]]
    assert masked == [False, True, False]
    app.button_group(key="heads.kind").set_value("cross").run()
    assert [section["kind"] for section in sent(app)[0]["sections"]] == ["cross"]
    assert "show" not in app.query_params


# ── sorted and filtered ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("measure", ["entropy", "confidence", "previous", "distance"])
def test_sorted_by_a_measure_whose_value_stands_on_each_map(open_page, lang, measure):
    app = choose(open_page(lang=lang), measure=measure)
    scores = measured().scores[measure]
    in_place = values(app)
    choose(app, order="high")
    assert [scores[place] for place in heads(app)] == sorted(scores.ravel(), reverse=True)
    assert sorted(values(app)) == sorted(in_place)
    assert not sent(app)[0]["sections"][0]["grid"]
    choose(app, order="low")
    assert [scores[place] for place in heads(app)] == sorted(scores.ravel())
    first = float(scores[heads(app)[0]])
    in_units = measure in ("entropy", "distance")
    assert values(app)[0] == (f"{first:.2f}" if in_units else catalogue(lang).percent(first))
    assert sent(app)[0]["text"]["value"] == catalogue(lang)(f"heads.of.{measure}")


def test_what_cannot_be_measured_here_is_a_dash_and_stands_last(open_page):
    app = choose(open_page(lang="en", show="all"), measure="monotone", order="high")
    encoder, _, cross = sent(app)[0]["sections"]
    assert {value for *_, value, _ in encoder["tiles"]} == {"—"}
    assert all(value.endswith("%") for *_, value, _ in cross["tiles"])


@pytest.mark.parametrize("lang", LANGS)
def test_filtered_by_role_others_are_pale_in_their_place_and_gone_when_sorted(open_page, lang):
    app = open_page(lang=lang)
    roles = measured().roles()
    wanted = [
        (layer, head)
        for layer, row in enumerate(roles)
        for head, role in enumerate(row)
        if role == "pronoun"
    ]
    assert wanted  # the bundled model was chosen for them
    choose(app, role="pronoun")
    tiles = sent(app)[0]["sections"][0]["tiles"]
    assert [(layer, head) for layer, head, _, pale in tiles if not pale] == wanted
    assert len(tiles) == sum(map(len, roles))
    choose(app, measure="pronoun", order="high")
    assert sorted(heads(app)) == wanted
    shown = app.selectbox(key="heads.role").options
    assert f"{catalogue(lang)('heads.of.pronoun')} ({len(wanted)})" in shown


def test_a_role_that_nobody_has_leaves_an_empty_page_that_works(open_page):
    roles = [role for row in measured("decoder").roles() for role in row]
    free = next(role for role in ("next", "pronoun", "diagonal") if role not in roles)
    app = open_page(lang="en", kind="decoder", role=free, measure="entropy", order="high")
    assert not app.exception
    assert sent(app)[0]["sections"][0]["tiles"] == []


# ── links, words, other pages ────────────────────────────────────────────────────────────────────


def test_a_link_restores_everything(open_page):
    link = {"lang": "en", "show": "all", "measure": "entropy", "order": "low", "ink": "row"}
    app = open_page(**link, kind="cross", layer="2", head="3", query="4")
    header, _ = sent(app)
    assert len(header["sections"]) == 3
    assert header["scale"] == "row"
    assert header["chosen"] == {"kind": "cross", "layer": 1, "head": 2, "query": 3}
    assert header["text"]["value"] == catalogue("en")("heads.of.entropy")
    assert not header["sections"][0]["grid"]
    kept = {name: app.query_params[name] for name in link}
    assert {n: v if isinstance(v, str) else v[0] for n, v in kept.items()} == link


@pytest.mark.parametrize("lang", LANGS)
def test_the_chosen_head_in_words(open_page, lang):
    app = open_page(lang=lang, layer="1", head="1")
    of = measured()
    say = catalogue(lang)
    assert say("line.where", layer=1, head=1) in said(app)
    assert say.percent(float(of.scores["confidence"][0, 0])) in said(app)
    role = of.roles()[0][0]
    role = role or leaning_of(of, 0, 0)
    assert (say("heads.says.no_role") if role is None else say(f"heads.of.{role}")) in said(app)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("page", ["look", "attention"])
def test_one_click_opens_the_chosen_head_elsewhere(open_page, lang, page):
    app = open_page(lang=lang, kind="cross", layer="2", head="1")
    app.button(key=f"heads.open.{page}").click().run()
    assert not app.exception
    say = catalogue(lang)
    if page == "look":
        assert say("line.where", layer=2, head=1) in said(app)
        assert say("kind.cross") in said(app)
    else:
        assert (app.selectbox(key="look.layer").value, app.selectbox(key="look.head").value) == (
            1,
            0,
        )


@pytest.mark.parametrize("lang", LANGS)
def test_one_click_compares_the_chosen_head_with_another_one(open_page, lang):
    app = open_page(lang=lang, kind="decoder", layer="2", head="3")
    app.button(key="heads.open.compare").click().run()
    assert not app.exception
    first, second = app.session_state["compare:chosen"].panels
    assert (first.kind, first.layer, first.head) == ("decoder", 1, 2)
    assert (second.kind, second.layer) == ("decoder", 1)
    assert second.head != 2


@pytest.mark.parametrize("lang", LANGS)
def test_words_are_merged_and_it_is_said(open_page, lang):
    app = open_page(lang=lang, unit="words", kind="cross", text="I am a student.")
    assert not app.exception
    assert catalogue(lang)("heads.on_tokens") in said(app)
    header, body = sent(app)
    section = header["sections"][0]
    cells = section["rows"] * section["columns"] * section["layers"] * section["heads"]
    sums = body[:cells].reshape(-1, section["columns"]).astype(float).sum(axis=1) / 200
    assert np.abs(sums - 1).max() < 0.01 * section["columns"]


# ── any input ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("text", ["Hi", "🙂", "<b>x</b> {key}"])
def test_short_and_strange_texts(open_page, lang, text):
    app = open_page(lang=lang, text=text, show="all", measure="confidence", order="high")
    assert not app.exception
    assert not app.error
    assert len(sent(app)[0]["sections"]) == 3


@pytest.mark.parametrize("lang", LANGS)
def test_an_empty_text_keeps_the_page(open_page, lang):
    app = open_page(lang=lang)
    app.text_input(key="look.text").set_value(" ").run()
    assert not app.exception
    assert app.error
    assert heads(app)


@pytest.mark.parametrize("lang", LANGS)
def test_the_longest_text_shrinks_to_blocks_and_keeps_the_chosen_head_whole(open_page, lang):
    limit = cache.bundle("jumok").config.max_len
    app = open_page(lang=lang, text="the dog and " * ((limit - 1) // 3), measure="position")
    assert not app.exception
    assert not app.error
    header, body = sent(app)
    section = header["sections"][0]
    n = len(section["queries"])
    assert n > 0.9 * limit
    assert section["step"] == math.ceil(n / 128)
    assert (header["window"] is None) == (section["step"] == 1)
    assert body[-n * n :].all()  # the mask of the chosen head: everything may be looked at


@pytest.mark.parametrize("lang", LANGS)
def test_a_long_sentence_says_where_its_pattern_can_be_seen(open_page, lang):
    ink, hint = (catalogue(lang)(f"heads.{name}") for name in ("ink.head", "pale"))
    hint = hint.split("{")[0]
    assert hint not in said(open_page(lang=lang))
    app = open_page(lang=lang, text="the dog and the cat saw it " * 20)
    assert hint in said(app)
    assert ink in said(app)
    assert hint not in said(choose(app, ink="head"))
