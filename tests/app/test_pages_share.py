"""What was chosen on one page is there on the next: sentence, language, model, head."""

import pytest

from viz.i18n import LANGS, catalogue

POSITIONS, LOOK = "viz/views/positions.py", "viz/views/look.py"


@pytest.mark.parametrize("lang", LANGS)
def test_the_sentence_and_the_language_travel(open_app, lang):
    app = open_app(text="I am a student.", lang=lang, layer="2", head="3")
    app.query_params.clear()  # as the browser does when it opens another page
    app.switch_page(POSITIONS).run()
    assert not app.exception
    assert app.text_input(key="look.text").value == "I am a student."
    assert app.text_input(key="look.text").label == catalogue(lang)("text.label")
    link = {name: app.query_params[name] for name in ("text", "layer", "head", "lang")}
    assert link == {"text": "I am a student.", "layer": "2", "head": "3", "lang": lang}

    app.text_input(key="look.text").set_value("I am Sam.").run()
    app.query_params.clear()
    app.switch_page(LOOK).run()
    assert app.text_input(key="look.text").value == "I am Sam."
    assert app.text_input(key="look.text").label == catalogue(lang)("text.label")


def test_a_link_to_a_page_wins_over_what_was_chosen_elsewhere(open_app):
    app = open_app(text="I am a student.")
    app.query_params.clear()
    app.query_params["text"] = "I am Sam."
    app.switch_page(POSITIONS).run()
    assert app.text_input(key="look.text").value == "I am Sam."


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("page", ["attention", "masks"])
def test_one_click_leads_to_breaking_what_is_on_screen(open_app, lang, page):
    app = open_app(text="I am a student.", lang=lang)
    app.switch_page(f"viz/views/{page}.py").run()
    assert not app.exception
    (link,) = [element for element in app.main if element.type == "page_link"]
    assert link.proto.label == catalogue(lang)("parts.break_it")
    assert link.proto.page == "whatif"
