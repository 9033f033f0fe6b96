"""The catalogues say the same things, all of them, and nothing typed becomes markup."""

import ast
import re
import string
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import ModelError
from viz.components.head_view import HeadViewText
from viz.i18n import LANGS, browser_language, catalogue, literal

ROOT = Path(__file__).parents[2]
KO, EN = catalogue("ko"), catalogue("en")


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def calls(folder: str):
    for path in [*(ROOT / folder).rglob("*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield node


def raised_codes() -> dict[str, list[set[str]]]:
    """Every ModelError code in model/, with the details given at each place that raises it."""
    codes: dict[str, list[set[str]]] = {}
    for call in calls("model"):
        if isinstance(call.func, ast.Name) and call.func.id == "ModelError":
            code = ast.literal_eval(call.args[0])
            codes.setdefault(code, []).append({keyword.arg for keyword in call.keywords})
    return codes


def test_both_languages_have_the_same_keys():
    assert set(KO.sentences) == set(EN.sentences)


@pytest.mark.parametrize("key", sorted(EN.sentences))
def test_both_languages_fill_in_the_same_names(key):
    assert placeholders(KO.sentences[key]) == placeholders(EN.sentences[key])
    assert KO.sentences[key].strip()
    assert EN.sentences[key].strip()


def test_every_error_of_the_model_is_translated_with_details_that_it_has():
    codes = raised_codes()
    assert {"empty_text", "text_too_long", "checkpoint_damaged"} <= set(codes)
    for code, details in codes.items():
        for say in (KO, EN):
            assert placeholders(say.sentences[f"error.{code}"]) <= set.intersection(*details), code


def test_every_sentence_that_the_code_names_exists():
    named = {
        call.args[0].value
        for call in calls("viz")
        if ast.unparse(call.func) in ("say", "say.markdown")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    assert "text.label" in named
    assert named <= set(EN.sentences)


def test_the_head_view_finds_all_its_words():
    for field in fields(HeadViewText):
        assert f"head_view.{field.name}" in EN.sentences


@pytest.mark.parametrize("say", [KO, EN])
def test_a_hint_calls_a_button_what_stands_on_it(say):
    assert say("panel.closer") in say("history.together.closer")
    assert say("history.calc.start.scores") in say("error.weights_sum")


@given(st.text())
def test_typed_text_keeps_its_characters_and_loses_its_markup(text):
    shown = literal(text)
    assert re.sub(r"\\(.)", r"\1", shown, flags=re.DOTALL) == text
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_`<\[:$#~|!]", shown)


def test_values_are_escaped_and_the_sentence_around_them_is_not():
    shown = EN.markdown("line.gives", query="**it**", key="<b>", percent="81 %")
    assert r"\*\*it\*\*" in shown
    assert ":primary[" in shown


def test_an_error_counts_as_the_rest_of_the_page_does():
    error = ModelError("text_too_long", "too long", pieces=2001, limit=512)
    assert "2,001 tokens" in EN.error(error)
    assert "2,001개" in KO.error(error)


@pytest.mark.parametrize(
    ("share", "written"),
    [(0, "0 %"), (0.004, "<1 %"), (0.814, "81 %"), (0.999, ">99 %"), (1, "100 %")],
)
def test_per_cent_never_rounds_to_nothing_or_to_all(share, written):
    assert EN.percent(share) == written
    assert KO.percent(share) == written.replace(" ", "")


@pytest.mark.parametrize(
    ("locale", "lang"),
    [("ko", "ko"), ("ko-KR", "ko"), ("KO", "ko"), ("en-US", "en"), ("kok", "en"), (None, "en")],
)
def test_the_browser_chooses_the_language(locale, lang):
    assert browser_language(locale) == lang
    assert lang in LANGS
