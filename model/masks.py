"""Masks: boolean, True = may attend (the paper's §3.2.3)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def padding_mask(ids: Int[Tensor, "B S"], pad_id: int) -> Bool[Tensor, "B 1 1 S"]:
    """Which keys are words rather than padding; the same for every head and query."""
    return (ids != pad_id)[:, None, None, :]


def look_ahead_mask(
    length: int, device: torch.device | None = None
) -> Bool[Tensor, "length length"]:
    """Lower triangle: query t may attend to keys 0 … t, so that no later word is seen."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()
