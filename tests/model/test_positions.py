import math

import pytest
import torch

from model.positions import sinusoid


def test_four_dimensions_by_hand() -> None:
    # The second pair turns 10000^(2/4) = 100 times as slowly: its angles are 0, 0.01, 0.02.
    expected = [
        [0.0, 1.0, 0.0, 1.0],
        [0.841470985, 0.540302306, 0.009999833, 0.999950000],
        [0.909297427, -0.416146837, 0.019998667, 0.999800007],
    ]
    torch.testing.assert_close(sinusoid(3, 4), torch.tensor(expected), atol=1e-7, rtol=0)


def test_another_base() -> None:
    # base 4: the second pair's angle is 1 / 4^(2/4) = 0.5.
    row = sinusoid(2, 4, base=4.0)[1].tolist()
    assert row == pytest.approx([math.sin(1), math.cos(1), math.sin(0.5), math.cos(0.5)], abs=1e-7)


def test_far_positions_are_exact_to_float32() -> None:
    table, d = sinusoid(8192, 6), 6
    for i in range(0, d, 2):
        angle = 8191 / 10_000 ** (i / d)
        expected = [math.sin(angle), math.cos(angle)]
        assert table[8191, i : i + 2].tolist() == pytest.approx(expected, abs=1e-7)


def test_similarity_depends_on_the_distance_only() -> None:
    table = sinusoid(50, 10)
    gram = table @ table.T
    for distance in (0, 1, 7, 31):
        assert gram.diagonal(distance).std() < 1e-5
    assert gram[0, 0] == pytest.approx(5)  # sin² + cos² = 1 for each of five pairs


def test_odd_width_is_refused() -> None:
    with pytest.raises(ValueError, match="even, got 5"):
        sinusoid(3, 5)
