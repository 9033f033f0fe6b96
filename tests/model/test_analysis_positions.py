"""Positional encoding: hand values, the model's own numbers, and what a shuffled sentence loses."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model import trace
from model.analysis import positions
from model.positions import sinusoid

SENTENCE = "The animal didn't cross the street because it was too tired."

# The lecture's example: d_model = 4, "I am a student" at positions 0 … 3.
BY_HAND = [
    [0.0, 1.0, 0.0, 1.0],
    [0.841471, 0.540302, 0.010000, 0.999950],
    [0.909297, -0.416147, 0.019999, 0.999800],
    [0.141120, -0.989992, 0.029996, 0.999550],
]


def test_four_dimensions_by_hand():
    np.testing.assert_allclose(positions.by_hand(4, 4, 10_000), BY_HAND, atol=1e-6)


def test_every_number_on_the_way():
    fast, slow = positions.turns(3, d_model=4, base=10_000)
    assert (fast.divisor, fast.angle) == (1, 3)
    assert (slow.divisor, slow.angle) == (100, 0.03)
    assert (slow.sine, slow.cosine) == (math.sin(0.03), math.cos(0.03))


@given(st.integers(1, 60), st.integers(1, 20), st.floats(2, 1e6))
def test_the_hand_and_the_model_agree(length, pairs, base):
    ours = positions.by_hand(length, 2 * pairs, base)
    np.testing.assert_allclose(ours, sinusoid(length, 2 * pairs, base).numpy(), atol=1e-6)


def test_the_two_tables_are_compared():
    assert positions.table_difference(50, 128, 10_000) < 1e-7


def test_the_table_by_hand_is_what_the_encoder_was_given(bundle):
    read = trace(bundle, SENTENCE)
    assert positions.captured_difference(read) < 1e-7
    read.points["encoder.input.position"][3, 4] += 0.25
    assert positions.captured_difference(read) == pytest.approx(0.25, abs=1e-6)


def test_wavelengths_grow_from_two_pi():
    lengths = positions.wavelengths(4, 10_000)
    np.testing.assert_allclose(lengths, [2 * math.pi, 200 * math.pi])


@given(st.integers(2, 40), st.integers(1, 20), st.floats(2, 1e5))
def test_a_dot_product_knows_the_distance_only(length, pairs, base):
    pe = positions.table(length, 2 * pairs, base)
    for found in positions.distances(pe, base):
        assert found.lowest <= found.highest
        assert found.largest_difference < 1e-4
    gram = positions.products(pe)
    np.testing.assert_allclose(gram, gram.T)
    np.testing.assert_allclose(gram.diagonal(), pairs, atol=1e-5)  # sin² + cos² = 1 a pair


def test_word_and_position_make_the_input(bundle):
    read = trace(bundle, SENTENCE)
    for place in range(len(read.source_tokens)):
        parts = positions.input_parts(bundle, read, place)
        piece = bundle.tokenizer.source(SENTENCE).ids[place]
        expected = bundle.model.embedding.weight[piece] * math.sqrt(bundle.config.d_model)
        np.testing.assert_allclose(parts.word, expected.detach(), atol=1e-6)
        np.testing.assert_array_equal(parts.x, parts.word + parts.position)
        np.testing.assert_allclose(parts.x, read.points["encoder.input.sum"][place], atol=1e-6)
        assert 0 <= parts.largest_difference < 1e-6
    with pytest.raises(IndexError):
        positions.input_parts(bundle, read, len(read.source_tokens))


def test_the_difference_would_tell(bundle):
    read = trace(bundle, SENTENCE)
    read.points["encoder.input.sum"][2, 3] += 0.5
    assert positions.input_parts(bundle, read, 2).largest_difference == pytest.approx(0.5, abs=1e-5)


def test_one_word_two_places(bundle):
    piece = bundle.tokenizer.source(SENTENCE).ids[1]
    both = positions.two_places(bundle, piece, 2, 9)
    np.testing.assert_array_equal(both.first.word, both.second.word)
    assert both.largest_difference < 1e-6
    a, b = torch.tensor(both.first.x), torch.tensor(both.second.x)
    expected = torch.cosine_similarity(a, b, dim=0).item()
    assert both.inputs_cosine == pytest.approx(expected, abs=1e-5)
    assert both.inputs_cosine < 1
    here = positions.two_places(bundle, piece, 2, 2)
    assert here.inputs_cosine == pytest.approx(1)
    assert here.positions_cosine == pytest.approx(1)


def test_a_cosine_with_nothing_is_zero():
    assert positions.cosine(np.zeros(3), np.ones(3)) == 0
    assert positions.cosine(np.array([1.0, 0]), np.array([1.0, 1])) == pytest.approx(0.5**0.5)


# ── orders ───────────────────────────────────────────────────────────────────────────────────────


def test_orders():
    assert positions.reverse(3) == [2, 1, 0]
    assert positions.swap(4, 0, 2) == [2, 1, 0, 3]
    assert positions.shuffle(1, seed=3) == [0]


@given(st.integers(2, 30), st.integers(0, 10_000))
def test_a_shuffle_is_another_order_and_the_same_again(n, seed):
    order = positions.shuffle(n, seed)
    assert sorted(order) == list(range(n)) != order
    assert order == positions.shuffle(n, seed)


def test_words_move_whole_and_the_end_stays():
    words = [("un", [0, 1]), ("b", [2]), ("c", [3]), ("</s>", [4])]
    assert positions.piece_order(words, [0, 1, 2], [2, 1, 0]) == [3, 2, 0, 1, 4]
    assert positions.piece_order(words, [0, 2], [1, 0]) == [3, 2, 0, 1, 4]
    assert positions.piece_order(words, [], []) == [0, 1, 2, 3, 4]


@given(st.data())
def test_putting_back_undoes_any_order(data):
    n = data.draw(st.integers(1, 12))
    order = data.draw(st.permutations(range(n)))
    maps = np.arange(2 * n * n).reshape(2, n, n)
    read = maps[:, order][:, :, order]
    np.testing.assert_array_equal(positions.put_back(read, order), maps)


# ── the shuffled sentence ────────────────────────────────────────────────────────────────────────


@given(data=st.data())
def test_without_positions_the_maps_only_permute(bundle, data):
    n = len(bundle.tokenizer.source(SENTENCE).ids)
    order = data.draw(st.permutations(range(n)))
    without = positions.shuffled_maps(bundle, SENTENCE, order, positions=False)
    assert without.largest_move < 1e-5
    np.testing.assert_array_equal(without.shuffled, positions.put_back(without.shuffled, range(n)))


def test_with_positions_the_maps_change(bundle):
    n = len(bundle.tokenizer.source(SENTENCE).ids)
    with_positions = positions.shuffled_maps(bundle, SENTENCE, positions.reverse(n), positions=True)
    assert with_positions.largest_move > 0.01
    assert with_positions.differs_from(trace(bundle, SENTENCE)) < 1e-6
    without = positions.encoder_maps(bundle, SENTENCE, range(n), positions=False)
    assert np.abs(without - with_positions.original).max() > 0.01
