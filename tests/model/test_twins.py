"""Twins: what differs, which word flips, what is guessed; on paper and on the planted model."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import Bundle, ModelError, name_pronoun, trace
from model.analysis import twins
from model.analysis.twins import (
    Difference,
    Marked,
    Reading,
    differences,
    exchanged,
    flipping_words,
    guess,
    known_nouns,
    preference,
    read,
    rows,
)
from tests import planted

TIRED = "The cat did not cross the street because it was too tired."
WIDE = "The cat did not cross the street because it was too wide."


def marked(text: str, pronoun: str, *candidates: str) -> Marked:
    """The first place at which each of the words stands."""

    def span(word: str) -> tuple[int, int]:
        found = re.search(rf"\b{word}", text)
        assert found
        return found.span()

    return Marked(text, span(pronoun), tuple(map(span, candidates)))


# ── differences ──────────────────────────────────────────────────────────────────────────────────


def test_differences_by_hand() -> None:
    assert differences(TIRED, WIDE) == [Difference((52, 57), (52, 56), ("tired", "wide"))]
    assert [d.words for d in differences("it was too hot", "it is so hot")] == [
        ("was", "is"),
        ("too", "so"),
    ]
    (very,) = differences("it was hot", "it was very hot")
    assert very == Difference((6, 6), (6, 11), ("", "very"))
    assert differences("so it was", "it was") == [Difference((0, 3), (0, 0), ("so", ""))]
    assert [d.words for d in differences("it was hungry.", "it could not eat.")] == [
        ("was hungry", "could not eat")
    ]
    assert differences(TIRED, TIRED) == []


WORDS = st.lists(st.sampled_from(["it", "was", "the", "cat", "so", ",", "."]), max_size=8)


@given(WORDS, WORDS)
def test_all_differences_together_are_the_twin(a: list[str], b: list[str]) -> None:
    one, other = " ".join(a), " ".join(b)
    text, shift = one, 0
    for found in differences(one, other):
        start, end = (at + shift for at in found.a)
        new = other[slice(*found.b)]
        text = text[:start] + new + text[end:]
        shift += len(new) - (end - start)
    assert text.split() == b


# ── readings ─────────────────────────────────────────────────────────────────────────────────────


def test_preference_by_hand() -> None:
    assert preference(0.3, 0.1) == pytest.approx(0.5)
    assert preference(np.array([0, 0, 1]), np.array([1, 0, 0])).tolist() == [-1, 0, 1]


def test_a_reading_is_what_trace_and_naming_say(bundle: Bundle) -> None:
    text = "The animal didn't cross the street because it was too tired."
    found = read(bundle, marked(text, "it", "animal", "street"))
    made = trace(bundle, text, target="x")
    words = dict(made.words("source"))
    attention = made.attention("encoder")[:, :, words["it"][0]]
    for n, word in enumerate(("animal", "street")):
        np.testing.assert_allclose(
            found.heads[..., n], attention[..., words[word]].sum(-1), atol=1e-6
        )
    named = {word: share for word, _, _, share in name_pronoun(bundle, text, (43, 45))}
    # Watched attention goes step by step, unwatched attention through the fused path.
    assert found.naming.tolist() == pytest.approx([named["animal"], named["street"]], abs=1e-6)
    whole = rows(bundle, found.marked)
    assert whole.shape == (2, 3, len(words))
    np.testing.assert_allclose(whole.sum(axis=-1), 1, atol=1e-5)


def test_a_candidate_without_a_word_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ModelError) as caught:
        read(bundle, Marked("The animal saw it.", (15, 17), ((4, 10), (40, 44))))
    assert caught.value.code == "no_such_word"


# ── the word that flips ──────────────────────────────────────────────────────────────────────────


def test_the_planted_model_is_flipped_by_the_word_it_reads() -> None:
    bundle = planted.bundle()
    other = "The cat did not stopped the street because it was too wide."
    found = flipping_words(
        bundle, marked(TIRED, "it", "cat", "street"), marked(other, "it", "cat", "street")
    )
    assert (found.a.winner, found.b.winner) == (0, 1)
    assert [swap.differences[0].words for swap in found.swaps] == [
        ("cross", "stopped"),
        ("tired", "wide"),
    ]
    assert [swap.flips for swap in found.swaps] == [False, True]
    assert found.deciding == found.swaps[1]
    assert found.deciding.text == WIDE
    assert found.deciding.moved == pytest.approx(2, abs=0.02)
    assert abs(found.swaps[0].moved) < 0.02
    head = (*(preference(*one.heads[planted.RESOLVES]) for one in (found.a, found.b)),)
    assert head == (pytest.approx(1, abs=0.02), pytest.approx(-1, abs=0.02))


def test_marked_words_move_with_the_text_and_are_replaced_by_the_twins() -> None:
    bundle = planted.bundle()
    a, b = marked(TIRED, "it", "cat", "street"), marked(WIDE, "it", "cat", "street")
    b_horse = marked(WIDE.replace("cat", "horse"), "it", "horse", "street")
    found = flipping_words(bundle, a, b_horse)
    horse = found.swaps[0]
    assert horse.text == TIRED.replace("cat", "horse")
    assert horse.reading is not None
    assert horse.reading.marked == marked(horse.text, "it", "horse", "street")
    assert found.deciding is not None
    assert found.deciding.differences[0].words == ("tired", "wide")

    # The twin has the candidate elsewhere: what replaces the word is no candidate.
    elsewhere = replace(b_horse, candidates=((26, 27), b_horse.candidates[1]))
    lost = flipping_words(bundle, a, elsewhere).swaps[0]
    assert lost.reading is None
    assert (lost.flips, lost.moved) == (False, 0.0)
    assert flipping_words(bundle, b, a).a.winner == 1


def test_twins_of_which_naming_takes_both_for_the_same_are_not_flipped() -> None:
    bundle = planted.bundle()
    a = marked(TIRED, "it", "cat", "street")
    b = marked(TIRED.replace("tired", "scared"), "it", "cat", "street")
    found = flipping_words(bundle, a, b)
    assert found.deciding is None
    assert not found.swaps[0].flips


def test_where_no_word_does_it_alone_neighbours_are_tried(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that changes its mind at *very wide* only."""

    def fake(bundle: Bundle, asked: Marked) -> Reading:
        shares = [0.2, 0.8] if "very wide" in asked.text else [0.9, 0.1]
        return Reading(asked, [], np.array(shares), np.zeros((1, 1, 2)))

    monkeypatch.setattr(twins, "read", fake)
    a = marked(TIRED, "it", "cat", "street")
    b = marked(WIDE.replace("was too", "is very"), "it", "cat", "street")
    found = flipping_words(bundle, a, b)
    assert [swap.flips for swap in found.swaps] == [False] * 3
    assert found.deciding is not None
    assert [d.words for d in found.deciding.differences] == [("too", "very"), ("tired", "wide")]
    assert found.deciding.moved == pytest.approx(0.8 + 0.6)


