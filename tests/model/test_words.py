"""Merging pieces into words: worked out by hand, and as laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model import Bundle, trace
from model.analysis.words import (
    attention_map,
    membership,
    merge_mask,
    merge_words,
    pronoun_span,
    pronoun_word,
    sharpest_head,
    shredded,
    strongest_key,
    telling_row,
)

FAMOUS = "The animal didn't cross the street because it was too tired."


def test_columns_add_up_and_rows_are_averaged():
    weights = np.array([[0.5, 0.25, 0.25], [0.125, 0.375, 0.5]], dtype=np.float32)
    merged = merge_words(weights, [[0, 1]], [[0], [1, 2]])
    np.testing.assert_array_equal(merged, [[0.3125, 0.6875]])


def test_a_word_may_attend_where_any_piece_may():
    mask = np.array([[True, False, False], [True, True, False], [True, True, True]])
    merged = merge_mask(mask, [[0, 1], [2]], [[0], [1, 2]])
    np.testing.assert_array_equal(merged, [[True, True], [True, True]])
    np.testing.assert_array_equal(merge_mask(mask[:1], [[0]], [[0], [1, 2]]), [[True, False]])


@given(weights=arrays(np.float32, (2, 3, 5, 7), elements=st.floats(0.015625, 1, width=32)))
def test_rows_still_sum_to_one_in_every_head(weights):
    weights /= weights.sum(axis=-1, keepdims=True)
    merged = merge_words(weights, [[0], [1, 2, 3], [4]], [[0, 1], [2], [3, 4, 5, 6]])
    assert merged.shape == (2, 3, 3, 3)
    np.testing.assert_allclose(merged.sum(axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("words", [[[0], [1]], [[0, 1], [1, 2]], [[0, 0], [1, 2]]])
def test_words_that_miss_or_repeat_a_piece_are_refused(words):
    with pytest.raises(ValueError, match="exactly once"):
        membership(words, 3)


def test_the_strongest_key_and_a_row_that_looks_nowhere():
    assert strongest_key(np.array([0.25, 0.75, 0.0])) == (1, 0.75)
    assert strongest_key(np.zeros(3)) is None


def test_the_telling_row_leaves_out_looking_at_oneself_and_rows_that_are_no_candidates():
    weights = np.array([[1.0, 0.0, 0.0], [0.4, 0.6, 0.0], [0.0, 0.5, 0.5]])
    assert telling_row(weights, [0, 1, 2], of_itself=True) == 2
    assert telling_row(weights, [0, 1, 2], of_itself=False) == 0
    assert telling_row(weights, [1], of_itself=True) == 1
    assert telling_row(weights, [], of_itself=True) is None


def test_the_sharpest_head_is_the_one_with_the_most_decided_rows():
    attention = np.full((2, 3, 2, 4), 0.25)
    attention[1, 2] = [1, 0, 0, 0]
    attention[0, 1, 0] = [0, 1, 0, 0]
    assert sharpest_head(attention) == (1, 2)


def test_tokens_of_one_word_are_joined_by_a_plus(bundle):
    shown = attention_map(trace(bundle, FAMOUS), "encoder", merged=False)
    words: list[str] = []
    for label in shown.queries[:-1]:
        if label.startswith("+"):
            words[-1] += label[1:]
        else:
            words.append(label)
    assert words == [*FAMOUS[:-1].split(), "."]
    assert shown.queries[-1] == "</s>"
    assert len(shown.queries) - 1 not in shown.ordinary


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
@pytest.mark.parametrize("merged", [False, True])
def test_a_map_has_a_label_for_every_row_and_column(bundle, kind, merged):
    shown = attention_map(trace(bundle, FAMOUS, "그 동물은 피곤하였다."), kind, merged=merged)
    assert shown.attention.shape[-2:] == (len(shown.queries), len(shown.keys)) == shown.mask.shape
    np.testing.assert_allclose(shown.attention.sum(axis=-1), 1, atol=1e-5)
    assert not shown.attention[:, :, ~shown.mask].any()


@pytest.mark.parametrize(
    ("text", "pronoun"),
    [
        (FAMOUS, "it"),
        ("그녀는 주전자의 물을 컵에 따랐다. 그것이 가득 찰 때까지.", "그것"),
        ("He is a student.", None),
        ("I am Sam.", None),
    ],
)
def test_the_pronoun_is_the_last_one_with_something_before_it(bundle, text, pronoun):
    read = trace(bundle, text)
    span, word = pronoun_span(read), pronoun_word(read)
    if pronoun is None:
        assert span is None
        assert word is None
    else:
        assert text[slice(*span)] == pronoun
        assert read.words("source")[word][0].startswith(pronoun)


def test_a_word_in_letters_is_reported(bundle):
    assert shredded(trace(bundle, "The animal zqvxkj.")) == ["zqvxkj"]


def test_a_space_that_is_a_piece_of_its_own_has_a_label(bundle: Bundle) -> None:
    made = trace(bundle, "😀", target_lang="ko")
    assert "▁" in made.source_tokens
    shown = attention_map(made, "encoder", merged=False)
    assert shown.keys[made.source_tokens.index("▁")] == "▁"
    assert all(label.strip("+") for label in shown.keys)
