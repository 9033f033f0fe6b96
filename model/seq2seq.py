"""What training, decoding and checkpoints ask of a model: encode, decode, name."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .capture import Probe
from .config import AnyConfig


class Cache(Protocol):
    """What decoding word by word keeps from step to step."""

    def select(self, rows: Int[Tensor, " n"]) -> None:
        """Go on with these sentences of the batch, in this order."""


C = TypeVar("C", bound=Cache)


class Seq2Seq(nn.Module, Generic[C]):
    """Source ids and target ids in, next-word logits out, through one tied embedding matrix."""

    config: AnyConfig
    embedding: nn.Embedding
    naming: nn.Linear
    logits: Probe

    def encode(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S d_memory"]:
        """The encoder's output, one vector for each source piece."""
        raise NotImplementedError

    def states(
        self,
        target: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S d_memory"],
        memory_mask: Bool[Tensor, "B 1 1 S"],
        cache: C | None = None,
    ) -> Float[Tensor, "B T d_model"]:
        """The decoder's output after each target word; with a cache, `target` is the new words."""
        raise NotImplementedError

    def decode(
        self,
        target: Int[Tensor, "B T"],
        memory: Float[Tensor, "B S d_memory"],
        memory_mask: Bool[Tensor, "B 1 1 S"],
        cache: C | None = None,
    ) -> Float[Tensor, "B T vocab"]:
        """Logits after each target word; with a cache, `target` holds only the new words."""
        states = self.states(target, memory, memory_mask, cache)
        return self.logits(states @ self.embedding.weight.T)

    def new_cache(self) -> C:
        """An empty cache for decoding word by word."""
        raise NotImplementedError

    def name(self, encoded: Float[Tensor, "n d_memory"]) -> Float[Tensor, "n vocab"]:
        """Logits of what a pronoun stands for, from the encoder's output at the pronoun."""
        logits: Tensor = self.naming(encoded) @ self.embedding.weight.T
        return logits
