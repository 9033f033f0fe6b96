"""The encoder-decoder of "Attention Is All You Need" (Vaswani et al. 2017), in reading order."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .capture import Probe
from .config import ModelConfig
from .layers import DecoderCache, DecoderLayer, EncoderLayer, InputEmbedding, LayerCache
from .masks import look_ahead_mask, padding_mask
from .seq2seq import Seq2Seq

PAD, UNK, BOS, EOS = 0, 1, 2, 3
"""Ids of `<pad>`, `<unk>`, `<s>` and `</s>` in every vocabulary of this project."""


class Encoder(nn.Module):
    """N layers of self-attention and feed-forward network."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input = InputEmbedding(config)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.n_encoder_layers))
        self.norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()
        self.out = Probe()

    def forward(
        self, embedded: Float[Tensor, "B S d_model"], mask: Bool[Tensor, "B 1 1 S"]
    ) -> Float[Tensor, "B S d_model"]:
        x = self.input(embedded)
        for layer in self.layers:
            x = layer(x, mask)
        return self.out(self.norm(x))


class Decoder(nn.Module):
    """N layers of masked self-attention, cross-attention and feed-forward network."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.input = InputEmbedding(config)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.n_decoder_layers))
        self.norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()
        self.out = Probe()

    def forward(
        self,
        embedded: Float[Tensor, "B T d_model"],
        memory: Float[Tensor, "B S d_model"],
        mask: Bool[Tensor, "#B 1 T S"],
        memory_mask: Bool[Tensor, "B 1 1 S"],
        cache: DecoderCache,
    ) -> Float[Tensor, "B T d_model"]:
        x = self.input(embedded, start=cache.length)
        for layer, layer_cache in zip(self.layers, cache.layers, strict=True):
            x = layer(x, memory, mask, memory_mask, layer_cache)
        cache.length += embedded.size(1)
        return self.out(self.norm(x))


class Transformer(Seq2Seq[DecoderCache]):
    """Source ids and target ids in, next-word logits out.

    One embedding matrix E serves the encoder, the decoder and the output layer (§3.4), and so
    does the naming objective: what a pronoun stands for is predicted from the encoder's output at
    the pronoun through the same E.
    """

    config: ModelConfig

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model, padding_idx=PAD)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.naming = nn.Linear(config.d_model, config.d_model)
        self.logits = Probe()
        self._initialise()

    def forward(
        self, source: Int[Tensor, "B S"], target: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T vocab"]:
        """Logits of the word after each target word, all target words given (teacher forcing)."""
        return self.decode(target, self.encode(source), padding_mask(source, PAD))

    def encode(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S d_model"]:
        """The encoder's output, one vector for each source piece."""
        memory: Tensor = self.encoder(self.embedding(source), padding_mask(source, PAD))
        return memory

    def states(
        self,
        target: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S d_model"],
        memory_mask: Bool[Tensor, "B 1 1 S"],
        cache: DecoderCache | None = None,
    ) -> Float[Tensor, "B T d_model"]:
        """The decoder's output after each target word; with a cache, `target` is the new words."""
        cache = cache or self.new_cache()
        seen = cache.length + target.size(1)
        mask = look_ahead_mask(seen, target.device)[None, None, cache.length :]
        if cache.length == 0:  # only whole, padded batches hold padding; decoding writes none
            mask = mask & padding_mask(target, PAD)
        x: Tensor = self.decoder(self.embedding(target), memory, mask, memory_mask, cache)
        return x

    def new_cache(self) -> DecoderCache:
        """An empty cache for decoding word by word."""
        return DecoderCache([LayerCache() for _ in self.decoder.layers])

    def _initialise(self) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        # √d_model · E then has unit variance, and so have the logits of a normalised x.
        nn.init.normal_(self.embedding.weight, std=self.config.d_model**-0.5)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0
