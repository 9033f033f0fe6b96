"""The GRU encoder-decoders from before the Transformer, in reading order.

One bidirectional GRU reads the source into annotations h_j = [h→_j; h←_j]; a second GRU writes.
What it knows of the source is what `attention` says:

- "none": one context vector c = [h→_S; h←_1], the same at every step (Cho et al. 2014);
- "bahdanau": c_i = Σ_j α_ij h_j, α_i = softmax_j(e_ij), e_ij = v_aᵀ tanh(W_a s_{i−1} + U_a h_j),
  read by the GRU together with the last word (Bahdanau et al. 2015);
- "dot", "general", "concat": the GRU steps first, then c_i is made from its new state, and
  h̃_i = tanh(W_c [c_i; s_i]) predicts the word (Luong et al. 2015, global attention; h̃ is not fed
  back into the GRU).

All of them start from s_0 = tanh(W_s c + b), where Bahdanau et al. take h←_1 alone: so they differ
in nothing but their attention.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .attention import softmax_or_nothing
from .capture import Probe
from .config import RecurrentConfig
from .masks import padding_mask
from .seq2seq import Seq2Seq
from .transformer import PAD

ADDITIVE = ("bahdanau", "concat")
"""Scorings of the form v_aᵀ tanh(W_a s + U_a h); Luong's "concat" is W_a [s; h] in two parts."""


class WordInput(nn.Module):
    """x = dropout(√d_model · E[word]); a recurrent network needs no positions."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.scale = config.d_model**0.5
        self.dropout = nn.Dropout(config.dropout)
        self.word = Probe()

    def forward(self, embedded: Float[Tensor, "B T d_model"]) -> Float[Tensor, "B T d_model"]:
        x: Tensor = self.dropout(self.word(embedded * self.scale))
        return x


class RecurrentEncoder(nn.Module):
    """h_j = [h→_j; h←_j]: what stands before j and what stands behind it; zeros at padding."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.input = WordInput(config)
        self.gru = nn.GRU(
            config.d_model, config.d_hidden // 2, batch_first=True, bidirectional=True
        )
        self.out = Probe()

    def forward(
        self, embedded: Float[Tensor, "B S d_model"], mask: Bool[Tensor, "B 1 1 S"]
    ) -> Float[Tensor, "B S n"]:
        x, lengths = self.input(embedded), mask.sum(dim=-1).flatten().cpu()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        annotations, _ = pad_packed_sequence(
            self.gru(packed)[0], batch_first=True, total_length=x.size(1)
        )
        return self.out(annotations)


def summary(memory: Float[Tensor, "B S n"], mask: Bool[Tensor, "#B 1 1 S"]) -> Float[Tensor, "B n"]:
    """c = [h→_S; h←_1]: where each direction has read everything."""
    half = memory.size(-1) // 2
    last = (mask.sum(dim=-1).flatten() - 1).expand(len(memory))
    rows = torch.arange(len(memory), device=memory.device)
    return torch.cat((memory[rows, last, :half], memory[:, 0, half:]), dim=-1)


class RecurrentAttention(nn.Module):
    """c = Σ_j α_j h_j with α = softmax_j(e_j); e_j is

    - v_aᵀ tanh(W_a s + U_a h_j) for "bahdanau" and "concat", where `query` is W_a s, `keys` U_a h;
    - sᵀ W_a h_j for "general", where `query` is s and `keys` W_a h;
    - sᵀ h_j for "dot".

    Its one head has an axis of its own, as in `MultiHeadAttention`.
    """

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.additive, n = config.attention in ADDITIVE, config.d_hidden
        self.w_q = nn.Linear(n, n, bias=False) if self.additive else nn.Identity()
        self.w_k = nn.Identity() if config.attention == "dot" else nn.Linear(n, n, bias=False)
        self.v = nn.Linear(n, 1, bias=False) if self.additive else nn.Identity()
        self.state, self.query, self.keys = Probe(), Probe(), Probe()
        self.scores, self.mask, self.weights, self.context = Probe(), Probe(), Probe(), Probe()

    def forward(
        self,
        state: Float[Tensor, "B T n"],
        keys: Float[Tensor, "B S n"],
        memory: Float[Tensor, "B S n"],
        mask: Bool[Tensor, "#B 1 1 S"],
    ) -> Float[Tensor, "B T n"]:
        keys, query = self.keys(keys), self.query(self.w_q(self.state(state)))
        scores = self.scores(self.score(query, keys)[:, None])  # B 1 T S
        masked = torch.where(self.mask(mask), scores, -torch.inf)
        weights = self.weights(softmax_or_nothing(masked))
        return self.context(weights @ memory[:, None])[:, 0]

    def score(
        self, query: Float[Tensor, "B T n"], keys: Float[Tensor, "B S n"]
    ) -> Float[Tensor, "B T S"]:
        """e, before the mask."""
        if not self.additive:
            return query @ keys.transpose(-2, -1)
        scores: Tensor = self.v((query[:, :, None] + keys[:, None]).tanh())  # B T S n → B T S 1
        return scores[..., 0]


@dataclass
class RecurrentCache:
    """What incremental decoding keeps: the state, and what is computed of the source only once."""

    state: Float[Tensor, "B n"] | None = None
    read: Float[Tensor, "B S n"] | Float[Tensor, "B n"] | None = None
    """The attention's keys; without attention, the context vector."""

    def select(self, rows: Int[Tensor, " n"]) -> None:
        """Go on with these sentences of the batch, in this order."""
        if self.state is not None:
            self.state = self.state[rows]
        if self.read is not None:
            self.read = self.read[rows]


