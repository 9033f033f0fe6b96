"""Why √d_k: by hand on two dimensions, against PyTorch, and the head's own weights."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from model import trace
from model.analysis import scale
from model.analysis.softmax import softmax


def by_hand() -> scale.Growth:
    """One query (1, 1), two keys (1, 1) and (−1, 1): scores 1 and −1 at m = 1, 2 and 0 at m = 2."""
    return scale.growth(np.array([[[1.0, 1.0], [-1.0, 1.0]]]), [1, 2], np.array([1.0, 1.0]))


def entropy(share: float) -> float:
    return -share * math.log2(share) - (1 - share) * math.log2(1 - share)


def test_two_keys_by_hand():
    found = by_hand()
    assert found.plain.variance == pytest.approx([1, 1])
    assert found.scaled.variance == pytest.approx([1, 0.5])
    plain, scaled = 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-math.sqrt(2)))
    assert found.plain.entropy == pytest.approx([entropy(plain)] * 2)
    assert found.scaled.entropy == pytest.approx([entropy(plain), entropy(scaled)])
    assert found.scaled.gradient[1] == pytest.approx(2 * scaled * (1 - scaled))
    assert (found.sizes, found.n_keys) == ((1, 2), 2)


@given(some.lists(some.floats(-30, 30), min_size=2, max_size=8))
def test_gradient_is_the_trace_of_the_softmaxs_jacobian(scores):
    row = torch.tensor(scores, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda s: s.softmax(-1), row)
    found = scale.growth(row.numpy()[None, :, None], [1], np.ones(1))
    assert found.plain.gradient[0] == pytest.approx(float(jacobian.trace()), abs=1e-12)
    np.testing.assert_allclose(softmax(row.numpy()[None])[0], row.softmax(-1), atol=1e-12)


def test_keys_that_are_alike_leave_the_most_entropy_and_gradient():
    found = scale.growth(np.zeros((3, 8, 2)), [2], np.zeros(1))
    assert found.plain.entropy == pytest.approx([3])
    assert found.plain.gradient == pytest.approx([1 - 1 / 8])


def test_a_score_far_above_all_others_leaves_nothing():
    found = scale.growth(np.array([[[1000.0], [0.0], [0.0]]]), [1], np.ones(1))
    assert found.plain.entropy == pytest.approx([0])
    assert found.plain.gradient == pytest.approx([0])


def test_random_vectors_have_the_variance_of_theory_and_the_division_takes_it_back():
    """Var(q·k) = d_k; the estimate of 128 · 16 products is off by some per cent."""
    found = scale.random_growth([1, 16, 256], 16, seed=7)
    np.testing.assert_array_equal(found.expected, [1, 16, 256])
    np.testing.assert_allclose(found.plain.variance, found.expected, rtol=0.3)
    np.testing.assert_allclose(found.scaled.variance, 1, rtol=0.3)
    assert np.all(np.diff(found.plain.entropy) < 0)
    assert np.ptp(found.scaled.entropy) < 0.4


def test_a_seed_draws_the_same_again_and_another_seed_does_not():
    one, again, other = (scale.random_growth([4], 5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.plain.variance, again.plain.variance)
    assert one.plain.variance != other.plain.variance


def test_a_heads_full_width_is_what_the_head_computes(bundle):
    steps = trace(bundle, "I am a student.").steps("encoder", 1, 2)
    found = scale.head_growth(steps)
    d_k = steps.q.shape[1]
    assert found.sizes == tuple(range(1, d_k + 1))
    assert found.n_keys == len(steps.k)
    assert found.plain.variance[-1] == pytest.approx(steps.scores.var(), rel=1e-4)
    assert found.scaled.variance[-1] == pytest.approx(steps.scaled.var(), rel=1e-4)
    trace_ = 1 - (steps.weights**2).sum(axis=1).mean()
    assert found.scaled.gradient[-1] == pytest.approx(trace_, abs=1e-5)


def test_expected_is_each_dimensions_own_variance_added_up(bundle):
    steps = trace(bundle, "I am a student.").steps("encoder", 0, 0)
    found = scale.head_growth(steps)
    first = np.outer(steps.q[:, 0], steps.k[:, 0])
    second = np.outer(steps.q[:, 1], steps.k[:, 1])
    assert found.expected[:2] == pytest.approx([first.var(), first.var() + second.var()], rel=1e-4)
    assert found.plain.variance[0] == pytest.approx(first.var(), rel=1e-4)
    assert found.plain.variance[1] == pytest.approx((first + second).var(), rel=1e-4)
