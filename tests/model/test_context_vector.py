"""The context vector by hand: the lecture's weights, own scores, and what makes no sense."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import ModelError
from model.analysis.context_vector import EXAMPLES, Given, mix, normalised


def test_the_lectures_weights_give_the_context_vector_worked_out_by_hand():
    found = mix(EXAMPLES["lecture"])
    assert found.weights.tolist() == [0.1, 0.055, 0.8, 0.045]
    # 0.1·1 + 0.8·2;  0.055·4 + 0.8·1;  0.1·2 + 0.045·4
    np.testing.assert_allclose(found.context, [1.7, 1.02, 0.38], atol=1e-15)
    np.testing.assert_allclose(found.terms.sum(axis=0), found.context, atol=1e-15)
    assert found.difference < 1e-12


def test_scores_go_through_the_softmax():
    found = mix(Given("scores", f"0 {math.log(3)}", "4 0\n0 8"))
    np.testing.assert_allclose(found.weights, [0.25, 0.75])
    np.testing.assert_allclose(found.context, [1, 6])
    assert found.top == math.log(3)
    assert found.difference < 1e-12


def test_the_scores_of_the_example_end_near_the_lectures_weights():
    found, lecture = mix(EXAMPLES["scores"]), mix(EXAMPLES["lecture"])
    np.testing.assert_allclose(found.weights, lecture.weights, atol=5e-4)


def test_one_word_takes_all_and_even_weights_give_the_mean():
    vectors = mix(EXAMPLES["one"]).vectors
    np.testing.assert_allclose(mix(EXAMPLES["one"]).context, vectors[-1])
    np.testing.assert_allclose(mix(EXAMPLES["even"]).context, vectors.mean(axis=0))


def test_a_column_is_as_good_as_a_row():
    assert mix(Given("weights", "0.5\n0.5", "2\n4")).context.tolist() == [3]


@pytest.mark.parametrize(
    ("numbers", "vectors", "code"),
    [
        ("0.5 0.6", "1\n2", "weights_sum"),
        ("1e308 1e308", "1\n2", "weights_sum"),
        ("1.5 -0.5", "1\n2", "weights_negative"),
        ("0.5 0.5", "1\n2\n3", "weights_not_vectors"),
        ("0.25 0.25\n0.25 0.25", "1\n2\n3\n4", "weights_two_rows"),
        ("", "1\n2", "matrix_empty"),
        ("0.5 half", "1\n2", "matrix_number"),
        ("0.5 0.5", "1 2\n3", "matrix_ragged"),
        ("0.5 0.5", "1 2 3 4 5 6 7 8 9\n1 2 3 4 5 6 7 8 9", "matrix_size"),
    ],
)
def test_what_cannot_be_mixed_is_refused(numbers, vectors, code):
    with pytest.raises(ModelError) as error:
        mix(Given("weights", numbers, vectors))
    assert error.value.code == code


def test_weights_of_another_sum_can_be_divided_by_it():
    mended = normalised(Given("weights", "1 3", "4\n8"))
    assert mended is not None
    assert mix(mended).context.tolist() == [7]
    assert normalised(Given("weights", "0 0", "4\n8")) is None


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12), st.data())
def test_the_context_vector_never_leaves_what_is_mixed(scores, data):
    column = data.draw(st.lists(st.floats(-1e6, 1e6), min_size=len(scores), max_size=len(scores)))
    found = mix(Given("scores", " ".join(map(repr, scores)), "\n".join(map(repr, column))))
    assert found.weights.sum() == pytest.approx(1)
    slack = 1e-6 * max(1, *map(abs, column))
    assert min(column) - slack <= found.context[0] <= max(column) + slack