class DecoderLayer(nn.Module):
    """A GRU that writes, with what it knows of the source."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.w_s = nn.Linear(config.d_hidden, config.d_hidden)

    def forward(
        self,
        x: Float[Tensor, "B T d_model"],
        memory: Float[Tensor, "B S n"],
        mask: Bool[Tensor, "#B 1 1 S"],
        cache: RecurrentCache,
    ) -> Float[Tensor, "B T d_out"]:
        if cache.state is None or cache.read is None:
            context = summary(memory, mask)
            cache.state, cache.read = self.w_s(context).tanh(), self.read(context, memory)
        out, cache.state = self.write(x, cache.state, cache.read, memory, mask)
        return out

    def read(self, context: Tensor, memory: Tensor) -> Tensor:
        """What is computed of the source only once."""
        raise NotImplementedError

    def write(
        self, x: Tensor, state: Tensor, read: Tensor, memory: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What predicts the next word after each word of `x`, and the last state."""
        raise NotImplementedError


class PlainLayer(DecoderLayer):
    """s_i = GRU([x_i; c], s_{i−1}), [s_i; c] predicts: one context vector for every step."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.gru = nn.GRU(config.d_model + config.d_hidden, config.d_hidden, batch_first=True)

    def read(self, context: Tensor, memory: Tensor) -> Tensor:
        return context

    def write(
        self, x: Tensor, state: Tensor, read: Tensor, memory: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        context = read[:, None].expand(-1, x.size(1), -1)
        states, last = self.gru(torch.cat((x, context), dim=-1), state[None].contiguous())
        return torch.cat((states, context), dim=-1), last[0]


class BahdanauLayer(DecoderLayer):
    """c_i from s_{i−1}, then s_i = GRU([x_i; c_i], s_{i−1}); [s_i; c_i] predicts.

    Each step waits for the one before, because the state decides where to look next.
    """

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.gru = nn.GRUCell(config.d_model + config.d_hidden, config.d_hidden)
        self.cross_attn = RecurrentAttention(config)

    def read(self, context: Tensor, memory: Tensor) -> Tensor:
        keys: Tensor = self.cross_attn.w_k(memory)
        return keys

    def write(
        self, x: Tensor, state: Tensor, read: Tensor, memory: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        written = []
        for word in x.unbind(dim=1):
            context = self.cross_attn(state[:, None], read, memory, mask)[:, 0]
            state = self.gru(torch.cat((word, context), dim=-1), state)
            written.append(torch.cat((state, context), dim=-1))
        return torch.stack(written, dim=1), state


class LuongLayer(DecoderLayer):
    """s_i = GRU(x_i, s_{i−1}), then c_i from s_i; h̃_i = tanh(W_c [c_i; s_i]) predicts."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.gru = nn.GRU(config.d_model, config.d_hidden, batch_first=True)
        self.cross_attn = RecurrentAttention(config)
        self.w_c = nn.Linear(2 * config.d_hidden, config.d_hidden, bias=False)

    def read(self, context: Tensor, memory: Tensor) -> Tensor:
        keys: Tensor = self.cross_attn.w_k(memory)
        return keys

    def write(
        self, x: Tensor, state: Tensor, read: Tensor, memory: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        states, last = self.gru(x, state[None].contiguous())
        context = self.cross_attn(states, read, memory, mask)
        return self.w_c(torch.cat((context, states), dim=-1)).tanh(), last[0]


class RecurrentDecoder(nn.Module):
    """One layer, and W_o down to the size of the embedding."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        kinds: dict[str, type[DecoderLayer]] = {"none": PlainLayer, "bahdanau": BahdanauLayer}
        kind = kinds.get(config.attention, LuongLayer)
        width = config.d_hidden * (1 if kind is LuongLayer else 2)
        self.input = WordInput(config)
        self.layers = nn.ModuleList([kind(config)])
        self.dropout = nn.Dropout(config.dropout)
        self.w_o = nn.Linear(width, config.d_model)
        self.out = Probe()

    def forward(
        self,
        embedded: Float[Tensor, "B T d_model"],
        memory: Float[Tensor, "B S n"],
        mask: Bool[Tensor, "#B 1 1 S"],
        cache: RecurrentCache,
    ) -> Float[Tensor, "B T d_model"]:
        x = self.input(embedded)
        for layer in self.layers:
            x = layer(x, memory, mask, cache)
        return self.out(self.w_o(self.dropout(x)))


class Recurrent(Seq2Seq[RecurrentCache]):
    """Source ids and target ids in, next-word logits out, one embedding matrix for all."""

    config: RecurrentConfig

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model, padding_idx=PAD)
        self.encoder = RecurrentEncoder(config)
        self.decoder = RecurrentDecoder(config)
        self.naming = nn.Linear(config.d_hidden, config.d_model)
        self.logits = Probe()
        nn.init.normal_(self.embedding.weight, std=config.d_model**-0.5)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T vocab"]:
        """Logits of the word after each target word, all target words given (teacher forcing)."""
        return self.decode(target, self.encode(source), padding_mask(source, PAD))

    def encode(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S n"]:
        """The annotations h_j."""
        memory: Tensor = self.encoder(self.embedding(source), padding_mask(source, PAD))
        return memory

    def states(
        self,
        target: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S n"],
        memory_mask: Bool[Tensor, "#B 1 1 S"],
        cache: RecurrentCache | None = None,
    ) -> Float[Tensor, "B T d_model"]:
        """The decoder's output after each target word; with a cache, `target` is the new words."""
        cache = self.new_cache() if cache is None else cache
        x: Tensor = self.decoder(self.embedding(target), memory, memory_mask, cache)
        return x

    def new_cache(self) -> RecurrentCache:
        """An empty cache for decoding word by word."""
        return RecurrentCache()
