"""How alike two maps are: worked out by hand, as laws, and on what models really did."""

from __future__ import annotations

from collections.abc import Callable
from math import log2
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from model import Bundle, trace
from model.analysis.similarity import (
    Along,
    Compared,
    Unlike,
    compare,
    cosine_rows,
    film_map,
    head_map,
    js_rows,
    least_like,
    linked,
)
from model.analysis.words import attention_map
from model.training.film import Film, FilmMaker

TIRED = "The animal didn't cross the street because it was too tired."
WIDE = TIRED.replace("tired", "wide")
KOREAN = "그 동물은 길을 건너지 않았다. 왜냐하면 그것은 너무 피곤하였기 때문이다."


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def test_jensen_shannon_by_hand():
    a = rows([1, 0, 0], [0.5, 0.5, 0], [0.25, 0.25, 0.5], [1, 0, 0])
    b = rows([0, 1, 0], [1, 0, 0], [0.25, 0.25, 0.5], [0.5, 0, 0.5])
    half = (0.5 * log2(0.5 / 0.75) + 0.5 * log2(0.5 / 0.25)) / 2 + log2(1 / 0.75) / 2
    assert half == pytest.approx(0.311278, abs=1e-6)
    np.testing.assert_allclose(js_rows(a, b), [1, half, 0, half], atol=1e-12)


def test_cosine_by_hand():
    a = rows([1, 0, 0], [0.5, 0.5, 0], [0.6, 0.4, 0])
    b = rows([0, 1, 0], [1, 0, 0], [0.4, 0.6, 0])
    np.testing.assert_allclose(cosine_rows(a, b), [0, 0.5**0.5, 0.48 / 0.52], rtol=1e-7)


def test_a_row_that_looks_at_nothing():
    a = rows([0, 0], [0, 0], [1, 0])
    b = rows([0, 0], [0.5, 0.5], [0, 0])
    np.testing.assert_array_equal(js_rows(a, b), [0, 1, 1])
    np.testing.assert_array_equal(cosine_rows(a, b), [1, 0, 0])


def test_other_sizes_are_refused():
    for measure in (js_rows, cosine_rows):
        with pytest.raises(ValueError, match=r"\(1, 2\) and \(1, 3\)"):
            measure(rows([1, 0]), rows([1, 0, 0]))


weights = arrays(np.float32, (3, 5), elements=some.floats(0, 1, width=32, allow_subnormal=False))


def shares(values: np.ndarray) -> np.ndarray:
    total = values.sum(axis=-1, keepdims=True)
    return values / np.where(total > 0, total, 1)


@given(weights, weights)
def test_laws_of_jensen_shannon(a: np.ndarray, b: np.ndarray):
    a, b = shares(a), shares(b)
    there, back = js_rows(a, b), js_rows(b, a)
    np.testing.assert_array_equal(there, back)
    assert ((there >= 0) & (there <= 1)).all()
    assert (js_rows(a, a) == 0).all()
    apart = np.abs(a.astype(np.float64) - b).max(axis=-1)
    assert (there[apart > 1e-3] > 0).all()
    assert (there[apart < 1e-9] < 1e-9).all()


@given(weights, weights)
def test_laws_of_the_cosine(a: np.ndarray, b: np.ndarray):
    there, back = cosine_rows(a, b), cosine_rows(b, a)
    np.testing.assert_array_equal(there, back)
    assert ((there >= 0) & (there <= 1)).all()
    np.testing.assert_allclose(cosine_rows(a, a), 1, atol=1e-9)


@given(weights)
def test_no_common_key_is_as_far_as_it_gets(a: np.ndarray):
    left, right = a.copy(), a.copy()
    left[:, 2:], right[:, :2] = 0, 0
    seen = left.any(axis=-1) & right.any(axis=-1)
    np.testing.assert_allclose(js_rows(left, right)[seen], 1)
    np.testing.assert_array_equal(cosine_rows(left, right)[seen], 0)


def test_the_head_that_is_furthest_away():
    heads = np.stack([rows([1, 0]), rows([0.9, 0.1]), rows([0.2, 0.8])])
    assert [least_like(heads, one) for one in range(3)] == [2, 2, 0]
    assert least_like(heads[:1], 0) == 0


# ── which row is which ───────────────────────────────────────────────────────────────────────────


def along(*words: str, cut: tuple[int, ...] = (), pronoun: int | None = None) -> Along:
    """A side of these words; those in `cut` are two tokens."""
    named, shown = [], []
    for n, word in enumerate(words):
        pieces = [word[:1], f"+{word[1:]}"] if n in cut else [word]
        at = len(shown)
        named.append((word, list(range(at, at + len(pieces))), (0, 1) if word[0] != "<" else None))
        shown += pieces
    return Along(shown, named, pronoun)


def test_the_same_tokens_have_the_same_index():
    assert linked(along("I", "am", cut=(1,)), along("I", "am", cut=(1,))) is None


def test_twins_are_linked_place_by_place_whatever_their_pieces():
    tired = along("too", "tired", "</s>", cut=(1,))
    wide = along("too", "wide", "</s>")
    assert linked(tired, wide) == [[0], [1], [1], [2]]
    assert linked(wide, tired) == [[0], [1, 2], [3]]


def test_other_sentences_are_linked_by_equal_words_in_order():
    a = along("Sam", "saw", "the", "dog", ".", "</s>")
    b = along("the", "big", "dog", "barked", "loudly", "today", ".", "</s>")
    assert linked(a, b) == [[], [], [0], [2], [6], [7]]
    assert linked(b, a) == [[2], [], [3], [], [], [], [4], [5]]


