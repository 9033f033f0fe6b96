"""A calculator for the decoder's look back: c = Σ_j α_j h_j on typed numbers, in float64.

Bahdanau, Cho & Bengio (2015), equations 5 and 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float

from ..errors import ModelError
from .calculator import Matrix, finite, read_matrix

Start = Literal["weights", "scores"]
"""What is typed for each word: its weight α_j, or the score e_j that the softmax makes it of."""

STARTS: tuple[Start, ...] = get_args(Start)
SYMBOLS: Mapping[Start, str] = MappingProxyType({"weights": "α", "scores": "e"})
MOST_WORDS = 12
MOST_DIMENSIONS = 8
SUM_TOLERANCE = 1e-3
"""Weights that were rounded to three digits still count as summing to 1."""


@dataclass(frozen=True)
class Given:
    """What a student types: one number a word, and one vector (a line) a word."""

    start: Start
    numbers: str
    vectors: str


_VECTORS = "1 0 2\n0 4 0\n2 1 0\n0 0 4"

EXAMPLES: Mapping[str, Given] = MappingProxyType(
    {
        "lecture": Given("weights", "0.1 0.055 0.8 0.045", _VECTORS),
        "scores": Given("scores", "1 0.4 3.08 0.2", _VECTORS),
        "even": Given("weights", "0.25 0.25 0.25 0.25", _VECTORS),
        "one": Given("weights", "0 0 0 1", _VECTORS),
    }
)
"""The lecture's weights; scores that end near them; no choice at all; only the last word."""


@dataclass(frozen=True)
class Mixed:
    """The whole calculation, float64.

        α_j = e^(e_j − top) / Σ_k e^(e_k − top)   (only where scores were typed)
        c = Σ_j α_j h_j

    Attributes:
        scores, exp: e and e^(e − top); None where the weights themselves were typed.
        top: the largest score; 0 where weights were typed.
        vectors: h, a row a word.
        terms: α_j h_j, a row a word; their sum is `context`.
        difference: largest, between `weights`, `context` and what PyTorch makes of the numbers.
    """

    scores: Float[np.ndarray, " word"] | None
    top: float
    exp: Float[np.ndarray, " word"] | None
    weights: Float[np.ndarray, " word"]
    vectors: Float[np.ndarray, "word dimension"]
    terms: Float[np.ndarray, "word dimension"]
    context: Float[np.ndarray, " dimension"]
    difference: float


def mix(given: Given) -> Mixed:
    """The context vector of what was typed.

    Raises:
        ModelError: what `read_matrix` raises; `weights_two_rows`, `weights_negative`,
            `weights_sum`, `weights_not_vectors` or `numbers_too_large`.
    """
    numbers = _row(SYMBOLS[given.start], given.numbers)
    vectors = read_matrix("H", given.vectors, MOST_WORDS, MOST_DIMENSIONS)
    if len(numbers) != len(vectors):
        raise ModelError(
            "weights_not_vectors",
            f"{len(numbers)} numbers, but {len(vectors)} vectors",
            symbol=SYMBOLS[given.start],
            numbers=len(numbers),
            vectors=len(vectors),
        )
    scores, top, exp = None, 0.0, None
    if given.start == "scores":
        scores, top = numbers, float(numbers.max())
        with np.errstate(over="ignore"):  # a score far below the top: e^−∞ is 0
            exp = np.exp(scores - top)
        weights = exp / exp.sum()
    else:
        weights = _shares(numbers)
    terms = weights[:, None] * vectors
    with np.errstate(over="ignore", invalid="ignore"):  # told by `finite`, as an error of its own
        context = finite("c", terms.sum(axis=0))
    difference = _difference(scores, weights, vectors, context)
    return Mixed(scores, top, exp, weights, vectors, terms, context, difference)


def normalised(given: Given) -> Given | None:
    """The same weights divided by their sum; None where they have none to be divided by."""
    weights = _row(SYMBOLS["weights"], given.numbers)
    total = float(weights.sum())
    if not 0 < total < np.inf:
        return None
    return replace(given, numbers=" ".join(f"{weight / total:.6g}" for weight in weights))


def _row(symbol: str, text: str) -> Float[np.ndarray, " word"]:
    """One number a word, beside each other or below each other."""
    numbers = read_matrix(symbol, text, MOST_WORDS, MOST_WORDS)
    if min(numbers.shape) != 1:
        raise ModelError(
            "weights_two_rows",
            f"{symbol} has {len(numbers)} rows",
            symbol=symbol,
            rows=len(numbers),
        )
    row: Float[np.ndarray, " word"] = numbers.ravel()
    return row


def _shares(weights: Float[np.ndarray, " word"]) -> Float[np.ndarray, " word"]:
    """The weights as they are, if they are shares of 1."""
    if (weights < 0).any():
        word = int(np.argmax(weights < 0))
        raise ModelError(
            "weights_negative",
            f"weight {word + 1} is {weights[word]}",
            word=word + 1,
            weight=f"{weights[word]:.6g}",
        )
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if not abs(total - 1) <= SUM_TOLERANCE:
        raise ModelError("weights_sum", f"the weights sum to {total}", sum=f"{total:.6g}")
    return weights


def _difference(
    scores: Float[np.ndarray, " word"] | None,
    weights: Float[np.ndarray, " word"],
    vectors: Matrix,
    context: Float[np.ndarray, " dimension"],
) -> float:
    """Against PyTorch's softmax and its matrix product, the latter beside the largest number."""
    alpha = torch.from_numpy(weights)
    if scores is not None:
        alpha = torch.softmax(torch.from_numpy(scores), dim=0)
    mixed = (alpha @ torch.from_numpy(vectors)).numpy()
    size = max(1.0, float(np.abs(vectors).max()))
    return max(
        float(np.abs(alpha.numpy() - weights).max()), float(np.abs(mixed - context).max()) / size
    )
