"""The front door as a class uses it, in both languages."""

import json
import re
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from model.checkpoint import save
from tests.app.conftest import as_read
from viz import cache
from viz.i18n import catalogue
from viz.numbers import number
from viz.sentence import EXAMPLES
from viz.state import FAMOUS

WIDE = FAMOUS.replace("tired", "wide")
LANGS = ["ko", "en"]


def line(app: AppTest) -> str:
    """The sentence that says who looks at whom, without its markup."""
    return re.sub(r":primary\[([^\]]*)\]", r"\1", app.subheader[0].value).replace("\\", "")


def messages(app: AppTest) -> str:
    shown = " ".join(element.value for element in [*app.error, *app.info, *app.warning])
    return shown.replace("\\", "")


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def link(app: AppTest) -> dict[str, str]:
    """What the address bar says, in the form in which it would be opened again."""
    values = {name: app.query_params[name] for name in app.query_params}
    return {name: v if isinstance(v, str) else v[0] for name, v in values.items()}


def alternatives(app: AppTest) -> list[str]:
    """What screen readers read instead of the heatmap and of the bars."""
    return [chart.proto.alt for chart in app.get("plotly_chart")]


def heatmap_shape(app: AppTest) -> tuple[int, int]:
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    return len(figure["layout"]["yaxis"]["ticktext"]), len(figure["layout"]["xaxis"]["ticktext"])


def type_text(app: AppTest, text: str) -> AppTest:
    return app.text_input(key="look.text").set_value(text).run()


# ── first paint, and the flip ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lang", "says"),
    [("en", r"^it gives >?\d+ % .* animal"), ("ko", r"‘it’의 .* >?\d+%가 ‘animal’에")],
)
def test_before_any_click_the_row_of_it_points_at_animal(open_app, lang, says):
    app = open_app(lang=lang)
    assert not app.exception
    assert not messages(app)
    assert app.text_input(key="look.text").value == FAMOUS
    assert re.search(says, line(app))
    assert "animal" in alternatives(app)[1].split(",")[0]


@pytest.mark.parametrize("lang", LANGS)
def test_one_click_to_the_twin_flips_to_street_and_one_more_flips_back(open_app, lang):
    app = open_app(lang=lang)
    assert any("street" in element.value for element in app.markdown)
    app.button(key="look.twin").click().run()
    assert not app.exception
    assert app.text_input(key="look.text").value == WIDE
    assert "street" in line(app)
    assert "animal" not in line(app)
    assert "street" in alternatives(app)[1].split(",")[0]
    app.button(key="look.twin").click().run()
    assert "animal" in line(app)


@pytest.mark.parametrize(
    ("group", "nouns"), [("animal_ko", ("동물", "길")), ("kettle_ko", ("컵", "주전자"))]
)
def test_the_korean_twins_flip_too(open_app, group, nouns):
    for example, noun in zip(EXAMPLES[group], nouns, strict=True):
        app = open_app(text=example.text, lang="ko")
        assert noun in line(app), example.text
        assert noun in alternatives(app)[1].split(",")[0]


@pytest.mark.parametrize("lang", LANGS)
def test_every_example_is_read_translated_and_explained(open_app, lang):
    app = open_app(lang=lang)
    for group, examples in EXAMPLES.items():
        for example in examples:
            app.button_group(key=f"look.example.{group}").set_value(example.text).run()
            assert not app.exception
            assert app.text_input(key="look.text").value == example.text
            assert not messages(app), example.text
            assert line(app)
            translation = next(m.value for m in app.markdown if m.value.startswith("#### "))
            assert catalogue(lang)("translation.nothing") not in translation


# ── what a student types ─────────────────────────────────────────────────────────────────────────


def test_a_typed_sentence_is_read_and_goes_into_the_link(open_app):
    app = type_text(open_app(), "The dog is in the house.")
    assert not app.exception
    assert link(app)["text"] == "The dog is in the house."
    assert heatmap_shape(app)[0] >= 7


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_text"),
        ("   \t ", "empty_text"),
        ("word " * 2000, "text_too_long"),
        ("a b. " * 2000, "text_too_long"),
        ("The\x00 animal", "control_characters"),
        ("\x1b[31mred", "control_characters"),
    ],
)
def test_what_cannot_be_read_gets_a_message_and_the_last_picture_stays(open_app, lang, text, code):
    app = open_app(lang=lang, text=WIDE)
    before = line(app)
    type_text(app, text)
    assert not app.exception
    wanted = catalogue(lang)(f"error.{code}").split("{")[0]
    assert wanted in messages(app)
    assert app.text_input(key="look.text").value == text
    assert line(app) == before
    assert link(app)["text"] == WIDE
    type_text(app, FAMOUS)
    assert not messages(app)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    "text",
    [
        "cat",
        "고양이",
        "😀 👨‍👩‍👧‍👦",
        "<script>alert(1)</script>",
        "**bold** :red[x] $x^2$ `code` [a](javascript:alert(1)) {text}",
        "שלום עולם",
        "مرحبا بالعالم",
        "나는 student이다 étudiant 学生",
        "\u202etxet desrever",
        "a\nb\tc",
        "e\u0301 ㄱㄴㄷ ﬁ ①",
    ],
)
def test_odd_text_is_read_and_shown_as_text(open_app, lang, text):
    app = type_text(open_app(lang=lang), text)
    assert not app.exception
    assert not app.error
    assert app.text_input(key="look.text").value == text
    for element in [*app.markdown, *app.caption, *app.subheader, *app.info]:
        assert "<script>" not in element.value


