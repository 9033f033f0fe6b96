"""The translation loss without the square of all logits: a few rows of them at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

# Logits at once. On a CPU few enough to stay in its cache and enough for the embedding's gradient,
# a sum over chunks, to be added up seldom; 0.5 GB on a GPU.
_AT_ONCE = {"cpu": 2**22, "cuda": 2**27}


def tied_cross_entropy(
    states: Float[Tensor, "N d_model"],
    embedding: Float[Tensor, "vocab d_model"],
    labels: Int[Tensor, " N"],
    smoothing: float,
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Σ_rows −(1−ε) log p_y − ε/V Σ_v log p_v with p = softmax(x Eᵀ); how often p_y is largest.

    As `F.cross_entropy(states @ embedding.T, labels, label_smoothing=smoothing, reduction="sum")`.
    The logits of a batch are by far its largest tensor (rows × vocabulary); written, read again and
    kept until the backward pass, they cost a third of a small model's training step. Here the
    gradient, p − (1−ε) y − ε/V, is taken at once, from each chunk of rows while it is in the cache.
    """
    loss, hits = _TiedCrossEntropy.apply(states, embedding, labels, smoothing)  # type: ignore[no-untyped-call]
    return loss, hits


class _TiedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, states: Tensor, embedding: Tensor, labels: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        device, vocab = states.device.type, len(embedding)
        rows = max(1, _AT_ONCE[device] // vocab)
        to_states, to_embedding = torch.zeros_like(states), torch.zeros_like(embedding)
        loss, hits = states.new_zeros(()), labels.new_zeros(())
        # Left to autocast, the whole embedding would be cast anew for every chunk.
        with _low_precision(device) as low:
            E = embedding.to(low or embedding.dtype)
            chunks = (torch.split(t, rows) for t in (states.to(E.dtype), labels, to_states))
            for x, y, to_x in zip(*chunks, strict=True):
                log_p = (x @ E.T).float().log_softmax(dim=-1)
                right = log_p.gather(1, y[:, None])
                # argmax would take longer than the log-softmax; in bf16 ties count as right.
                hits += (right == log_p.amax(dim=-1, keepdim=True)).sum()
                loss -= (1 - smoothing) * right.sum() + smoothing / vocab * log_p.sum()
                gradient = log_p.exp_().sub_(smoothing / vocab)
                gradient.scatter_add_(1, y[:, None], torch.full_like(right, smoothing - 1))
                gradient = gradient.to(E.dtype)
                to_x += gradient @ E
                to_embedding += gradient.T @ x
        ctx.save_for_backward(to_states, to_embedding)
        ctx.mark_non_differentiable(hits)
        return loss, hits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_loss: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        to_states, to_embedding = ctx.saved_tensors
        return to_loss * to_states, to_loss * to_embedding, None, None


@contextmanager
def _low_precision(device: str) -> Iterator[torch.dtype | None]:
    """Autocast is off inside; the type that it would have cast products' factors to, if any."""
    low = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    with torch.autocast(device, enabled=False):
        yield low
