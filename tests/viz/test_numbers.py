"""How numbers are written: the rule's corners, and rank correlations."""

import math

import pytest

from viz.numbers import correlation, number


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.00012346, "0.0001235"),
        (-1.5, "−1.5"),
        (1.23456e-7, "1.235e−7"),
        (-0.0, "0"),
        (54410.1, "54,410"),
        (-math.inf, "−∞"),
        (math.nan, "NaN"),
    ],
)
def test_four_significant_digits_and_a_real_minus(value: float, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(
    ("rho", "written"), [(0.957, "0.96"), (-0.5, "−0.50"), (None, "—"), (math.nan, "—")]
)
def test_a_correlation_has_two_decimals_or_is_missing(rho: float | None, written: str) -> None:
    assert correlation(rho) == written
