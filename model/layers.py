"""What a Transformer layer is made of besides attention (the paper's §3.1, §3.3, §3.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .attention import MultiHeadAttention
from .capture import Probe
from .config import ModelConfig
from .positions import sinusoid


class InputEmbedding(nn.Module):
    """x = dropout(√d_model · E[word] + PE[position])."""

    positions: Float[Tensor, "max_len d_model"]

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.scale = config.d_model**0.5
        # A constant that the settings define: in the code, not in the checkpoint.
        table = sinusoid(config.max_len, config.d_model)
        self.register_buffer("positions", table, persistent=False)
        self.dropout = nn.Dropout(config.dropout)
        self.word, self.position, self.sum = Probe(), Probe(), Probe()

    def forward(
        self, embedded: Float[Tensor, "B T d_model"], start: int = 0
    ) -> Float[Tensor, "B T d_model"]:
        word = self.word(embedded * self.scale)
        position = self.position(self.positions[start : start + embedded.size(1)])
        x: Tensor = self.dropout(self.sum(word + position))
        return x


class AddNorm(nn.Module):
    """Residual connection and layer normalisation around one sublayer.

    Post-norm, as in the paper: LayerNorm(x + Sublayer(x)). Pre-norm: x + Sublayer(LayerNorm(x)).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.post = config.norm == "post"
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.x, self.sublayer, self.added, self.normed = Probe(), Probe(), Probe(), Probe()

    def forward(
        self, x: Float[Tensor, "B T d_model"], sublayer: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "B T d_model"]:
        x = self.x(x)
        if self.post:
            added = self.added(x + self.dropout(self.sublayer(sublayer(x))))
            return self.normed(self.norm(added))
        normed = self.normed(self.norm(x))
        added = x + self.dropout(self.sublayer(sublayer(normed)))
        return self.added(added)


class FeedForward(nn.Module):
    """FFN(x) = max(0, x W_1 + b_1) W_2 + b_2, at each position alike."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.w_1 = nn.Linear(config.d_model, config.d_ff)
        self.w_2 = nn.Linear(config.d_ff, config.d_model)
        self.hidden, self.relu, self.out = Probe(), Probe(), Probe()

    def forward(self, x: Float[Tensor, "B T d_model"]) -> Float[Tensor, "B T d_model"]:
        return self.out(self.w_2(self.relu(self.hidden(self.w_1(x)).relu())))


def _attention(config: ModelConfig) -> MultiHeadAttention:
    return MultiHeadAttention(
        config.d_model, config.n_heads, config.d_k, config.d_v, config.dropout
    )


class EncoderLayer(nn.Module):
    """Self-attention, then the feed-forward network, each with its residual and norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn, self.self_attn_add = _attention(config), AddNorm(config)
        self.ffn, self.ffn_add = FeedForward(config), AddNorm(config)

    def forward(
        self, x: Float[Tensor, "B S d_model"], mask: Bool[Tensor, "B 1 1 S"]
    ) -> Float[Tensor, "B S d_model"]:
        x = self.self_attn_add(x, lambda x: self.self_attn(x, x, mask))
        return self.ffn_add(x, self.ffn)


@dataclass
class LayerCache:
    """Keys and values that a decoder layer has computed for the words decoded so far."""

    self_attn: tuple[Tensor, Tensor] | None = None
    cross_attn: tuple[Tensor, Tensor] | None = None

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of all words so far, the new ones behind the old."""
        if self.self_attn is not None:
            k = torch.cat((self.self_attn[0], k), dim=2)
            v = torch.cat((self.self_attn[1], v), dim=2)
        self.self_attn = k, v
        return k, v

    def select(self, rows: Int[Tensor, " n"]) -> None:
        """Go on with these sentences of the batch, in this order (beam search)."""
        if self.self_attn is not None:
            self.self_attn = self.self_attn[0][rows], self.self_attn[1][rows]
        if self.cross_attn is not None:
            self.cross_attn = self.cross_attn[0][rows], self.cross_attn[1][rows]


@dataclass
class DecoderCache:
    """What incremental decoding keeps, so that each step computes one new row only."""

    layers: list[LayerCache]
    length: int = 0

    def select(self, rows: Int[Tensor, " n"]) -> None:
        """Go on with these sentences of the batch, in this order."""
        for layer in self.layers:
            layer.select(rows)


class DecoderLayer(nn.Module):
    """Masked self-attention, cross-attention to the encoder's output, feed-forward network."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn, self.self_attn_add = _attention(config), AddNorm(config)
        self.cross_attn, self.cross_attn_add = _attention(config), AddNorm(config)
        self.ffn, self.ffn_add = FeedForward(config), AddNorm(config)

    def forward(
        self,
        x: Float[Tensor, "B T d_model"],
        memory: Float[Tensor, "B S d_model"],
        mask: Bool[Tensor, "#B 1 T S"],
        memory_mask: Bool[Tensor, "B 1 1 S"],
        cache: LayerCache,
    ) -> Float[Tensor, "B T d_model"]:
        def self_attn(x: Tensor) -> Tensor:
            k, v = cache.extend(*self.self_attn.keys_values(x))
            return self.self_attn.attend(x, k, v, mask)

        def cross_attn(x: Tensor) -> Tensor:
            if cache.cross_attn is None:
                cache.cross_attn = self.cross_attn.keys_values(memory)
            return self.cross_attn.attend(x, *cache.cross_attn, memory_mask)

        x = self.self_attn_add(x, self_attn)
        x = self.cross_attn_add(x, cross_attn)
        return self.ffn_add(x, self.ffn)
