"""What a stack of convolutions sees: by the formula, by hand, and as torch's own Conv1d does."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from model.analysis.longer import prefixes, repeated
from model.analysis.windows import chain, path, receptive_field, seen
from model.analysis.words import strongest_head, word_sums

ODD = st.sampled_from([3, 5, 7])


def test_one_layer_of_window_three_sees_its_neighbours():
    assert seen(5, 3, 1)[1].astype(int).tolist() == [
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 1, 1],
        [0, 0, 0, 1, 1],
    ]


@given(window=ODD, layers=st.integers(0, 3))
def test_far_from_the_ends_the_field_is_as_wide_as_the_formula_says(window, layers):
    field = receptive_field(window, layers)
    assert field == 1 + layers * (window - 1)
    assert seen(61, window, layers)[layers, 30].sum() == field


@pytest.mark.parametrize(("window", "layers"), [(3, 1), (3, 3), (5, 2)])
def test_the_gradient_of_torchs_convolutions_reaches_exactly_these_inputs(window, layers):
    length = 11
    stack = nn.Sequential(
        *(nn.Conv1d(1, 1, window, padding=window // 2, bias=False) for _ in range(layers))
    )
    for one in stack:
        nn.init.ones_(one.weight)
    for position in (0, 4, 10):
        x = torch.zeros(1, 1, length, requires_grad=True)
        stack(x)[0, 0, position].backward()
        reached = (x.grad[0, 0] != 0).numpy()
        assert (reached == seen(length, window, layers)[layers, position]).all()


@given(window=ODD, query=st.integers(0, 15), key=st.integers(0, 15))
def test_the_way_is_the_shortest_one_that_sees(window, query, key):
    way = path(window, query, key)
    assert (way[0], way[-1]) == (key, query)
    assert all(abs(a - b) <= window // 2 for a, b in itertools.pairwise(way))
    layers = len(way) - 1
    assert seen(16, window, layers)[layers, query, key]
    assert layers == 0 or not seen(16, window, layers - 1)[layers - 1, query, key]


def test_the_lectures_words_are_two_apart():
    assert path(3, 3, 1) == [1, 2, 3]
    assert path(5, 3, 1) == [1, 3]
    assert chain(3, 1) == [1, 2, 3]
    assert chain(1, 3) == [3, 2, 1]


@pytest.mark.parametrize("window", [0, 2, 4])
def test_a_window_without_a_middle_is_refused(window):
    with pytest.raises(ValueError, match="odd"):
        seen(4, window, 1)


def test_a_window_of_one_sees_itself_only():
    assert path(1, 2, 2) == [2]
    with pytest.raises(ValueError, match="window of 1"):
        path(1, 2, 3)


def test_the_head_that_looks_the_most_from_one_word_to_another():
    attention = np.zeros((2, 3, 4, 4))
    attention[1, 2, 3, 0] = 0.4
    attention[0, 1, 3, 0] = 0.3
    attention[0, 0, 0, 3] = 0.9
    assert strongest_head(attention, 3, 0) == (1, 2)


def test_pieces_are_added_up_word_by_word():
    words = [("un", [0, 2]), ("deux", [1])]
    assert word_sums(words, np.array([1.0, 5.0, 2.0])).tolist() == [3, 5]


def test_a_text_grows_by_itself_or_word_by_word():
    assert repeated("a b", 3) == ["a b", "a b a b", "a b a b a b"]
    assert prefixes("a b c d e", 3) == ["a", "a b c", "a b c d e"]
    assert prefixes("one", 6) == ["one"]
