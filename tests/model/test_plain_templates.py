"""What a class types first: the plain templates say it in three languages, and say it well."""

from __future__ import annotations

import random
import re

import pytest

from model.corpus.generator import draw, generate, templates
from model.corpus.lexicon import load_lexicon

PLAIN = {name: template for name, template in templates().items() if name.startswith("plain_")}

SHOWCASES = [
    ("plain_i_am_everyday", "I am a student.", "나는 학생이다.", "Je suis étudiant."),
    ("plain_i_am_name", "I am Sam.", "나는 샘이다.", "Je suis Sam."),
    ("plain_my_name_is", "My name is Mina.", "제 이름은 미나예요.", "Je m'appelle Mina."),
    ("plain_went_to_school", "I went to school.", "나는 학교에 갔다.", "Je suis allé à l'école."),
    (
        "plain_everyday_poured",
        "She poured water from the pitcher into the cup.",
        "그녀는 주전자의 물을 컵에 따랐다.",
        "Elle a versé de l'eau du pichet dans la tasse.",
    ),
    (
        "plain_everyday_many_people",
        "I went to the cafe yesterday; there were many people there.",
        "어제 카페 갔었어 거기 사람 많더라",
        "Je suis allé au café hier ; il y avait beaucoup de monde.",
    ),
]


def test_there_are_enough_templates() -> None:
    assert len(PLAIN) >= 50
    assert not any(template.flip for template in PLAIN.values())


def test_a_list_of_phrases_comes_as_often_as_it_is_long() -> None:
    """So that each phrase is met: beside a sentence with few nouns, a turn for every four."""
    drawn = [
        item.examples[0].template
        for item in generate(20_000, seed=1, pronoun_share=0.0, families=("talk", "ways"))
    ]
    phrases, with_nouns = (drawn.count(name) for name in ("plain_phrases", "plain_did_you_go"))
    listed = len(PLAIN["plain_phrases"].adj["h"][1])
    assert phrases / with_nouns == pytest.approx(listed / 4, rel=0.2)


@pytest.mark.parametrize(("template", "en", "ko", "fr"), SHOWCASES)
def test_showcase_sentences_come_out_of_a_template(
    template: str, en: str, ko: str, fr: str
) -> None:
    rng = random.Random(0)
    for _ in range(20_000):
        item = draw(PLAIN[template], rng)
        assert item is not None
        sentences = item.examples[0].sentences
        if (sentences["en"].text, sentences["ko"].text, sentences["fr"].text) == (en, ko, fr):
            return
    pytest.fail(f"{template} never says {en!r}")


# le and la stand whole before these, and only these, although they begin with a vowel or an h.
WHOLE = tuple(noun.fr for noun in load_lexicon().nouns_with("h_aspire"))
NOT_ELIDED = re.compile(
    r"\b(?:le|la|de|je|ne|que|jusque) ((?!y[aeiou])[aeiouhyâàéèêîôœ][\w-]*)", re.IGNORECASE
)
NOT_CONTRACTED = re.compile(r"\b(?:à|de) les?\b", re.IGNORECASE)
A_OR_AN = re.compile(r"\b(?:a [aeio]|an [^aeiouh])", re.IGNORECASE)


@pytest.mark.parametrize("name", PLAIN)
def test_each_template_writes_clean_sentences(name: str) -> None:
    rng = random.Random(name)
    drawn = [item for item in (draw(PLAIN[name], rng) for _ in range(40)) if item is not None]
    assert len(drawn) >= 10
    for item in drawn:
        assert len(item.examples) == 1
        for lang, sentence in item.examples[0].sentences.items():
            assert sentence.text == " ".join(sentence.text.split()), (lang, sentence)
            assert not re.search(r"[{}|\[\]()·]", sentence.text), (lang, sentence)
            assert sentence.references == ()
        french = item.examples[0].sentences["fr"].text
        assert not NOT_CONTRACTED.search(french), french
        for match in NOT_ELIDED.finditer(french):
            assert match.group(1).startswith((*WHOLE, "huit", "onze")), french
        english = item.examples[0].sentences["en"].text
        assert english[0].isupper()
        assert english[-1] in ".?!"
        assert not A_OR_AN.search(english), english
        korean = item.examples[0].sentences["ko"].text
        assert re.fullmatch(r"[가-힣0-9 ,.?!]+", korean), korean
