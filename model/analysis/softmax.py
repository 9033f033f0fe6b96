"""Softmax of captured numbers, in float64; the model's own is in `model.attention`."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def softmax(scores: Float[np.ndarray, "*row n"]) -> Float[np.ndarray, "*row n"]:
    """exp(scores) / Σ exp(scores), in float64."""
    exp = np.exp(np.asarray(scores, np.float64) - np.max(scores, axis=-1, keepdims=True))
    probabilities: np.ndarray = exp / exp.sum(axis=-1, keepdims=True)
    return probabilities


def log_softmax(scores: Float[np.ndarray, "*row n"]) -> Float[np.ndarray, "*row n"]:
    """scores − log Σ exp(scores), in float64."""
    shifted = np.asarray(scores, np.float64) - np.max(scores, axis=-1, keepdims=True)
    log_p: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p
