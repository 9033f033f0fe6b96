"""Costs of layers: the counts by hand, the bytes exactly, the meeting of two curves."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from model.analysis import cost
from model.analysis.cost import LAYERS

N, D = 11, 7
SIZES = some.integers(1, 5000)


def test_operations_are_those_of_table_1():
    assert cost.operations("recurrent", 10, 3) == 90
    assert cost.operations("convolution", 10, 3) == 270
    assert cost.operations("attention", 10, 3) == 300


@given(size=SIZES)
def test_recurrent_and_attention_need_the_same_at_n_equal_d(size):
    assert cost.operations("recurrent", size, size) == cost.operations("attention", size, size)


@given(n=SIZES, d=SIZES)
def test_attention_needs_less_exactly_where_n_is_smaller_than_d(n, d):
    attention, recurrent = (cost.operations(layer, n, d) for layer in ("attention", "recurrent"))
    assert (attention < recurrent) == (n < d)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_gives_as_many_vectors_as_it_takes(layer):
    assert cost._built(layer, D)(torch.zeros(1, N, D)).shape == (1, N, D)


def test_kept_bytes_are_counted_once_a_memory_and_without_parameters():
    """Attention keeps x, q, k and v, the scaled q, the weights and the context; fused, no weights
    but one number a row. A convolution keeps its input."""
    x = torch.zeros(1, N, D)
    kept = {layer: cost.kept_for_backward(cost._built(layer, D), x) / 4 for layer in LAYERS}
    assert kept["convolution"] == N * D
    assert kept["attention"] == 6 * N * D + N * N
    assert kept["fused"] < kept["attention"]
    weight = torch.nn.Parameter(torch.ones(D))
    assert cost.kept_for_backward(lambda x: (x * weight) * x, x) == 2 * 4 * N * D


def test_kept_bytes_grow_with_n_squared_only_where_weights_are_written_down():
    ratio = {}
    for layer in LAYERS:
        one, two = (
            cost.kept_for_backward(cost._built(layer, 8), torch.zeros(1, n, 8)) for n in (128, 256)
        )
        ratio[layer] = two / one
    assert ratio["attention"] > 3
    assert all(1.9 < ratio[layer] < 2.1 for layer in LAYERS if layer != "attention")


@pytest.mark.parametrize("training", [False, True])
def test_a_sweep_measures_every_layer_at_every_size(training):
    told = []
    found = cost.sweep([(5, D), (N, D)], training, lambda *step: told.append(step))
    assert [(one.layer, one.n, one.d) for one in found] == [
        (layer, n, D) for n in (5, N) for layer in LAYERS
    ]
    assert told == [(done, 8) for done in range(8)]
    for one in found:
        assert 0 < one.fastest <= one.seconds <= one.slowest
        assert cost.FEWEST <= one.repeats <= cost.MOST


def test_a_sweep_ends_where_progress_raises_and_leaves_the_threads_as_they_were():
    before = torch.get_num_threads()

    def left(done: int, of: int) -> None:
        if done == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        cost.sweep([(5, D)], False, left)
    assert torch.get_num_threads() == before


def test_two_straight_curves_meet_where_their_equations_say():
    """y = x and y = 3 √x meet at x = 9."""
    sizes = [1, 4, 16, 64]
    assert cost.crossing(sizes, sizes, [3 * math.sqrt(x) for x in sizes]) == pytest.approx(9)


def test_the_last_of_several_meetings_counts_and_none_is_none():
    assert cost.crossing([1, 2, 4, 8], [1, 4, 1, 4], [2, 2, 2, 2]) == pytest.approx(
        4 * math.sqrt(2)
    )
    assert cost.crossing([1, 2, 4], [1, 1, 1], [2, 3, 4]) is None
    assert cost.crossing([1, 2, 4], [1, 2, 5], [3, 2, 1]) == pytest.approx(2)


@given(fixed=some.integers(20, 1900))
def test_the_counted_curves_meet_at_n_equal_d(fixed):
    sizes = [16, 64, 256, 2048]
    curves = [[cost.operations(one, n, fixed) for n in sizes] for one in ("recurrent", "attention")]
    assert cost.crossing(sizes, *curves) == pytest.approx(fixed)
    assert np.argmax(np.array(curves[1]) > curves[0]) == next(
        i for i, n in enumerate(sizes) if n > fixed
    )
