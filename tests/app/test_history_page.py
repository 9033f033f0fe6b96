"""Before the Transformer, as a class uses it: all parts, odd sentences, models that are missing."""

import json

import pytest
import torch
from streamlit.testing.v1 import AppTest

from model.analysis.context_vector import EXAMPLES
from model.checkpoint import build, load_any, save
from model.config import ModelConfig, RecurrentConfig
from tests.app.conftest import longest_words
from viz import cache
from viz.i18n import LANGS, catalogue, literal
from viz.parts import WINDOW
from viz.state import FAMOUS

PAGE = "viz/views/history.py"
OWN = ("sentence", "longer", "memory", "calc", "window")
READING = ("sentence", "longer", "memory", "window")
ODD = ["hello", "😀 👩‍🚀", "<b>it</b> $x$ **y** `z`", "…!?", "a" * 300]
SPOKEN = "어제 카페 갔었어 거기 사람 많더라"


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """The bundled checkpoint, and four small models of its vocabulary that learned nothing."""
    folder = tmp_path_factory.mktemp("checkpoints")
    bundled = cache.CHECKPOINTS / cache.DEFAULT
    (folder / cache.DEFAULT).symlink_to(bundled.resolve())
    tokenizer = load_any(bundled, device="cpu").tokenizer
    size = tokenizer.vocab_size
    torch.manual_seed(0)
    scorings = {"gru": "none", "bahdanau": "bahdanau", "luong": "general"}
    configs = {
        name: RecurrentConfig(size, attention=scoring, d_model=8, d_hidden=12, max_len=48)
        for name, scoring in scorings.items()
    } | {
        "rival": ModelConfig(
            size, d_model=8, n_heads=2, d_k=4, d_v=4, d_ff=16,
            n_encoder_layers=1, n_decoder_layers=2, max_len=48,
        )
    }  # fmt: skip
    for name, config in configs.items():
        save(folder / name, build(config), tokenizer, {"training": {"steps": 1234}}, "")
    return folder


@pytest.fixture
def open_part(open_app):
    def open_part(part: str, **params: str) -> AppTest:
        app = open_app(part=part, **params).switch_page(PAGE).run()
        assert not app.exception
        return app

    return open_part


@pytest.fixture
def with_four(monkeypatch, four):
    monkeypatch.setattr(cache, "CHECKPOINTS", four)
    return four


@pytest.fixture
def without(monkeypatch, tmp_path):
    """Only the bundled checkpoint."""
    (tmp_path / cache.DEFAULT).symlink_to((cache.CHECKPOINTS / cache.DEFAULT).resolve())
    monkeypatch.setattr(cache, "CHECKPOINTS", tmp_path)


def spoken(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.latex))


def type_in(app: AppTest, text: str) -> None:
    app.text_input(key="look.text").set_value(text).run()
    assert not app.exception


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("part", OWN)
def test_every_part_opens_with_its_own_words(with_four, open_part, lang, part):
    app, say = open_part(part, lang=lang), catalogue(lang)
    assert say(f"history.{part}.lead") in [one.value for one in app.markdown]
    assert app.query_params["part"] == part
    assert not app.error


@pytest.mark.parametrize("part", READING)
def test_odd_sentences_are_read_or_refused_with_the_reason(with_four, open_part, part):
    app = open_part(part, lang="en")
    for text in ODD:
        type_in(app, text)
        assert app.text_input(key="look.text").value == text
    for text, code in (("", "empty_text"), ("가 " * 5000, "text_too_")):
        type_in(app, text)
        starts = [
            sentence.split("{")[0]
            for key, sentence in catalogue("en").sentences.items()
            if key.startswith(f"error.{code}")
        ]
        assert any(error.value.startswith(tuple(starts)) for error in app.error)
    type_in(app, "I am a student.")
    assert not app.error


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("part", ["sentence", "longer", "memory"])
def test_a_model_that_is_missing_is_named_with_the_command_that_trains_it(
    without, open_part, lang, part
):
    app, say = open_part(part, lang=lang), catalogue(lang)
    told = " ".join(info.value for info in app.info)
    assert say("history.rivals.name.bahdanau") in told
    commands = "\n".join(code.value for code in app.code)
    for name in cache.HISTORY:
        assert f"--preset {name} --tokenizer checkpoints/jumok --out checkpoints/{name}" in commands
    assert not app.error


