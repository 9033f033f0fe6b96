"""Sentences → token-budget batches, the same ones for the same seed on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from ..config import DIRECTIONS, Lang, TrainConfig
from ..corpus.generator import Example, Reference, Sentence, generate
from ..masks import pad
from ..tokenizer import Tokenizer
from ..transformer import EOS, PAD

_AS_TYPED = 0.15  # share of sources that begin small or lack the full stop, as people type
_SHARD = 8192  # examples that are sorted by length together


@dataclass(frozen=True)
class Naming:
    """Where a pronoun stands in a source, and the pieces of what it stands for."""

    pronoun: int
    antecedent: tuple[int, ...]


@dataclass(frozen=True)
class Encoded:
    """A sentence as ids, `</s>` at its end, with its pronouns."""

    ids: tuple[int, ...]
    namings: tuple[Naming, ...]


@dataclass(frozen=True)
class Pair:
    """A sentence in one language and its translation."""

    source: Encoded
    target: tuple[int, ...]
    """`<s>`, language tag, pieces, `</s>`."""


class Batch(NamedTuple):
    """Padded ids, and for each of N pronouns where it stands and what it stands for."""

    source: Int[Tensor, "B S"]
    target: Int[Tensor, "B T"]
    pronoun_row: Int[Tensor, " N"]
    pronoun_at: Int[Tensor, " N"]
    antecedent: Int[Tensor, "N P"]
    """Vocabulary ids of the antecedent's pieces, padded."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(*(tensor.to(device) for tensor in self))


def encode(tokenizer: Tokenizer, sentence: Sentence) -> Encoded:
    """A corpus sentence as the encoder reads it.

    Raises:
        ValueError: if a pronoun or its antecedent is empty.
    """
    encoding = tokenizer.source(sentence.text)

    def naming(reference: Reference) -> Naming:
        pronoun, antecedent = (
            encoding.pieces_in(span.start, span.end)
            for span in (reference.pronoun, reference.antecedent)
        )
        if not pronoun or not antecedent:
            raise ValueError(f"no piece stands for {reference} in {sentence.text!r}")
        return Naming(pronoun[0], tuple(encoding.ids[n] for n in antecedent))

    return Encoded(tuple(encoding.ids), tuple(naming(r) for r in sentence.references))


def as_typed(sentence: Sentence, rng: random.Random) -> Sentence:
    """The sentence as people type it in a hurry: a small first letter, no full stop."""
    text = sentence.text
    if rng.random() < 0.5 and text[1:2].islower():
        text = text[0].lower() + text[1:]
    if rng.random() < 0.5:
        text = text.removesuffix(".")
    return Sentence(text, sentence.references, tuple(c for c in sentence.cuts if c < len(text)))


class TrainingSet:
    """Generated examples, each translated in one direction per epoch.

    Which pairs stand in which batch follows from the seed, the epoch and nothing else: training
    that goes on after a kill reads exactly what it would have read.
    """

    def __init__(self, config: TrainConfig, tokenizer: Tokenizer) -> None:
        self._config, self._tokenizer = config, tokenizer
        rng = random.Random(f"{config.seed} as typed")
        self._examples = [self._encode(example, rng) for example in examples(config)]

    def __len__(self) -> int:
        return len(self._examples)

    def batches(self, epoch: int) -> list[list[Pair]]:
        """Every example once, in batches of at most `batch_tokens` pieces with their padding."""
        rng = random.Random(f"{self._config.seed} epoch {epoch}")
        pairs = [self._pair(languages, rng) for languages in self._examples]
        rng.shuffle(pairs)
        batches = [
            batch
            for start in range(0, len(pairs), _SHARD)
            for batch in _within_budget(pairs[start : start + _SHARD], self._config.batch_tokens)
        ]
        rng.shuffle(batches)
        return batches

    def _encode(
        self, example: Example, rng: random.Random
    ) -> dict[Lang, tuple[Encoded, tuple[int, ...]]]:
        encoded: dict[Lang, tuple[Encoded, tuple[int, ...]]] = {}
        for lang, sentence in example.sentences.items():
            target = self._tokenizer.target(sentence.text, lang).ids
            typed = as_typed(sentence, rng) if rng.random() < _AS_TYPED else sentence
            encoded[lang] = encode(self._tokenizer, typed), (*target, EOS)
        return encoded

    @staticmethod
    def _pair(languages: dict[Lang, tuple[Encoded, tuple[int, ...]]], rng: random.Random) -> Pair:
        ((source, target),) = rng.choices(list(DIRECTIONS), list(DIRECTIONS.values()))
        return Pair(languages[source][0], languages[target][1])


def examples(config: TrainConfig) -> Iterator[Example]:
    """The training corpus that these settings name."""
    for item in generate(config.items, seed=config.seed, pronoun_share=config.pronoun_share):
        yield from item.examples


def collate(pairs: Sequence[Pair]) -> Batch:
    """Pairs as one padded batch."""
    found = [(row, naming) for row, pair in enumerate(pairs) for naming in pair.source.namings]
    return Batch(
        pad([pair.source.ids for pair in pairs], PAD),
        pad([pair.target for pair in pairs], PAD),
        torch.tensor([row for row, _ in found], dtype=torch.long),
        torch.tensor([naming.pronoun for _, naming in found], dtype=torch.long),
        pad([naming.antecedent for _, naming in found], PAD),
    )


def _within_budget(pairs: list[Pair], budget: int) -> Iterator[list[Pair]]:
    pairs = sorted(pairs, key=lambda pair: (len(pair.source.ids), len(pair.target)))
    batch: list[Pair] = []
    widths = 0, 0
    for pair in pairs:
        wider = max(widths[0], len(pair.source.ids)), max(widths[1], len(pair.target))
        if batch and sum(wider) * (len(batch) + 1) > budget:
            yield batch
            batch, wider = [], (len(pair.source.ids), len(pair.target))
        batch.append(pair)
        widths = wider
    if batch:
        yield batch