def test_twins_that_are_none(bundle: Bundle) -> None:
    a = marked(TIRED, "it", "cat", "street")
    with pytest.raises(ModelError) as caught:
        flipping_words(bundle, a, a)
    assert caught.value.code == "twins_equal"
    far = marked("a b " * 30 + "it cat street", "it", "cat", "street")
    near = marked("a c " * 30 + "it cat street", "it", "cat", "street")
    with pytest.raises(ModelError) as caught:
        flipping_words(bundle, far, near)
    assert caught.value.code == "twins_too_different"
    assert caught.value.details == {"differences": 30, "limit": 24}
    with pytest.raises(ValueError, match="2 candidates, but 1"):
        flipping_words(bundle, a, replace(a, text=WIDE, candidates=a.candidates[:1]))


@pytest.mark.parametrize(
    ("before", "candidate", "word", "after"),
    [
        ("A cat saw a dog; it ran.", 0, "blicket", "A blicket saw a dog; it ran."),
        ("A cat saw a dog; it ran.", 1, "b", "A cat saw a b; it ran."),
        ("고양이는 개를 봤다. 그것은 컸다.", 0, "두룩", "두룩은 개를 봤다. 그것은 컸다."),
        ("고양이는 개로 알았다. 그것은 컸다.", 1, "숲", "고양이는 숲으로 알았다. 그것은 컸다."),
        ("고양이라서 개를 봤다. 그것은 컸다.", 0, "소", "소라서 개를 봤다. 그것은 컸다."),
    ],
)
def test_another_word_takes_a_candidates_place(
    before: str, candidate: int, word: str, after: str
) -> None:
    pronoun, *nouns = ["it", "cat", "dog"] if before.isascii() else ["그것", "고양이", "개"]
    found = exchanged(marked(before, pronoun, *nouns), candidate, word)
    assert found.text == after
    nouns[candidate] = word
    assert [after[slice(*span)] for span in (found.pronoun, *found.candidates)] == [pronoun, *nouns]


