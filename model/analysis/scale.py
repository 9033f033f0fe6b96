"""Why √d_k: what grows with the width of queries and keys, and what the softmax makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..trace import AttentionSteps
from .softmax import softmax

Rows = Float[np.ndarray, "query key"]
Line = Float[np.ndarray, " sizes"]

QUERIES = 128
"""Random queries, each with keys of its own: enough for a variance that is right to some per cent.
"""


@dataclass(frozen=True)
class Softened:
    """What a softmax over these scores is like, averaged over the queries.

    Attributes:
        variance: of the scores that go into it.
        entropy: −Σ w log₂ w in bits: 0 for one key alone, log₂ n for n keys alike.
        gradient: Σ_i ∂w_i/∂s_i = Σ_i w_i (1 − w_i), the trace of the softmax's Jacobian
            diag(w) − w wᵀ: 0 where it no longer answers, 1 − 1/n for n keys alike.
    """

    variance: Line
    entropy: Line
    gradient: Line


@dataclass(frozen=True)
class Growth:
    """Dot products of the first m dimensions of queries and keys, for growing m.

    Attributes:
        sizes: every m.
        n_keys: keys of each query.
        expected: Var(q·k) if the products q_j k_j of different dimensions had nothing to do with
            each other: the sum of their own variances.
        plain, scaled: without the division, and with ÷√m.
    """

    sizes: tuple[int, ...]
    n_keys: int
    expected: Line
    plain: Softened
    scaled: Softened


def random_growth(sizes: Sequence[int], n_keys: int, seed: int) -> Growth:
    """Random queries and keys: every component drawn from N(0, 1), independent of all others.

    Var(q·k) = d_k then (Vaswani et al. 2017, §3.2.1, footnote 4).
    """
    widest, random = max(sizes), np.random.default_rng(seed)
    q = random.standard_normal((QUERIES, 1, widest), np.float32)
    k = random.standard_normal((QUERIES, n_keys, widest), np.float32)
    return growth(q * k, sizes, np.asarray(sizes, float))


def head_growth(steps: AttentionSteps) -> Growth:
    """A head's own queries and keys, of which only the first m of their d_k dimensions are used.

    At m = d_k, scaled, these are the head's own scores.
    """
    products = steps.q[:, None] * steps.k
    alone = products.var(axis=(0, 1), dtype=float)
    return growth(products, range(1, len(alone) + 1), alone.cumsum())


def growth(
    products: Float[np.ndarray, "query key d_k"], sizes: Sequence[int], expected: Line
) -> Growth:
    """Partial sums Σ_{j ≤ m} q_j k_j for every m of `sizes`, and their softmax over the keys."""
    plain, scaled, scores, before = [], [], np.zeros(products.shape[:2]), 0
    for m in sizes:
        scores = scores + products[:, :, before:m].sum(axis=2, dtype=float)
        before = m
        plain.append(_softened(scores))
        scaled.append(_softened(scores / np.sqrt(m)))
    return Growth(tuple(sizes), products.shape[1], expected, _lines(plain), _lines(scaled))


def _softened(scores: Rows) -> tuple[float, float, float]:
    """Variance, entropy and gradient."""
    weights = softmax(scores)
    logs = np.log2(weights, where=weights > 0, out=np.zeros_like(weights))
    entropy = -(weights * logs).sum(axis=1).mean()
    gradient = (weights * (1 - weights)).sum(axis=1).mean()
    return float(scores.var()), float(entropy), float(gradient)


def _lines(found: Sequence[tuple[float, float, float]]) -> Softened:
    return Softened(*np.array(found).T)
