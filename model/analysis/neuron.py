"""Neurons: scores taken apart into d_k products, for one query or for one pair in all heads."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..trace import ATTENTION, Kind, Trace
from .steps import largest


@dataclass(frozen=True)
class Neurons:
    """One query of one head against every key, dimension by dimension; float32.

        products[j, d] = q_d · k_{j,d},  scores[j] = Σ_d products[j, d],
        scaled = scores / √d_k,  masked = scaled, −∞ where the query may not look,
        exp[j] = e^(masked[j] − top),  total = Σ_j exp[j],  weights[j] = exp[j] / total

    Attributes:
        top: the largest masked score; 0 where there is nothing to see.
        weights: as captured in the model.
        spread: how much a dimension's products differ between the keys that may be looked at
            (standard deviation): what adds the same to every key changes no weight.
        largest_difference: between the sums and quotients of the numbers here and the scores and
            weights of the Trace.
    """

    q: Float[np.ndarray, " d_k"]
    k: Float[np.ndarray, "key d_k"]
    products: Float[np.ndarray, "key d_k"]
    scores: Float[np.ndarray, " key"]
    scaled: Float[np.ndarray, " key"]
    mask: Bool[np.ndarray, " key"]
    masked: Float[np.ndarray, " key"]
    top: float
    exp: Float[np.ndarray, " key"]
    total: float
    weights: Float[np.ndarray, " key"]
    spread: Float[np.ndarray, " d_k"]
    largest_difference: float


def neurons(trace: Trace, kind: Kind, layer: int, head: int, query: int) -> Neurons:
    """One row of one head, taken apart.

    Raises:
        IndexError: there is no such layer, head or query.
    """
    steps = trace.steps(kind, layer, head)
    q, k, mask, masked = steps.q[query], steps.k, steps.mask[query], steps.masked[query]
    products = q * k
    top, exp, total = _softmax_parts(masked)
    sums = products.sum(axis=1, dtype=np.float64)
    quotients = exp / total if total > 0 else exp
    return Neurons(
        q=q,
        k=k,
        products=products,
        scores=steps.scores[query],
        scaled=steps.scaled[query],
        mask=mask,
        masked=masked,
        top=top,
        exp=exp,
        total=total,
        weights=steps.weights[query],
        spread=products[mask].std(axis=0) if mask.any() else np.zeros_like(q),
        largest_difference=max(
            largest(sums, steps.scores[query].astype(np.float64)),
            largest(quotients, steps.weights[query]),
            steps.largest_difference,
        ),
    )


@dataclass(frozen=True)
class Everywhere:
    """One pair of query and key in every layer and head; float32.

    Attributes:
        products: q_d · k_d.
        scores, scaled: their sum, and that over √d_k.
        weights: as captured in the model.
        largest_difference: between the softmax of each whole row and its captured weights.
    """

    products: Float[np.ndarray, "layer head d_k"]
    scores: Float[np.ndarray, "layer head"]
    scaled: Float[np.ndarray, "layer head"]
    weights: Float[np.ndarray, "layer head"]
    largest_difference: float


def everywhere(trace: Trace, kind: Kind, query: int, key: int) -> Everywhere:
    """One pair, in every layer and head of one kind of attention."""
    mask = trace.mask(kind)[query]
    products, scores, scaled, weights, differences = [], [], [], [], [0.0]
    for layer in range(trace.n_layers[kind]):
        q, k, row = (_row(trace, kind, layer, point, query) for point in ("q", "k", "weights"))
        products.append(q * k[:, key])
        all_scores = np.einsum("hd,hsd->hs", q, k)
        all_scaled = all_scores / np.float32(math.sqrt(q.shape[-1]))
        for head, masked in enumerate(np.where(mask, all_scaled, np.float32(-np.inf))):
            _, exp, total = _softmax_parts(masked)
            differences.append(largest(exp / total if total > 0 else exp, row[head]))
        scores.append(all_scores[:, key])
        scaled.append(all_scaled[:, key])
        weights.append(row[:, key])
    return Everywhere(
        products=np.stack(products),
        scores=np.stack(scores),
        scaled=np.stack(scaled),
        weights=np.stack(weights),
        largest_difference=max(differences),
    )


@dataclass(frozen=True)
class Limits:
    """The largest |number| in any layer and head of one kind, over all queries and keys."""

    vectors: float
    products: float


def limits(trace: Trace, kind: Kind) -> Limits:
    """Ends of a colour scale that stays the same from head to head.

    Over all pairs, max |q_{i,d} k_{j,d}| is max_i |q_{i,d}| · max_j |k_{j,d}| in each dimension.
    """
    vectors, products = 0.0, 0.0
    stack, module = ATTENTION[kind]
    for layer in range(trace.n_layers[kind]):
        block = f"{stack}.layers.{layer}.{module}"
        q, k = (np.abs(trace.points[f"{block}.{point}"]).max(axis=1) for point in ("q", "k"))
        vectors = max(vectors, float(q.max()), float(k.max()))
        products = max(products, float((q * k).max()))
    return Limits(vectors, products)


def by_size(values: Float[np.ndarray, " d_k"]) -> Int[np.ndarray, " d_k"]:
    """Dimensions from the largest |value| to the smallest; equal ones in the model's order."""
    order: Int[np.ndarray, " d_k"] = np.argsort(-np.abs(values), kind="stable")
    return order


def _row(
    trace: Trace, kind: Kind, layer: int, point: str, query: int
) -> Float[np.ndarray, "head ..."]:
    stack, module = ATTENTION[kind]
    found: np.ndarray = trace.points[f"{stack}.layers.{layer}.{module}.{point}"]
    return found if point == "k" else found[:, query]


def _softmax_parts(
    masked: Float[np.ndarray, " key"],
) -> tuple[float, Float[np.ndarray, " key"], float]:
    """Largest score, e to the power of each score less that, and the sum of these."""
    top = float(masked.max(initial=-np.inf))
    top = top if math.isfinite(top) else 0.0
    exp = np.exp(masked - np.float32(top))
    return top, exp, float(exp.sum())