@pytest.mark.parametrize("lang", LANGS)
def test_signs_that_the_model_has_never_seen_are_named(open_app, lang):
    app = type_text(open_app(lang=lang), "I am 😀.")
    assert "😀" in messages(app)
    app = type_text(app, "I am " + "😀" * 300)
    assert "😀" * 16 + "…" in messages(app)
    assert "😀" * 17 not in messages(app)


@pytest.mark.parametrize("lang", LANGS)
def test_a_language_that_the_model_has_not_learned_to_read_is_named(open_app, lang):
    app = open_app(lang=lang)
    assert app.button_group(key="look.to").options == [
        catalogue(lang)(f"lang.{target}") for target in ("ko", "fr")
    ]
    app = type_text(app, "Elle est médecin.")
    assert not app.exception
    french = catalogue(lang)("lang.fr")
    assert catalogue(lang)("text.unlearned", language=french) in messages(app)


# ── links ────────────────────────────────────────────────────────────────────────────────────────


def test_a_copied_link_opens_the_same_view(open_app):
    app = open_app(lang="ko", text=WIDE, kind="encoder", unit="words", layer="2", head="3")
    app.button_group(key="look.to").set_value("fr").run()
    again = open_app(**link(app))
    assert line(again) == line(app)
    assert alternatives(again) == alternatives(app)
    assert link(again) == link(app)
    assert catalogue("ko")("line.where", layer=2, head=3) in captions(again)


@pytest.mark.parametrize("lang", LANGS)
def test_a_link_to_what_does_not_exist_shows_the_nearest_and_says_so(open_app, lang):
    app = open_app(lang=lang, layer="99", head="-3", query="500", kind="x", to="tlh", unit="<b>")
    assert not app.exception
    for name in ("layer", "head", "query", "kind", "to", "unit"):
        assert name in messages(app)
    assert int(link(app)["layer"]) < 99
    assert not messages(app.run())


def test_a_link_with_a_text_that_cannot_be_read_shows_the_first_sentence(open_app):
    app = open_app(text="\x00", lang="en")
    assert not app.exception
    assert "U+0000" in messages(app)
    assert "animal" in line(app)


def test_a_language_that_does_not_exist_is_the_browsers(open_app):
    app = open_app(lang="../../etc/passwd")
    assert not app.exception
    assert app.text_input(key="look.text").label == catalogue("en")("text.label")


def test_the_language_switch_keeps_the_view(open_app):
    app = open_app(text=WIDE, layer="2", head="1")
    app.button_group(key="lang").set_value("ko").run()
    assert app.text_input(key="look.text").label == catalogue("ko")("text.label")
    assert link(app) == {"text": WIDE, "layer": "2", "head": "1", "lang": "ko"}


def test_two_quick_clicks_both_count(open_app):
    app = open_app()
    app.button_group(key="look.unit").set_value("words").run()
    app.query_params.clear()  # the second click leaves before the first one's link came back
    app.button_group(key="look.to").set_value("fr").run()
    assert link(app) == {"unit": "words", "to": "fr"}


def test_going_back_opens_the_earlier_view(open_app):
    app = open_app()
    app.button_group(key="look.unit").set_value("words").run()
    app.query_params.clear()
    app.run()
    assert app.button_group(key="look.unit").value == "tokens"


# ── kinds, words, the student's own translation ──────────────────────────────────────────────────


def test_words_merge_the_tokens_and_say_how(open_app):
    text = EXAMPLES["animal_ko"][0].text
    tokens, words = open_app(text=text, unit="tokens"), open_app(text=text, unit="words")
    assert heatmap_shape(words) < heatmap_shape(tokens)
    assert catalogue("en")("unit.merged") in captions(words)
    assert catalogue("en")("unit.merged") not in captions(tokens)
    figure = json.loads(words.get("plotly_chart")[0].proto.spec)
    assert "동물은" in figure["layout"]["xaxis"]["ticktext"]


