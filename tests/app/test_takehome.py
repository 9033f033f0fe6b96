"""What can be taken home, as far as it shows without a browser; making the files is elsewhere."""

import csv
import io

import numpy as np
import pytest

from viz import cache, takehome
from viz.export import tables
from viz.i18n import LANGS, catalogue
from viz.state import FAMOUS

PAGES = ("look", "attention", "masks", "positions", "block", "decoding", "heads")
MEASURING = ("compare", "neuron", "hidden", "roles", "whatif")  # with numbers of their own
FORMS = ("csv", "html", "heads", "npz", "json")
IT, ANIMAL = 7, 1


def labels(app) -> list[str]:
    return [button.proto.label for button in app.get("download_button")]


@pytest.mark.parametrize("lang", LANGS)
def test_every_page_of_a_sentence_offers_its_files(open_app, lang):
    say = catalogue(lang)
    app = open_app(text="I am a student.", lang=lang)
    for page in PAGES:
        app.switch_page(f"viz/views/{page}.py").run()
        assert not app.exception, page
        assert labels(app) == [say(f"takehome.{form}") for form in FORMS], page


@pytest.fixture
def numbers(monkeypatch):
    """numbers(): the lines of the last page's own table, as a spreadsheet would read them."""
    offered = []
    made = takehome.files

    def keep(*given):
        offered.append(made(*given))
        return offered[-1]

    def lines() -> list[dict[str, str]]:
        (file,) = [file for file in offered[-1] if file.form == "numbers"]
        return list(csv.DictReader(io.StringIO(file.make().decode("utf-8-sig"), newline="")))

    monkeypatch.setattr(takehome, "files", keep)
    return lines


@pytest.mark.parametrize("lang", LANGS)
def test_a_page_that_measures_offers_its_numbers_too(open_app, lang):
    say = catalogue(lang)
    app = open_app(text="I am a student.", lang=lang)
    for page in MEASURING:
        app.switch_page(f"viz/views/{page}.py").run()
        assert not app.exception, page
        assert labels(app) == [say(f"takehome.{form}") for form in ("numbers", *FORMS)], page
    app.switch_page("viz/views/lab.py").run()
    assert labels(app)[-len(FORMS) :] == [say(f"takehome.{form}") for form in FORMS]


def test_the_numbers_are_the_models_own(open_app, numbers):
    """Of one head and one row, on every page that measures."""
    app = open_app(text=FAMOUS, lang="en", layer="3", head="2", query=str(IT + 1))
    bundle = cache.bundle("jumok")
    trace = cache.trace("jumok", bundle.version, FAMOUS, None, "ko")
    weights, steps = trace.attention("encoder")[2, 1], trace.steps("encoder", 2, 1)

    def column(name: str, **where: int) -> np.ndarray:
        rows = [line for line in numbers() if all(line[k] == str(v) for k, v in where.items())]
        return np.array([line[name] for line in rows], dtype=np.float32)

    app.switch_page("viz/views/hidden.py").run()
    np.testing.assert_array_equal(column("weight"), weights[IT])
    app.switch_page("viz/views/neuron.py").run()
    products = column("product", key_position=ANIMAL + 1)
    np.testing.assert_allclose(products.sum(), steps.scores[IT, ANIMAL], rtol=1e-4)
    app.switch_page("viz/views/whatif.py").run()
    np.testing.assert_array_equal(column("before", query_position=IT + 1), weights[IT])
    np.testing.assert_array_equal(column("after"), weights.ravel())
    app.switch_page("viz/views/roles.py").run()
    measured = cache.head_measures("jumok", bundle.version, FAMOUS, None, "ko", "encoder")
    pronoun = column("pronoun_here", layer=3, head=2)
    np.testing.assert_array_equal(pronoun, measured.scores["pronoun"][2, 1].astype(np.float32))
    assert numbers()[-1]["head"] == "uniform"
    app.switch_page("viz/views/compare.py").run()
    assert {line["map"] for line in numbers()} == {"A", "B"}
    for name in "AB":
        np.testing.assert_allclose(column("weight", map=name).sum(), len(weights), atol=1e-4)


@pytest.mark.parametrize("text", ["a", "", "<b>😀</b> =1+1"])
def test_short_and_strange_texts(open_app, text):
    app = open_app(text=text, lang="ko")
    assert not app.exception
    assert len(labels(app)) == len(FORMS)


def test_what_is_too_long_for_json_says_so(open_app, monkeypatch):
    monkeypatch.setattr(tables, "MOST_IN_JSON", 100)
    say = catalogue("ko")
    app = open_app(text="I am a student.", lang="ko")
    assert say("takehome.json") not in labels(app)
    assert say("takehome.json_too_long") in [caption.value for caption in app.caption]


def test_the_offer_names_the_head_that_it_gives(open_app):
    app = open_app(text="I am a student.", lang="en", kind="cross", layer="2", head="3")
    assert any("Cross · Layer 2 · Head 3" in caption.value for caption in app.caption)
