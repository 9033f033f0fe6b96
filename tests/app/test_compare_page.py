"""The page of comparisons as a class uses it, in both languages."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from model import ModelConfig, load, trace
from model.checkpoint import save
from model.training.film import SENTENCES, FilmMaker
from model.transformer import Transformer
from tests.app.conftest import as_read
from tests.messages import unpacked
from viz import cache
from viz.compare.choice import Comparison, PanelChoice, dumps, loads
from viz.components import panels
from viz.i18n import catalogue
from viz.numbers import number
from viz.state import FAMOUS

JUMOK = Path(__file__).parents[2] / "checkpoints" / "jumok"
PRESETS = {"heads": 2, "layers": 2, "twins": 2, "languages": 2, "kinds": 3}
OTHER = dict(d_model=32, n_heads=16, d_k=2, d_v=3, d_ff=8, max_len=48)


@pytest.fixture
def drawn(monkeypatch):
    """What the browser would be sent in the last run, by the panel's name."""
    sent = {}

    def keep(key, data, on_pinned_change):
        header, body = unpacked(data)
        size = len(header["queries"]), len(header["keys"])
        values = np.frombuffer(body, "<f4", count=size[0] * size[1]).reshape(size)
        sent[header["name"]] = header | {"values": values}

    monkeypatch.setattr(panels, "_component", keep)
    return sent


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Checkpoints as a school may have them: the bundled one with a film, one of another size with
    random weights, and one whose weights are cut short."""
    folder = tmp_path_factory.mktemp("checkpoints")
    jumok = folder / "jumok"
    shutil.copytree(JUMOK, jumok)
    (jumok / "film.npz").unlink(missing_ok=True)
    bundle = load(jumok, device="cpu")
    torch.manual_seed(0)
    fresh = Transformer(bundle.config).eval()
    maker = FilmMaker(bundle.tokenizer, 400, folder / "reel", SENTENCES[:3])
    maker.shoot(fresh, 0, {})
    maker.shoot(bundle.model, 400, {"step": 400, "loss_nats": 1.0})
    film = maker.finish()
    config = ModelConfig(
        bundle.config.vocab_size, n_encoder_layers=12, n_decoder_layers=3, dropout=0.0, **OTHER
    )
    save(folder / "other", Transformer(config).eval(), bundle.tokenizer, {}, "# Random weights")
    save(jumok, bundle.model, bundle.tokenizer, bundle.metrics, "# A card")
    shutil.copy(film, jumok)
    shutil.copytree(folder / "other", folder / "broken")
    weights = folder / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    shutil.rmtree(folder / "reel")
    return folder


def opened(open_app, comparison=None, **link):
    if comparison is not None:
        link["panels"] = comparison if isinstance(comparison, str) else dumps(comparison)
    app = open_app(**link)
    app.switch_page("viz/views/compare.py").run()
    assert not app.exception
    return app


def compared(*panels, pair=(0, 1)):
    return Comparison(panels, pair)


def on_link(app):
    word = app.query_params["panels"]
    return loads(word if isinstance(word, str) else word[0])


def table(app):
    return as_read(app.table[0])


def written(app):
    return " ".join(element.value for element in [*app.markdown, *app.caption]).replace("\\", "")


# ── presets ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_every_preset(open_app, drawn, lang):
    app = opened(open_app, lang=lang)
    for name, count in PRESETS.items():
        drawn.clear()
        app.button(key=f"compare.preset.{name}").click().run()
        assert not app.exception, name
        assert not app.error, name
        assert len(drawn.keys() - {"difference"}) == count, name
        assert len(table(app)) == count * (count - 1) / 2
        assert len(on_link(app).panels) == count
        wanted = "—" if name in ("languages", "kinds") else None
        for value in (*table(app).iloc[:, 1], *table(app).iloc[:, 2]):
            assert value == wanted or (wanted is None and 0 <= float(value) <= 1), name
        assert ("difference" in drawn) == (wanted is None)
        for header in drawn.values():
            if header["name"] != "difference":
                np.testing.assert_allclose(header["values"].sum(axis=1), 1, atol=1e-5)


def test_the_numbers_are_the_models(open_app, drawn):
    app = opened(open_app, compared(PanelChoice(layer=0, head=1), PanelChoice(layer=2, head=3)))
    attention = trace(load(JUMOK), FAMOUS).attention("encoder")
    a, b = attention[0, 1], attention[2, 3]
    np.testing.assert_allclose(drawn["A"]["values"], a, atol=1e-6)
    np.testing.assert_allclose(drawn["difference"]["values"], a - b, atol=1e-6)
    p, q = a.astype(np.float64), b.astype(np.float64)
    m = (p + q) / 2
    js = ((p * np.log2(p / m)).sum(1) + (q * np.log2(q / m)).sum(1)) / 2
    cosine = (p * q).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(q, axis=1)
    shown = [float(value) for value in table(app).iloc[0, 1:3]]
    np.testing.assert_allclose(shown, [cosine.mean(), js.mean()], rtol=1e-3)
    assert f"a divergence of {number(float(js.max()))}," in written(app)


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_tired_and_wide_are_laid_over_one_another_word_by_word(open_app, drawn, lang):
    app = opened(open_app, lang=lang)
    app.button(key="compare.preset.twins").click().run()
    assert table(app).iloc[0, 3] == catalogue(lang)("compare.alike.words")
    assert "tired / wide" in drawn["difference"]["queries"]
    assert drawn["A"]["links"]["B"]["rows"] is not None


def test_korean_and_english_share_their_pronoun(open_app, drawn):
    app = opened(open_app, lang="ko")
    app.button(key="compare.preset.languages").click().run()
    a, b = drawn["A"], drawn["B"]
    row, here = b["queries"].index("it"), a["queries"].index("그것")
    assert here in b["links"]["A"]["rows"][row]
    assert a["links"]["B"]["rows"][here] == [row]
    assert a["start"] == [here, None]


def test_the_head_of_another_page_comes_along(open_app, drawn):
    opened(open_app, lang="en", kind="cross", layer="2", head="3", query="4")
    assert drawn["A"]["title"] == "A · Cross · Layer 2 · Head 3"
    assert drawn["B"]["title"].startswith("B · Cross · Layer 2 · Head ")
    assert drawn["A"]["start"] == [3, None]


# ── every sentence ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("text", ["Hi", "👀 <b>it</b> & 그것", "the dog and " * 85])
def test_every_length(open_app, drawn, lang, text):
    app = opened(open_app, lang=lang, text=text)
    for name in ("heads", "kinds"):
        app.button(key=f"compare.preset.{name}").click().run()
        assert not app.exception
        assert not app.error
        assert set("AB") <= drawn.keys()
    assert drawn["A"]["values"].shape[0] == len(drawn["A"]["queries"])


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_an_empty_text_keeps_the_page(open_app, drawn, lang):
    app = opened(open_app, lang=lang)
    app.text_input(key="look.text").set_value(" ").run()
    assert not app.exception
    assert app.error
    assert drawn.keys() == {"A", "B", "difference"}


def test_words_instead_of_tokens(open_app, drawn):
    app = opened(open_app, lang="en")
    app.button_group(key="look.unit").set_value("words").run()
    assert "animal" in drawn["A"]["queries"]
    assert table(app).iloc[0, 3] == "word by word"
    assert app.query_params["unit"] in ("words", ["words"])


# ── panels ───────────────────────────────────────────────────────────────────────────────────────


def test_add_duplicate_and_take_away(open_app, drawn):
    app = opened(open_app, compared(PanelChoice(layer=1, head=2), PanelChoice(layer=0, head=3)))
    app.button(key="compare.0.duplicate").click().run()
    assert on_link(app) == compared(
        PanelChoice(layer=1, head=2), PanelChoice(layer=1, head=2), PanelChoice(layer=0, head=3),
        pair=(0, 2),
    )  # fmt: skip
    app.button(key="compare.add").click().run()
    assert len(on_link(app).panels) == 4
    assert len(table(app)) == 6
    assert app.button(key="compare.1.duplicate").disabled
    assert "compare.add" not in [button.key for button in app.button]
    drawn.clear()
    for left in (3, 2, 1):
        app.button(key="compare.0.remove").click().run()
        assert len(on_link(app).panels) == left
    assert app.button(key="compare.0.remove").disabled
    assert not app.table
    assert catalogue("en")("compare.alike.one") in written(app)


def test_layer_head_and_kind_of_one_panel(open_app, drawn):
    app = opened(open_app, lang="en")
    before = drawn["A"]["values"].copy()
    app.selectbox(key="compare.1.layer").set_value(1).run()
    app.selectbox(key="compare.1.head").set_value(0).run()
    attention = trace(load(JUMOK), FAMOUS).attention("encoder")
    np.testing.assert_allclose(drawn["B"]["values"], attention[1, 0], atol=1e-6)
    np.testing.assert_array_equal(drawn["A"]["values"], before)
    assert drawn["B"]["title"] == "B · Encoder · Layer 2 · Head 1"
    app.selectbox(key="compare.1.kind").set_value("decoder").run()
    assert drawn["B"]["masked"]
    assert on_link(app).panels[1].head is None


def test_a_sentence_a_language_and_a_translation_of_its_own(open_app, drawn):
    app = opened(open_app, compared(PanelChoice(), PanelChoice(kind="cross")), lang="en")
    app.text_input(key="compare.1.text").set_value("I am a student.").run()
    assert drawn["A"]["queries"][0] == "The"
    assert drawn["B"]["keys"][:2] == ["I", "am"]
    app.selectbox(key="compare.1.to").set_value("fr").run()
    assert "<2fr>" in drawn["B"]["queries"]
    app.text_input(key="compare.1.target").set_value("je suis étudiant").run()
    assert drawn["B"]["queries"] == ["<s>", "<2fr>", "je", "suis", "étudiant"]
    assert drawn["B"]["caption"] == "I am a student. → je suis étudiant"
    app.text_input(key="compare.1.text").set_value(" ").run()
    assert on_link(app).panels[1].text is None
    assert "animal" in drawn["B"]["keys"]


def test_the_pair_of_the_difference(open_app, drawn):
    panels = [PanelChoice(layer=n, head=n) for n in range(3)]
    app = opened(open_app, compared(*panels), lang="en")
    app.selectbox(key="compare.pair.second").set_value("C").run()
    assert on_link(app).pair == (0, 2)
    difference = drawn["A"]["values"] - drawn["C"]["values"]
    np.testing.assert_allclose(drawn["difference"]["values"], difference, atol=1e-6)
    assert drawn["difference"]["title"] == "Difference: A − C"
    app.selectbox(key="compare.pair.first").set_value("C").run()
    assert on_link(app).pair == (2, 0)
    np.testing.assert_allclose(drawn["difference"]["values"], -difference, atol=1e-6)


def test_two_equal_maps_say_so(open_app, drawn):
    app = opened(open_app, compared(PanelChoice(), PanelChoice()), lang="en")
    assert [float(value) for value in table(app).iloc[0, 1:3]] == [1, 0]
    assert catalogue("en")("compare.alike.equal") in written(app)


# ── what goes wrong stays in its panel ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_errors_stay_in_their_panel(open_app, drawn, monkeypatch, school, lang):
    monkeypatch.setattr(cache, "CHECKPOINTS", school)
    wrong = (
        PanelChoice(text="word " * 600),
        PanelChoice(model="broken"),
        PanelChoice(text="bad \x07 bell"),
        PanelChoice(model="../jumok"),
        PanelChoice(text="Hello there.", moment=0),
        PanelChoice(model="other", moment=0),
    )
    fine = (PanelChoice(layer=2, head=3), PanelChoice(layer=1, head=1))
    for one in wrong:
        drawn.clear()
        app = opened(open_app, compared(fine[0], one, fine[1]), lang=lang)
        assert len(app.error) == 1, one
        assert catalogue(lang)("compare.unavailable") in app.error[0].value
        assert drawn.keys() == {"A", "C", "difference"}, one
        assert on_link(app).panels[1] == one  # what was typed is not lost
        assert drawn["difference"]["title"].count("C") == 1


def test_a_model_of_another_size_stands_beside(open_app, drawn, monkeypatch, school):
    monkeypatch.setattr(cache, "CHECKPOINTS", school)
    app = opened(open_app, compared(PanelChoice(), PanelChoice(model="other", layer=11, head=15)))
    assert not app.error
    assert drawn["B"]["title"].endswith("12 · Head 16 · other")
    assert table(app).iloc[0, 3] == "token by token"
    app.selectbox(key="compare.1.model").set_value(None).run()
    assert not app.exception
    assert on_link(app).panels[1] == PanelChoice()


def test_a_layer_that_is_not_there_is_the_nearest_one_and_said(open_app, drawn):
    app = opened(open_app, compared(PanelChoice(layer=50, head=70), PanelChoice()), lang="en")
    assert catalogue("en")("compare.clamped") in written(app)
    assert re.match(r"A · Encoder · Layer \d+ · Head \d+$", drawn["A"]["title"])


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_link_that_cannot_be_read_gives_two_heads(open_app, drawn, lang):
    app = opened(open_app, "eNq~nonsense", lang=lang)
    assert catalogue(lang)("compare.link_wrong") in [info.value for info in app.info]
    assert drawn.keys() == {"A", "B", "difference"}
    assert "panels" not in app.query_params


def test_a_link_marks_the_cell_that_was_kept(open_app, drawn):
    two = compared(PanelChoice(layer=2, head=3), PanelChoice(layer=0, head=1))
    opened(open_app, two, pin="B,3,2")
    assert (drawn["A"]["start"], drawn["B"]["start"]) == (None, [2, 1])
    opened(open_app, two, pin="difference,5")
    assert (drawn["A"]["start"], drawn["difference"]["start"]) == (None, [4, None])
    opened(open_app, two, pin="none")
    assert not any(header["start"] for header in drawn.values())
    first = [drawn["A"]["queries"].index("it"), None]  # the page's own row
    for wrong in ("D,1,1", "B", "B,0", "B,99", "B,1,99", "B,²", "B,1,1,1", ",", "나"):
        opened(open_app, two, pin=wrong)
        assert (drawn["A"]["start"], drawn["B"]["start"]) == (first, None), wrong


def test_another_sentence_lets_go_of_the_cell_that_was_kept(open_app, drawn):
    app = opened(open_app, lang="en", pin="A,2,2")
    assert drawn["A"]["start"] == [1, 1]
    app.text_input(key="look.text").set_value("I am a student.").run()
    assert "pin" not in app.query_params
    assert drawn["A"]["start"] is not None


def test_one_scale_for_all_maps_of_a_long_text(open_app, drawn):
    app = opened(open_app, lang="en", text="the dog and the cat saw it " * 20)
    assert {header["limit"] for header in drawn.values()} == {1}
    assert "The scale is 0 to 100 % in every map." in written(app)
    app.button_group(key="compare.ink").set_value("largest").run()
    assert app.query_params["ink"] in ("largest", ["largest"])
    (limit,) = {header["limit"] for header in drawn.values()}
    largest = max(drawn[name]["values"].max() for name in "AB")
    assert 0 <= limit - largest <= 0.01
    assert f"The scale is 0 to {100 * limit:.0f} % in every map." in written(app)
    assert f"The scale is −{100 * limit:.0f} to +{100 * limit:.0f} percentage" in written(app)


def test_a_link_brings_everything_back(open_app, drawn):
    chosen = compared(
        PanelChoice(text="나는 학교에 갔다.", to="en", kind="cross", layer=1, head=2),
        PanelChoice(text="I am Sam.", to="fr", target="je suis Sam", kind="decoder", head=1),
        PanelChoice(layer=0, head=0),
        pair=(2, 0),
    )
    app = opened(open_app, chosen, lang="ko", text="I am a student.")
    assert on_link(app) == chosen
    assert drawn["A"]["title"] == "A · 교차 · 2층 · 헤드 3"
    assert drawn["B"]["queries"][2:] == ["je", "suis", "Sam"]
    assert drawn["C"]["queries"][-3:] == ["student", ".", "</s>"]
    assert app.selectbox(key="compare.pair.first").value == "C"


# ── the film of a training ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_without_a_film_the_training_cannot_be_chosen(
    open_app, drawn, monkeypatch, school, tmp_path, lang
):
    shutil.copytree(school / "jumok", tmp_path / "jumok")
    (tmp_path / "jumok" / "film.npz").unlink()
    monkeypatch.setattr(cache, "CHECKPOINTS", tmp_path)
    app = opened(open_app, lang=lang)
    assert app.button(key="compare.preset.training").disabled
    assert app.selectbox(key="compare.0.moment").disabled
    assert catalogue(lang)("compare.no_film") in written(app)


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_before_and_after_training(open_app, drawn, monkeypatch, school, lang):
    monkeypatch.setattr(cache, "CHECKPOINTS", school)
    app = opened(open_app, lang=lang)
    app.button(key="compare.preset.training").click().run()
    assert not app.exception
    assert not app.error
    first, after = on_link(app).panels
    assert (first.moment, after.moment) == (0, None)
    assert (first.text, first.head) == (after.text, after.head)
    film = cache.film("jumok")
    before = film.attention(0, 0)[first.layer, first.head]
    np.testing.assert_allclose(drawn["A"]["values"], before, atol=1e-6)
    assert (drawn["A"]["exact"], drawn["B"]["exact"]) == (False, True)
    assert not drawn["difference"]["exact"]
    assert catalogue(lang)("compare.stored") in written(app)
    about = catalogue(lang)("compare.alike.about", number="")
    assert about.strip() in table(app).iloc[0, 2]
    app.selectbox(key="compare.0.moment").set_value(400).run()
    assert on_link(app).panels[0].moment == 400
    np.testing.assert_allclose(drawn["A"]["values"], drawn["B"]["values"], atol=1 / 510 + 1e-6)


def test_a_moment_takes_a_sentence_of_the_film_and_its_encoder(
    open_app, drawn, monkeypatch, school
):
    monkeypatch.setattr(cache, "CHECKPOINTS", school)
    chosen = compared(PanelChoice(), PanelChoice(text="Hello there.", kind="cross", head=1))
    app = opened(open_app, chosen, lang="en")
    app.selectbox(key="compare.1.moment").set_value(0).run()
    assert not app.error
    assert on_link(app).panels[1] == PanelChoice(text=SENTENCES[0], moment=0)
    assert app.selectbox(key="compare.1.kind").disabled
    app.selectbox(key="compare.1.filmed").set_value(SENTENCES[2]).run()
    assert drawn["B"]["caption"] == SENTENCES[2]
    app.selectbox(key="compare.1.moment").set_value(None).run()
    assert not app.error
    assert drawn["B"]["exact"]


def test_a_damaged_film_is_said_and_the_rest_stays(open_app, drawn, monkeypatch, school, tmp_path):
    shutil.copytree(school / "jumok", tmp_path / "jumok")
    (tmp_path / "jumok" / "film.npz").write_bytes(b"half of it")
    monkeypatch.setattr(cache, "CHECKPOINTS", tmp_path)
    app = opened(open_app, compared(PanelChoice(), PanelChoice(moment=0)), lang="en")
    assert len(app.error) == 1
    assert "film" in app.error[0].value
    assert drawn.keys() == {"A"}