@pytest.mark.parametrize("lang", LANGS)
def test_cross_attention_follows_the_students_own_translation(open_app, lang):
    app = open_app(lang=lang, text="I am a student.", kind="cross")
    app.text_input(key="look.target").set_value("나는 학생이다.").run()
    assert not app.exception
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    rows = figure["layout"]["yaxis"]["ticktext"]
    assert rows[0] == "&lt;s&gt;"
    assert "".join(rows[2:]).replace("+", "") == "나는학생이다."
    assert link(app)["target"] == "나는 학생이다."
    app.text_input(key="look.target").set_value("").run()
    assert "target" not in link(app)


def test_the_decoders_mask_is_hatched(open_app):
    app = open_app(text="I am a student.", kind="decoder")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert len(figure["data"]) == 5  # cells, hatching's ground and strokes, points on both kinds
    assert catalogue("en")("map.caption_masked") in captions(app)


def test_another_sentence_lets_go_of_the_students_translation(open_app):
    app = open_app(text="I am a student.", kind="cross", target="나는 학생이다.")
    type_text(app, "I am Sam.")
    assert app.text_input(key="look.target").value == ""


@pytest.mark.parametrize("lang", LANGS)
def test_the_card_opens(open_app, lang):
    app = open_app(lang=lang)
    app.button(key="look.card").click().run()
    assert not app.exception
    assert app.get("dialog")


# ── several rows, scale, one cell, long sentences ────────────────────────────────────────────────


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("how", ["mean", "sum"])
def test_several_words_are_taken_together_as_the_link_says(open_app, lang, how):
    app = open_app(lang=lang, query="2,8", rows=how, layer="1", head="1")
    assert not app.exception
    assert not messages(app)
    trace = cache.trace("jumok", cache.bundle("jumok").version, FAMOUS, None, "ko")
    rows = trace.attention("encoder")[0, 0, [1, 7]]
    taken = rows.mean(axis=0) if how == "mean" else rows.sum(axis=0)
    percent = catalogue(lang).percent(float(taken.max()))
    assert percent in line(app)
    assert "animal + it" in line(app)
    assert link(app)["query"] == "2,8"
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert len(figure["layout"]["shapes"]) == 2


def test_rows_beyond_the_sentence_are_brought_back(open_app):
    app = open_app(query="3,500", lang="en")
    assert "query" in messages(app)
    last = heatmap_shape(app)[0]
    assert link(app)["query"] == f"3,{last}"


@pytest.mark.parametrize("lang", LANGS)
def test_the_scale_of_each_row_is_named(open_app, lang):
    app = open_app(lang=lang)
    say = catalogue(lang)
    assert say("map.caption_all") in captions(app)
    app.button_group(key="look.scale").set_value("row").run()
    assert not app.exception
    assert say("map.caption_row") in captions(app)
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert figure["data"][0]["colorbar"]["ticktext"] == ["0", say("map.row_largest")]
    assert link(app)["scale"] == "row"


def formulas(app: AppTest) -> str:
    return " ".join(formula.value for formula in app.latex)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
def test_one_cell_is_calculated_with_the_traces_numbers(open_app, lang, kind):
    app = open_app(lang=lang, kind=kind, layer="2", head="3", query="4", key="2")
    assert not app.exception
    trace = cache.trace("jumok", cache.bundle("jumok").version, FAMOUS, None, "ko")
    steps = trace.steps(kind, 1, 2)
    for value in (steps.scores[3, 1], steps.scaled[3, 1], steps.weights[3, 1]):
        assert number(float(value)) in formulas(app)
    start = catalogue(lang)("parts.badge").split("{")[0]
    assert any(start in shown.value for shown in app.markdown)
    assert link(app)["key"] == "2"
    labels = [found.proto.label for found in app.get("page_link")]
    assert labels == [catalogue(lang)("cell.steps"), catalogue(lang)("cell.neuron")]


@pytest.mark.parametrize("lang", LANGS)
def test_a_masked_cell_says_that_it_weighs_nothing(open_app, lang):
    app = open_app(lang=lang, kind="decoder", layer="1", head="1", query="2", key="4")
    assert not app.exception
    assert catalogue(lang)("cell.masked") in " ".join(m.value for m in app.markdown)


@pytest.mark.parametrize("lang", LANGS)
def test_a_cell_of_all_heads_is_each_of_them_and_their_mean(open_app, lang):
    app = open_app(lang=lang, head="all", layer="1", query="4", key="2")
    assert not app.exception
    trace = cache.trace("jumok", cache.bundle("jumok").version, FAMOUS, None, "ko")
    weights = trace.attention("encoder")[0, :, 3, 1]
    (table,) = app.table
    assert list(as_read(table).iloc[:, 3]) == [number(float(weight)) for weight in weights]
    assert number(float(weights.mean())) in " ".join(m.value for m in app.markdown)