def test_pronouns_are_linked_across_languages():
    english = along("it", "barked", "loudly", ".", pronoun=0)
    korean = along("큰", "소리로", "그것은", "짖었다", ".", pronoun=2)
    assert linked(english, korean) == [[2], [], [], [4]]
    assert linked(korean, english) == [[], [], [0], [], [3]]


# ── two maps ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def models(make_bundle: Callable[..., Bundle]) -> dict[str, Bundle]:
    return {"small": make_bundle(), "large": make_bundle(seed=1, n_encoder_layers=3, n_heads=5)}


def test_two_heads_are_compared_token_by_token(models):
    made = trace(models["small"], TIRED)
    a, b = head_map(made, "encoder", 0, 1), head_map(made, "encoder", 1, 2)
    found = compare(a, b)
    assert isinstance(found, Compared)
    assert found.unit == "tokens"
    shown = attention_map(made, "encoder", merged=False)
    assert (found.queries, found.keys) == (shown.queries, shown.keys)
    np.testing.assert_array_equal(
        found.difference, made.attention("encoder")[0, 1] - made.attention("encoder")[1, 2]
    )
    assert found.js[found.furthest] == found.js.max()
    assert found.error == found.forced == 0
    assert (compare(a, a).js == 0).all()


def test_two_models_of_other_sizes_are_compared_on_the_same_tokens(models):
    a = head_map(trace(models["small"], TIRED), "encoder", 1, 2)
    b = head_map(trace(models["large"], TIRED), "encoder", 2, 4)
    found = compare(a, b)
    assert isinstance(found, Compared)
    assert (found.js > 0).all()


def test_twins_are_compared_word_by_word_and_named_by_both(models):
    a, b = (head_map(trace(models["small"], text), "encoder", 0, 0) for text in (TIRED, WIDE))
    found = compare(a, b)
    assert isinstance(found, Compared)
    assert found.unit == "words"
    assert "tired / wide" in found.queries
    assert "animal" in found.keys
    for side in (found.a, found.b):
        np.testing.assert_allclose(side.weights.sum(axis=-1), 1, atol=1e-5)


def test_by_words_is_the_map_that_other_pages_show(models):
    made = trace(models["small"], TIRED)
    for kind in ("encoder", "decoder", "cross"):
        shown = attention_map(made, kind, merged=True)
        merged = head_map(made, kind, 1, 0).merged
        np.testing.assert_array_equal(merged.weights, shown.attention[1, 0])
        np.testing.assert_array_equal(merged.mask, shown.mask)
        assert (merged.query.labels, merged.key.labels) == (shown.queries, shown.keys)


def test_what_cannot_be_laid_over_one_another_says_why(models):
    bundle = models["small"]
    english, short = trace(bundle, TIRED), trace(bundle, "I am a student.")
    encoder, cross = (head_map(english, kind, 0, 0) for kind in ("encoder", "cross"))
    counts = len(english.source_words), len(short.source_words)
    assert compare(encoder, head_map(short, "encoder", 0, 0)) == Unlike("query", "length", counts)
    assert compare(encoder.merged, cross) == Unlike(
        "query", "length", (len(english.source_words), len(english.target_words))
    )
    other = trace(bundle, TIRED, target="Je suis.", target_lang="fr")
    apart = compare(head_map(other, "cross", 0, 0), head_map(other, "decoder", 0, 0))
    assert apart == Unlike("key", "length", (len(other.source_words), len(other.target_words)))


@pytest.mark.parametrize(
    ("one", "other", "words"), [(TIRED, KOREAN, 13), ("I am a student.", "You see no dog.", 6)]
)
def test_as_many_words_and_yet_another_sentence(models, one, other, words):
    a, b = (
        head_map(trace(models["small"], text, target_lang="fr"), "encoder", 0, 0)
        for text in (one, other)
    )
    assert compare(a, b) == Unlike("query", "words", (words, words))


def test_the_first_row_of_a_decoder_is_alike_in_every_head(models):
    made = trace(models["small"], TIRED)
    found = compare(head_map(made, "decoder", 0, 0), head_map(made, "decoder", 3, 2))
    assert isinstance(found, Compared)
    assert found.forced == 1
    assert found.js[0] == 0
    assert not found.mask[0, 1:].any()


def test_a_moment_of_a_film_beside_the_model_itself(models, tmp_path: Path):
    bundle = models["small"]
    maker = FilmMaker(bundle.tokenizer, 6, tmp_path, (TIRED, KOREAN))
    maker.shoot(models["large"].model, 0, {})
    path = maker.finish()
    assert path is not None
    film = Film.load(path)
    for sentence, text in enumerate((TIRED, KOREAN)):
        own = head_map(trace(models["large"], text), "encoder", 2, 3)
        shot = film_map(film, 0, sentence, 2, 3)
        assert (shot.query, shot.key) == (own.query, own.key)
        assert shot.query.pronoun is not None
        found = compare(own, shot)
        assert isinstance(found, Compared)
        assert found.unit == "tokens"
        assert np.abs(found.difference).max() <= found.error + 1e-6
        assert found.js.max() < 0.05
        merged = compare(own, shot, merged=True)
        assert np.abs(merged.difference).max() <= merged.error + 1e-6
    with pytest.raises(IndexError):
        film_map(film, 0, 0, 99, 0)
