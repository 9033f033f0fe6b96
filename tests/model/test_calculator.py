"""The calculator against the lecture, against sums done by hand, and against PyTorch."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional as F

from model import ModelError
from model.analysis import calculator
from model.analysis.calculator import EXAMPLES, Given, mask_of, parse, work


def typed(matrix) -> str:
    return "\n".join(" ".join(repr(float(value)) for value in row) for row in matrix)


def qkv(q="1 2\n3 4", k="1 0\n0 1", v="1\n2", **more) -> Given:
    return Given("qkv", {"q": q, "k": k, "v": v}, **more)


def test_the_lectures_numbers():
    found = work(EXAMPLES["lecture"])
    assert found.scores.tolist() == [[112, 96]]
    assert found.root == 8
    assert found.scaled.tolist() == [[14, 12]]
    np.testing.assert_allclose(found.weights.round(2), [[0.88, 0.12]])
    assert found.weights[0, 1] == pytest.approx(1 / (1 + math.exp(2)), abs=1e-15)
    assert found.context is None
    assert found.factors(0, 0) is None


def test_three_tokens_of_four_dimensions_by_hand():
    found = work(EXAMPLES["tokens"])
    assert found.q.tolist() == [[1, 0, 2], [2, 2, 2], [2, 1, 3]]
    assert found.k.tolist() == [[0, 1, 1], [4, 4, 0], [2, 3, 1]]
    assert found.v.tolist() == [[1, 2], [2, 8], [2, 6]]
    assert found.scores.tolist() == [[2, 4, 4], [4, 16, 12], [4, 12, 10]]
    assert found.d_k == 3
    assert found.factors(1, 2) == [(2, 2), (2, 3), (2, 1)]
    e = math.exp(-2 / math.sqrt(3))
    np.testing.assert_allclose(found.weights[0], [e / (e + 2), 1 / (e + 2), 1 / (e + 2)])
    np.testing.assert_allclose(found.context[0], [(e + 4) / (e + 2), (2 * e + 14) / (e + 2)])


def test_identity_weights_leave_x_as_it_is():
    found = work(EXAMPLES["identity"])
    for made in (found.q, found.k, found.v):
        np.testing.assert_array_equal(made, found.given["x"])
    np.testing.assert_array_equal(found.scores, found.scores.T)


def test_values_may_be_wider_or_narrower_and_keys_may_not():
    assert work(EXAMPLES["values"]).context.shape == (2, 1)
    assert work(qkv(v="1 2 3 4 5\n6 7 8 9 10")).context.shape == (2, 5)
    with pytest.raises(ModelError) as error:
        work(qkv(k="1 0 0\n0 1 0"))
    assert (error.value.code, error.value.details) == ("d_q_not_d_k", {"d_q": 2, "d_k": 3})


NUMBERS = st.floats(-40, 40, width=32)


@given(st.data(), st.sampled_from(calculator.MASKS))
def test_any_numbers_equal_pytorchs_attention(data, mask):
    t, s = data.draw(st.integers(1, 6)), data.draw(st.integers(2, 6))
    d_k, d_v = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8))
    q, k, v = (
        data.draw(arrays(np.float64, size, elements=NUMBERS))
        for size in ((t, d_k), (s, d_k), (s, d_v))
    )
    found = work(qkv(typed(q), typed(k), typed(v), mask=mask))
    tensors = [torch.from_numpy(one)[None] for one in (q, k, v)]
    allowed = torch.from_numpy(mask_of(mask, t, s).copy())
    expected = F.scaled_dot_product_attention(*tensors, attn_mask=allowed)[0].numpy()
    np.testing.assert_allclose(found.context, expected, atol=1e-11)
    np.testing.assert_allclose(found.sums, 1)
    assert (found.weights[~found.mask] == 0).all()
    assert np.isneginf(found.masked[~found.mask]).all()
    assert found.difference < 1e-12


def test_masks():
    assert mask_of("none", 2, 3).all()
    assert mask_of("ahead", 2, 3).tolist() == [[True, False, False], [True, True, False]]
    assert mask_of("padding", 2, 3).tolist() == [[True, True, False]] * 2


def test_a_row_with_nothing_to_see_is_zero():
    found = work(qkv(k="1 0", v="7", mask="padding"))
    assert not found.weights.any()
    assert not found.context.any()
    assert (found.total == 0).all()
    assert found.difference == 0


def test_scores_may_have_values():
    found = work(Given("scores", {"scores": "0 0", "v": "1 3\n3 5"}, d_k=7))
    np.testing.assert_allclose(found.context, [[2, 4]])


@pytest.mark.parametrize(
    "text", ["1 2\n3 4", "1,2;3,4", "1\t2\n\n3\t4\n", " 1 , 2 ; 3.0 4e0 ", "１ ２\n３ ４"]
)
def test_ways_to_type_a_matrix(text):
    assert parse("q", text).tolist() == [[1, 2], [3, 4]]


def test_a_minus_from_a_document_is_a_minus():
    assert parse("q", "−1.5 -2").tolist() == [[-1.5, -2]]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (qkv(q=" \n "), "matrix_empty"),
        (qkv(q="1,,2"), "matrix_cell"),
        (qkv(q="1 two"), "matrix_number"),
        (qkv(q="1 nan"), "matrix_number"),
        (qkv(q="1 1e400"), "matrix_number"),
        (qkv(q="1 2\n3"), "matrix_ragged"),
        (qkv(q="1\n" * 7), "matrix_size"),
        (qkv(q="1 " * 9), "matrix_size"),
        (qkv(v="1\n2\n3"), "keys_not_values"),
        (qkv(q="1e308 1e308", k="9 9\n1 1"), "numbers_too_large"),
        (qkv(q="1e308 -1e308", k="9 9\n1 1"), "numbers_too_large"),
        (Given("scores", {"scores": "1 2", "v": ""}, d_k=0), "d_k_wrong"),
        (Given("x", EXAMPLES["tokens"].typed | {"w_k": "1 2 3"}), "matrix_product"),
    ],
)
def test_what_cannot_be_calculated_is_refused_with_the_reason(given, code):
    with pytest.raises(ModelError) as error:
        work(given)
    assert error.value.code == code


def test_the_largest_numbers_that_fit_are_calculated():
    found = work(Given("scores", {"scores": "1e308 -1e308", "v": "1\n2"}, d_k=1))
    assert found.weights.tolist() == [[1, 0]]
    assert np.isfinite(found.context).all()
