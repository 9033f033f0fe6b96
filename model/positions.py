"""Sinusoidal positional encoding (the paper's §3.5)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def sinusoid(length: int, d_model: int, base: float = 10_000.0) -> Float[Tensor, "length d_model"]:
    """PE(pos, 2i) = sin(pos / base^(2i/d_model)), PE(pos, 2i+1) = cos(pos / base^(2i/d_model)).

    Computed in float64 and rounded once, so that far positions stay exact.

    Raises:
        ValueError: if d_model is odd; sines and cosines come in pairs.
    """
    if d_model % 2:
        raise ValueError(f"d_model must be even, got {d_model}")
    position = torch.arange(length, dtype=torch.float64)[:, None]
    exponent = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model
    angle = position / base**exponent
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(-2).float()