# ── the calculator ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", LANGS)
def test_the_lectures_weights_are_the_first_thing_shown(open_part, lang):
    app, say = open_part("calc", lang=lang), catalogue(lang)
    table = app.table[0].value
    assert table.iloc[:4, 1].tolist() == ["**0.1**", "**0.055**", "**0.8**", "**0.045**"]
    assert table.iloc[-1, -1] == "**(1.7, 1.02, 0.38)**"
    assert say.percent(0.8) in app.subheader[0].value
    assert r"c_{2} &= 0.1\cdot0 + 0.055\cdot4 + 0.8\cdot1 + 0.045\cdot0 = \mathbf{1.02}" in spoken(
        app
    )
    assert say("history.calc.lecture_line") in [caption.value for caption in app.caption]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_calculated(open_part, name):
    app = open_part("calc", lang="ko")
    app.button(key=f"history.calc.example.{name}").click().run()
    assert not app.exception
    assert not app.error
    assert app.button_group(key="history.calc.start").value == EXAMPLES[name].start


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ("0.3 0.3 0.3 0.3", "weights_sum"),
        ("1 1 -1 0", "weights_negative"),
        ("0.5 0.5", "weights_not_vectors"),
        ("", "matrix_empty"),
        ("1 둘 3 4", "matrix_number"),
    ],
)
def test_bad_numbers_are_explained_and_nothing_is_lost(open_part, lang, numbers, code):
    app = open_part("calc", lang=lang)
    app.text_area(key="history.calc.weights").set_value(numbers).run()
    assert not app.exception
    (error,) = app.error
    assert longest_words(catalogue(lang)(f"error.{code}")) in error.value
    assert app.text_area(key="history.calc.weights").value == numbers
    mends = [button for button in app.button if button.key == "history.calc.normalise"]
    assert len(mends) == (code == "weights_sum")
    for mend in mends:
        mend.click().run()
        assert not app.error
        assert app.text_area(key="history.calc.weights").value == "0.25 0.25 0.25 0.25"


# ── windows ──────────────────────────────────────────────────────────────────────────────────────


def test_in_korean_the_famous_sentence_can_be_chosen_all_the_same(open_part):
    app = open_part("window", lang="ko")
    app.text_input(key="look.text").set_value(FAMOUS).run()
    assert not app.exception
    assert app.text_input(key="look.text").value == FAMOUS


def test_in_korean_the_lectures_sentence_comes_first_with_its_two_words(open_part):
    app, say = open_part("window", lang="ko"), catalogue("ko")
    assert app.text_input(key="look.text").value == SPOKEN
    verdict = say.markdown("history.window.verdict", query="거기", key="카페", cnn=2, rnn=2)
    assert f"#### {verdict}" in [one.value for one in app.markdown]
    blind = say.markdown("history.window.cnn.blind", query="거기", key="카페", layers=2)
    assert blind in spoken(app)
    app.slider(key="history.layers").set_value(2).run()
    sees = say.markdown("history.window.cnn.sees", query="거기", key="카페", layers=2)
    assert sees in spoken(app)


def test_a_wider_window_needs_fewer_layers(open_part):
    app, say = open_part("window", lang="ko"), catalogue("ko")
    app.button_group(key="history.width").set_value("5").run()
    verdict = say.markdown("history.window.verdict", query="거기", key="카페", cnn=1, rnn=2)
    assert f"#### {verdict}" in [one.value for one in app.markdown]


def test_what_was_typed_before_is_not_replaced_by_the_lectures_sentence(open_part):
    app = open_part("window", lang="ko", text="나는 학교에 갔다.")
    assert app.text_input(key="look.text").value == "나는 학교에 갔다."


def test_the_same_word_twice_is_told(open_part):
    app = open_part("window", lang="en", text="hello")
    assert catalogue("en")("history.window.same") in [info.value for info in app.info]


# ── one sentence, all models ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", LANGS)
def test_four_models_translate_and_one_step_is_worked_out(with_four, open_part, lang):
    app, say = open_part("sentence", lang=lang, text="나는 학교에 갔다."), catalogue(lang)
    models = app.table[0].value.iloc[:, 0].tolist()
    assert models == [f"**{say(f'history.rivals.name.{name}')}**" for name in cache.HISTORY]
    assert say("history.together.plain").split("**")[0] in spoken(app)
    assert r"v_a^T \tanh(W_a s_{i-1} + U_a h_" in spoken(app)
    assert "✅" in str([badge.value for badge in app.markdown if "badge" in badge.value])
    app.button_group(key="history.model").set_value("luong").run()
    assert not app.exception
    assert r"s_i^T\,W_a h_" in spoken(app)
    assert say("history.step.score.luong", scoring="general") in spoken(app)