def test_a_third_word_that_leads_is_an_outsider() -> None:
    one = marked("A cat saw it.", "it", "cat", "saw")
    heads = np.zeros((1, 1, 2))
    named = [("A", 0, 1, 0.5), ("cat", 2, 5, 0.3), ("saw", 6, 9, 0.1), ("it.", 10, 13, 0.1)]
    found = Reading(one, named, np.array([0.3, 0.1]), heads)
    assert found.likeliest == found.outsider == ("A", 0, 1, 0.5)
    led = Reading(one, [("A cat", 0, 5, 0.6), *named[2:]], np.array([0.6, 0.1]), heads)
    assert led.likeliest[0] == "A cat"
    assert led.outsider is None


# ── guesses ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "nouns"),
    [
        (TIRED, ["cat", "street"]),
        ("Cats followed the police cars.", ["Cats", "police cars"]),
        ("그녀는 주전자의 물을 컵에 따랐다.", ["주전자", "물", "컵"]),
        ("길은 넓고 동물들이 많다.", ["길", "동물"]),
        ("L'animal n'a pas traversé la rue.", ["animal", "rue"]),
        ("zorbs, blickets!", []),
        ("", []),
    ],
)
def test_nouns_of_the_lexicon(text: str, nouns: list[str]) -> None:
    assert [text[slice(*span)] for span in known_nouns(text)] == nouns


def test_a_guess_is_the_last_pronoun_and_two_nouns() -> None:
    found = guess(planted.bundle(), TIRED)
    assert found.pronouns == [(41, 43)]
    assert found.marked == marked(TIRED, "it", "cat", "street")
    assert found.known
    assert found.nouns == [(4, 7), (26, 32)]  # the cat first: naming says so
    assert guess(planted.bundle(), WIDE).nouns == [(26, 32), (4, 7)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The blicket didn't fit in the wug because it was big.", ["blicket", "wug"]),
        ("두루빗은 모룩에 안 들어갔다. 그것은 너무 컸다.", ["두루빗", "모룩"]),
        ("The animal saw a wug near home, and it ran.", ["animal", "wug"]),
    ],
)
def test_words_nobody_knows_are_guessed_where_nouns_stand(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, text: str, words: list[str]
) -> None:
    monkeypatch.setattr(twins, "known_nouns", lambda text: _known(text, "animal"))
    found = guess(bundle, text)
    assert found.marked is not None
    assert [text[slice(*span)] for span in found.marked.candidates] == words
    assert not found.known


def _known(text: str, noun: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(noun, text)]


def test_words_nobody_knows_are_guessed_by_naming(bundle: Bundle) -> None:
    text = "Zorb kicked blicket because it was wugly."  # no article tells where nouns stand
    at = text.index("it"), text.index("it") + 2
    found = guess(bundle, text)
    assert found.marked is not None
    assert not found.known
    named = {(start, end): share for _, start, end, share in name_pronoun(bundle, text, at)}
    best = sorted((span for span in named if span not in (at, (40, 41))), key=named.get)[::-1]  # type: ignore[arg-type]
    assert set(found.marked.candidates) <= set(best[:4])  # words that stand twice count once
    assert found.marked.candidates[0] < found.marked.candidates[1]


@pytest.mark.parametrize("text", ["The cat saw the dog.", "It ran.", "그것은 크다.", "so it"])
def test_nothing_to_mark(bundle: Bundle, text: str) -> None:
    assert guess(bundle, text).marked is None


PARTS = st.sampled_from(["it ", "cat ", "그것은 ", "길을 ", "😀", ".", "물", "zz "])


@given(st.lists(PARTS, min_size=1, max_size=12).map("".join))
def test_any_text_can_be_guessed_at(bundle: Bundle, text: str) -> None:
    found = guess(bundle, text)
    if found.marked:
        spans = sorted([found.marked.pronoun, *found.marked.candidates])
        assert len(spans) == 3
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        read(bundle, found.marked)
