"""Scaled dot-product and multi-head attention (the paper's §3.2), every step of it a probe."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from .capture import Probe, watched


def softmax_or_nothing(masked: Float[Tensor, "*rows S"]) -> Float[Tensor, "*rows S"]:
    """softmax over the keys; a row of −∞ only, with nothing to attend to, gives zeros, not NaN."""
    nothing = masked.amax(dim=-1, keepdim=True) == -math.inf
    return masked.softmax(dim=-1).masked_fill(nothing, 0.0)


class MultiHeadAttention(nn.Module):
    """MultiHead(Q, K, V) = Concat(head_1, …, head_H) W^O, head_i = softmax(Q_i K_iᵀ / √d_k) V_i.

    Queries come from `x`, keys and values from `memory`: the same tensor in self-attention, the
    encoder's output in cross-attention. `d_v` may differ from `d_k`.

    Nobody watching, the heads go through `F.scaled_dot_product_attention`; when one of the squares
    (scores … weights) is captured or changed, they are computed step by step. `weights` are after
    the softmax and before dropout.
    """

    def __init__(self, d_model: int, n_heads: int, d_k: int, d_v: int, dropout: float) -> None:
        super().__init__()
        self.n_heads, self.d_k, self.d_v, self.dropout = n_heads, d_k, d_v, dropout
        self.w_q = nn.Linear(d_model, n_heads * d_k)
        self.w_k = nn.Linear(d_model, n_heads * d_k)
        self.w_v = nn.Linear(d_model, n_heads * d_v)
        self.w_o = nn.Linear(n_heads * d_v, d_model)
        self.q, self.k, self.v = Probe(), Probe(), Probe()
        self.scores, self.scaled, self.mask, self.masked = Probe(), Probe(), Probe(), Probe()
        self.weights, self.context, self.out = Probe(), Probe(), Probe()

    def forward(
        self,
        x: Float[Tensor, "B T d_model"],
        memory: Float[Tensor, "B S d_model"],
        mask: Bool[Tensor, "#B #1 #T S"],
    ) -> Float[Tensor, "B T d_model"]:
        return self.attend(x, *self.keys_values(memory), mask)

    def keys_values(
        self, memory: Float[Tensor, "B S d_model"]
    ) -> tuple[Float[Tensor, "B H S K"], Float[Tensor, "B H S V"]]:
        """K = memory W^K and V = memory W^V, split into heads."""
        return self._heads(self.w_k(memory)), self._heads(self.w_v(memory))

    def attend(
        self,
        x: Float[Tensor, "B T d_model"],
        k: Float[Tensor, "B H S K"],
        v: Float[Tensor, "B H S V"],
        mask: Bool[Tensor, "#B #1 #T S"],
    ) -> Float[Tensor, "B T d_model"]:
        """Attention of `x`'s queries over keys and values that are computed already."""
        q, k, v = self.q(self._heads(self.w_q(x))), self.k(k), self.v(v)
        steps = (self.scores, self.scaled, self.mask, self.masked, self.weights)
        heads = self._step_by_step if watched(steps) else self._fused
        context = self.context(heads(q, k, v, mask))
        out: Tensor = self.w_o(context.transpose(1, 2).flatten(2))  # B T (H V) → B T d_model
        return self.out(out)

    def _step_by_step(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        scores = self.scores(q @ k.transpose(-2, -1))  # B H T S
        scaled = self.scaled(scores / math.sqrt(self.d_k))
        masked = self.masked(torch.where(self.mask(mask), scaled, -math.inf))
        weights = self.weights(softmax_or_nothing(masked))
        return F.dropout(weights, self.dropout, self.training) @ v

    def _fused(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        if q.is_cpu and q.dtype is torch.bfloat16:
            # There torch's backward pass takes ten times as long in bf16 as in float32.
            with torch.autocast("cpu", enabled=False):
                q, k, v = q.float(), k.float(), v.float()
                return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)

    def _heads(self, x: Float[Tensor, "B L HD"]) -> Float[Tensor, "B H L D"]:
        return x.view(*x.shape[:2], self.n_heads, -1).transpose(1, 2)