def test_of_a_long_text_the_largest_weights_and_the_chosen_token_are_listed(with_four, open_part):
    app = open_part("sentence", lang="en", text="나는 학교에 갔다. " * 9)
    (box,) = (box for box in app.selectbox if str(box.key).startswith("history.step.piece"))
    count = len(box.options)
    assert count > WINDOW
    everything = set(range(1, count + 1))

    def listed() -> list[int]:
        assert not app.exception
        return app.table[1].value.iloc[:, 0].astype(int).tolist()

    (left_out, *_) = everything - set(listed())
    box.set_value(left_out - 1).run()
    assert left_out in listed()
    assert listed() == sorted(listed())
    assert len(listed()) == WINDOW


def test_all_read_the_same_translation(with_four, open_part):
    app = open_part("sentence", lang="en", text="나는 학교에 갔다.")
    before = app.table[0].value.iloc[:, -1].tolist()
    app.button_group(key="history.read").set_value("same").run()
    assert not app.exception
    assert app.table[0].value.iloc[:, -1].tolist() == before
    steps = [box for box in app.selectbox if str(box.key).startswith("history.step.step")]
    assert len(steps) == 1


# ── longer, memory ───────────────────────────────────────────────────────────────────────────────


def test_a_sentence_grows_by_itself_and_by_words(with_four, open_part):
    app = open_part("longer", lang="en", text="나는 학교에 갔다.")
    rows = app.table[-1].value
    assert len(rows) == 4
    lengths = rows.iloc[:, 0].astype(int).tolist()
    assert lengths == sorted(set(lengths))
    app.button_group(key="history.grow").set_value("words").run()
    assert not app.exception
    assert app.table[-1].value.iloc[:, 1].tolist() == ["나는", "나는 학교에", "나는 학교에 갔다\\."]


@pytest.mark.parametrize("lang", LANGS)
def test_what_was_measured_is_drawn_and_else_the_command_is_told(with_four, open_part, lang):
    app = open_part("longer", lang=lang)
    assert "python -m model lengths" in app.code[0].value
    scored = [{"value": 40.0, "interval": [35.0, 45.0]}]
    shares = [{"value": 0.4, "interval": [0.3, 0.5]}]
    found = {
        "buckets": [{"pieces": [1, 12], "n": 50, "mean_pieces": 8.5}],
        "chrf": dict.fromkeys(cache.HISTORY, scored),
        "accuracy": dict.fromkeys(cache.HISTORY, shares),
    }
    measured = with_four / "lengths.json"
    measured.write_text(
        json.dumps({"command": "mine", "models": {name: {} for name in cache.HISTORY},
                    "sets": {"generated": {"ko-en": found}}})
    )  # fmt: skip
    try:
        app.run()
        assert not app.exception
        assert "mine" in spoken(app)
        assert "1,234" in spoken(app)  # what all four learned for, and no more
        told = literal("40.0 (35.0 – 45.0)")
        assert app.table[0].value.iloc[0].tolist() == ["1–12", "50", *[told] * 4]
        assert not any("lengths" in code.value for code in app.code)
        app.button_group(key="history.measure").set_value("accuracy").run()
        assert not app.exception
        share, low, high = map(catalogue(lang).percent, (0.4, 0.3, 0.5))
        assert app.table[0].value.iloc[0, -1] == literal(f"{share} ({low} – {high})")
    finally:
        measured.unlink()


@pytest.mark.parametrize("lang", LANGS)
def test_memory_is_told_for_every_model(with_four, open_part, lang):
    app, say = open_part("memory", lang=lang, text="나는 학교에 갔다."), catalogue(lang)
    for name in cache.HISTORY:
        assert f"**{literal(say(f'history.rivals.name.{name}'))}**" in spoken(app)
    type_in(app, "I am Sam.")
    lines = [element.value for element in app.markdown if element.value.startswith("- **")]
    assert all("Sam" in line for line in lines)  # the last word, not the full stop behind it
    type_in(app, "나는 학교에 갔다. " * 20)
    assert any("96" in info.value for info in app.info)