@pytest.mark.parametrize("lang", LANGS)
def test_a_cell_of_words_leads_to_its_tokens(open_app, lang):
    text = EXAMPLES["animal_ko"][0].text
    app = open_app(lang=lang, text=text, unit="words", query="2", key="3")
    assert not app.exception
    app.button(key="look.cell.tokens").click().run()
    assert not app.exception
    assert link(app).get("unit", "tokens") == "tokens"
    assert {"query", "key"} <= set(link(app))
    assert formulas(app)


@pytest.mark.parametrize("lang", LANGS)
def test_without_a_key_the_page_says_what_a_click_does_and_the_picker_does_it_too(open_app, lang):
    app = open_app(lang=lang)
    assert catalogue(lang)("cell.hint") in captions(app)
    app.selectbox(key="look.key").set_value(1).run()
    assert not app.exception
    assert formulas(app)
    assert link(app)["key"] == "2"
    type_text(app, "I am Sam.")
    assert "key" not in link(app)
    assert not formulas(app)


@pytest.mark.parametrize("lang", LANGS)
def test_a_long_sentence_is_shown_through_a_window_and_the_limit_is_said(open_app, lang):
    text = " ".join([FAMOUS] * 25)
    app = open_app(lang=lang, text=text)
    assert not app.exception
    assert heatmap_shape(app) == (40, 40)
    trace = cache.trace("jumok", cache.bundle("jumok").version, text, None, "ko")
    pieces, limit = len(trace.source_tokens), cache.bundle("jumok").config.max_len
    assert catalogue(lang)("text.length", pieces=pieces, limit=limit) in captions(app)
    app = open_app(lang=lang, text=text, window="11,61,20", query="12")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert heatmap_shape(app) == (20, 20)
    assert figure["layout"]["yaxis"]["ticktext"][0].strip("+") == trace.source_tokens[10].strip("▁")
    assert figure["layout"]["xaxis"]["ticktext"][0].strip("+") == trace.source_tokens[60].strip("▁")
    assert figure["layout"]["shapes"][0]["y0"] == 0.5
    assert link(app)["window"] == "11,61,20"


def test_a_short_sentence_needs_no_word_about_its_length(open_app):
    assert not any("512" in caption.value for caption in open_app(lang="en").caption)


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of checkpoints of one's own, with a copy of the bundled one in it."""
    shutil.copytree(cache.CHECKPOINTS / cache.DEFAULT, tmp_path / cache.DEFAULT)
    monkeypatch.setattr(cache, "CHECKPOINTS", tmp_path)
    return tmp_path


@pytest.mark.parametrize("lang", LANGS)
def test_a_missing_checkpoint_is_explained(open_app, folder, lang):
    shutil.rmtree(folder / cache.DEFAULT)
    app = open_app(lang=lang)
    assert not app.exception
    assert catalogue(lang)("error.title_page") in messages(app)
    assert "python -m model train" in messages(app)


def test_a_card_of_another_kind_is_shown_all_the_same_and_fetches_no_picture(open_app, folder):
    card = folder / cache.DEFAULT / "CARD.md"
    card.write_bytes("# 모델\n![그림](http://example.org/a.png)".encode("cp949"))
    app = open_app()
    app.button(key="look.card").click().run()
    assert not app.exception
    shown = cache.card(cache.DEFAULT)
    assert "http://example.org" in shown
    assert "![" not in shown
    card.write_bytes(b"x" * 10**6)
    assert len(cache.card(cache.DEFAULT)) < 10**6


@pytest.mark.parametrize("lang", LANGS)
def test_a_flipped_byte_is_explained_and_mended_without_a_restart(open_app, folder, lang):
    weights = folder / cache.DEFAULT / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    app = open_app(lang=lang)
    assert not app.exception
    assert "model.safetensors" in messages(app)
    weights.write_bytes(good)
    assert "animal" in line(app.run())


def test_the_picker_shows_every_checkpoint_and_the_link_keeps_the_choice(open_app, folder):
    shutil.copytree(folder / cache.DEFAULT, folder / "mine")
    app = open_app()
    assert app.selectbox(key="model").options == ["jumok", "mine"]
    app.selectbox(key="model").set_value("mine").run()
    assert not app.exception
    assert link(app)["model"] == "mine"
    app = open_app(model="../../etc")
    assert not app.exception
    assert app.selectbox(key="model").value == "jumok"
    assert "../../etc" in messages(app)


def test_a_retrained_checkpoint_is_read_anew(folder):
    before = cache.bundle(cache.DEFAULT)
    assert cache.bundle(cache.DEFAULT) is before
    save(folder / cache.DEFAULT, before.model, before.tokenizer, {"retrained": True}, "card")
    assert cache.bundle(cache.DEFAULT).metrics == {"retrained": True}
