"""Words of the vocabulary in place of nouns: labels follow, and nothing else changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.analysis.coreference import find_pronouns
from model.config import PRESETS, Lang
from model.corpus.generator import generate, templates, wordings_of
from model.corpus.lexicon import load_lexicon
from model.corpus.morphology import final_sound
from model.corpus.writing import Reference, Sentence, Span
from model.tokenizer import Tokenizer
from model.training.batches import Pair, TrainingSet
from model.training.swapping import Swapper

NOUNS = {
    word
    for noun in load_lexicon().nouns
    for said in wordings_of(noun)
    for word in (said.en, said.en_plural, said.ko)
}


@pytest.fixture(scope="module")
def swapper(learned: Tokenizer) -> Swapper:
    return Swapper(learned)


def sentences(lang: Lang) -> list[Sentence]:
    items = generate(60, seed=8, pronoun_share=1)
    return [example.sentences[lang] for item in items for example in item.examples]


def words(sentence: Sentence) -> Iterator[tuple[str, ...]]:
    """Each reference's pronoun, antecedent and distractors as they stand in the text."""
    for r in sentence.references:
        yield tuple(
            sentence.text[s.start : s.end] for s in (r.pronoun, r.antecedent, *r.distractors)
        )


def nouns(sentence: Sentence) -> dict[Span, str]:
    """What a pronoun may mean, by its place."""
    spans = {s for r in sentence.references for s in (r.antecedent, *r.distractors)}
    return {s: sentence.text[s.start : s.end] for s in spans}


def rest(sentence: Sentence) -> list[str]:
    """What stands between the nouns."""
    spans = {s for r in sentence.references for s in (r.antecedent, *r.distractors)}
    marks = [0, *sorted(place for s in spans for place in (s.start, s.end)), len(sentence.text)]
    return [sentence.text[a:b] for a, b in zip(marks[::2], marks[1::2], strict=True)]


@pytest.mark.parametrize("lang", ["en", "ko"])
@given(seed=st.integers(0, 9999))
def test_labels_follow_and_the_frame_stays(swapper: Swapper, lang: Lang, seed: int) -> None:
    rng = random.Random(seed)
    before = rng.choice(sentences(lang))
    after = swapper.swapped(before, rng)
    assert rest(after) == rest(before)
    put_in = [word for span, word in nouns(after).items() if word not in nouns(before).values()]
    assert len(put_in) == len(set(put_in))  # none stands there twice
    assert not any(word in before.text or find_pronouns(word) for word in put_in)
    assert len(after.cuts) == len(before.cuts)
    for old, new in zip(words(before), words(after), strict=True):
        assert new[0] == old[0]
        for noun, word in zip(old[1:], new[1:], strict=True):
            assert word == noun or word not in NOUNS
            if lang == "ko":  # the particle behind it stays right
                assert bool(final_sound(word)) == bool(final_sound(noun))
            else:
                assert (word[0] in "aeiou") == (noun[0] in "aeiou")


def test_no_pronoun_stands_for_a_noun(swapper: Swapper) -> None:
    words = [word for words in swapper._words.values() for word in words]
    assert len(words) > 100
    assert [word for word in words if find_pronouns(word)] == []


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_two_thirds_of_the_nouns_are_other_words(swapper: Swapper, lang: Lang) -> None:
    rng, changed, all_of_them = random.Random(1), 0, 0
    for before in sentences(lang):
        after = swapper.swapped(before, rng)
        if after == before:  # one of its nouns stands there twice, or is a name
            continue
        old, new = (
            {word for reference in words(sentence) for word in reference[1:]}
            for sentence in (before, after)
        )
        all_of_them += len(old)
        changed += len(old - new)
    assert 0.6 < changed / all_of_them < 0.85  # of those in which something changed at all


def test_a_sentence_that_names_a_noun_twice_stays(swapper: Swapper) -> None:
    text = "The cat saw the dog. It was a cat."
    reference = Reference(Span(21, 23), Span(4, 7), (Span(16, 19),))
    sentence = Sentence(text, (reference,), ())
    for seed in range(20):
        assert swapper.swapped(sentence, random.Random(seed)) == sentence


def test_only_sentences_to_be_named_alone_are_swapped(
    learned: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A translation would have to translate words that mean nothing there."""
    reference = Reference(Span(15, 17), Span(4, 7), ())
    marked = Sentence("The owl slept. It was tired.", (reference,), ())
    monkeypatch.setattr(Swapper, "swapped", lambda *_: marked)
    config = replace(PRESETS["tiny"].train, items=300, swapped_share=1.0)

    def swapped(named_only: float) -> list[Pair]:
        data = TrainingSet(replace(config, named_only_share=named_only), learned)
        pairs = (pair for batch in data.batches(0) for pair in batch)
        return [
            p for p in pairs if learned.decode(p.source.ids).lower().startswith("the owl slept")
        ]

    assert swapped(0.0) == []
    found = swapped(0.5)
    assert len(found) > 50
    assert all(len(pair.target) == 2 for pair in found)


def test_where_a_noun_decides_it_stays(learned: Tokenizer) -> None:
    """*tired* is said of animals: with any word in its place nothing would decide any more."""
    config = replace(PRESETS["tiny"].train, items=200, families=("ways",), pronoun_share=1.0)
    framed = [t.frame for t in templates().values() if t.family == "ways" and t.flip]
    assert not all(framed)
    data = TrainingSet(replace(config, named_only_share=1.0, swapped_share=1.0), learned)
    rng = random.Random(0)
    rows = list(data._rows(0, rng))
    for row in rows:
        decided = templates()[row[0].template].frame
        assert data._is_swapped(row, rng) == decided
