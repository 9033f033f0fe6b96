"""Masks: boolean, True = may attend (the paper's §3.2.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> Int[Tensor, "B S"]:
    """Sentences of different lengths as one tensor, filled up behind their ends."""
    width = max((len(row) for row in rows), default=0)
    filled = [[*row, *[pad_id] * (width - len(row))] for row in rows]
    return torch.tensor(filled, dtype=torch.long).view(len(rows), width)


def padding_mask(ids: Int[Tensor, "B S"], pad_id: int) -> Bool[Tensor, "B 1 1 S"]:
    """Which keys are words rather than padding; the same for every head and query."""
    return (ids != pad_id)[:, None, None, :]


def look_ahead_mask(
    length: int, device: torch.device | None = None
) -> Bool[Tensor, "length length"]:
    """Lower triangle: query t may attend to keys 0 … t, so that no later word is seen."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()
