"""Scores taken apart: worked out by hand, against the Trace, and in every layer and head."""

from dataclasses import replace

import numpy as np
import pytest

from model import trace
from model.analysis.neuron import by_size, everywhere, limits, neurons

KINDS = ("encoder", "decoder", "cross")


@pytest.fixture(scope="module")
def read(bundle, sentences):
    return trace(bundle, sentences[0], target="그 동물은", target_lang="ko")


def planted(read, q, k):
    """The same Trace with another q and k in the first encoder head."""
    points = dict(read.points)
    for point, rows in (("q", q), ("k", k)):
        name = f"encoder.layers.0.self_attn.{point}"
        points[name] = points[name].copy()
        points[name][0, : len(rows)] = rows
    return replace(read, points=points)


def test_products_sums_and_quotients_by_hand(read):
    n, d_k = read.points["encoder.layers.0.self_attn.q"].shape[1:]
    q, k = np.zeros((n, d_k), np.float32), np.zeros((n, d_k), np.float32)
    q[1, :3] = 1, 2, -3
    k[0, :3], k[1, :3] = (4, 5, 6), (1, 1, 0)
    found = neurons(planted(read, q, k), "encoder", 0, 0, 1)
    np.testing.assert_array_equal(found.products[0, :4], [4, 10, -18, 0])
    np.testing.assert_array_equal(found.scores[:3], [-4, 3, 0])
    np.testing.assert_allclose(found.scaled[:2], np.array([-4, 3]) / np.sqrt(d_k), rtol=1e-6)
    assert found.top == pytest.approx(3 / np.sqrt(d_k))
    exp = np.exp((np.array([-4, 3] + [0] * (n - 2)) - 3) / np.sqrt(d_k))
    np.testing.assert_allclose(found.exp, exp, rtol=1e-5)
    assert found.total == pytest.approx(exp.sum())
    np.testing.assert_allclose(
        found.spread[:2],
        [np.std([4, 1] + [0] * (n - 2)), np.std([10, 2] + [0] * (n - 2))],
        rtol=1e-5,
    )
    assert found.spread[3] == 0
    # The captured weights are another q's and k's: the difference must not hide that.
    assert found.largest_difference > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_is_the_traces_own(read, kind):
    for layer in range(read.n_layers[kind]):
        steps = read.steps(kind, layer, 2)
        for query in range(len(steps.q)):
            found = neurons(read, kind, layer, 2, query)
            for name in ("scores", "scaled", "masked", "mask", "weights"):
                np.testing.assert_array_equal(getattr(found, name), getattr(steps, name)[query])
            np.testing.assert_array_equal(found.k, steps.k)
            np.testing.assert_allclose(found.products.sum(1), found.scores, atol=1e-4)
            np.testing.assert_allclose(found.exp / found.total, found.weights, atol=1e-6)
            assert found.largest_difference < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_one_pair_everywhere_is_that_pair_in_each_head(read, kind):
    query, key = 2, 1
    pair = everywhere(read, kind, query, key)
    assert pair.largest_difference < 1e-5
    for layer, head in np.ndindex(pair.scores.shape):
        found = neurons(read, kind, layer, head, query)
        np.testing.assert_array_equal(pair.products[layer, head], found.products[key])
        assert pair.scores[layer, head] == pytest.approx(found.scores[key], abs=1e-4)
        assert pair.scaled[layer, head] == pytest.approx(found.scaled[key], abs=1e-4)
        assert pair.weights[layer, head] == found.weights[key]


def test_a_masked_key_weighs_nothing_and_keeps_its_score(read):
    found = neurons(read, "decoder", 0, 0, 0)
    assert not found.mask[1:].any()
    assert np.isneginf(found.masked[1:]).all()
    assert not found.weights[1:].any()
    assert np.isfinite(found.scores).all()
    assert not found.spread.any()  # one key alone differs from no other


@pytest.mark.parametrize("kind", KINDS)
def test_limits_are_the_largest_numbers_anywhere(read, kind):
    found = limits(read, kind)
    vectors, products = 0.0, 0.0
    for layer in range(read.n_layers[kind]):
        for head in range(3):
            steps = read.steps(kind, layer, head)
            vectors = max(vectors, np.abs(steps.q).max(), np.abs(steps.k).max())
            products = max(products, np.abs(steps.q[:, None] * steps.k).max())
    assert (found.vectors, found.products) == pytest.approx((vectors, products))


def test_dimensions_by_size():
    assert by_size(np.array([1, -3, 0, 3], np.float32)).tolist() == [1, 3, 0, 2]


def test_a_head_that_does_not_exist_is_an_index_error(read):
    with pytest.raises(IndexError):
        neurons(read, "encoder", 0, 99, 0)
