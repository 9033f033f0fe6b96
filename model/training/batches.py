"""Sentences → token-budget batches, the same ones for the same seed on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import add
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from ..config import Lang, TrainConfig
from ..corpus.generator import Example, Reference, Sentence, generate, templates
from ..corpus.mixture import Mixture
from ..corpus.writing import relabelled
from ..errors import ModelError
from ..masks import pad
from ..tokenizer import Tokenizer
from ..transformer import EOS, PAD
from .swapping import Swapper

MOST_PIECES = 90  # a side; what is longer is left out, as no class types it
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
    """`<s>`, language tag, pieces, `</s>`; the first two alone where no translation is known."""


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


def joined(sentences: Sequence[Sentence]) -> Sentence:
    """Sentences in a row as one text, with a space between them and all their pronouns."""
    text, labels = "", list[Sentence]()
    for sentence in sentences:
        text += " " if text else ""
        at = len(text)
        text += sentence.text
        labels.append(relabelled(sentence, text, partial(add, at)))
    return Sentence(
        text,
        tuple(reference for each in labels for reference in each.references),
        tuple(cut for each in labels for cut in each.cuts),
    )


class TrainingSet:
    """Epoch after epoch of batches: newly generated sentences, and what was read from files.

    Which pairs stand in which batch follows from the seed, the epoch and nothing else: training
    that goes on after a kill reads exactly what it would have read.
    """

    def __init__(
        self, config: TrainConfig, tokenizer: Tokenizer, mixture: Mixture | None = None
    ) -> None:
        self._config, self._tokenizer, self._mixture = config, tokenizer, mixture
        self._swapper = Swapper(tokenizer)

    def batches(self, epoch: int) -> list[list[Pair]]:
        """Batches of at most `batch_tokens` pieces with their padding, in random order.

        Raises:
            ModelError: `nothing_to_learn` where no sentence is left.
        """
        rng = random.Random(f"{self._config.seed} epoch {epoch}")
        alone = self._mixture is None or epoch < self._config.alone_epochs
        share = 0.0 if alone else self._config.read_share
        pairs: list[Pair] = []
        if share < 1:
            pairs += [self._generated(row, rng) for row in self._rows(epoch, rng)]
        n = round(len(pairs) * share / (1 - share)) if share < 1 else self._config.items
        pairs += self._read(n, epoch, rng)
        rng.shuffle(pairs)
        batches = [
            batch
            for start in range(0, len(pairs), _SHARD)
            for batch in _within_budget(pairs[start : start + _SHARD], self._config.batch_tokens)
        ]
        if not batches:
            raise ModelError(
                "nothing_to_learn",
                f"no sentence is left to learn from: those in the files have more than "
                f"{MOST_PIECES} pieces, or are not in the chosen languages",
                limit=MOST_PIECES,
            )
        rng.shuffle(batches)
        return batches

    def _rows(self, epoch: int, rng: random.Random) -> Iterator[tuple[Example, ...]]:
        """Each of the epoch's examples once: alone, or two or three in a row."""
        drawn, share = examples(self._config, epoch), self._config.joined_share
        if share:
            shuffled = list(drawn)  # twins would else stand in one row
            rng.shuffle(shuffled)
            drawn = iter(shuffled)
        for first in drawn:
            more = rng.choice((1, 2)) if share and rng.random() < share else 0
            yield (first, *islice(drawn, more))

    def _generated(self, row: Sequence[Example], rng: random.Random) -> Pair:
        """The examples, translated in one direction or only named."""
        shares, named_only = self._config.shares, self._config.named_only_share
        directions = list(shares)
        ((source, target),) = rng.choices(directions, list(shares.values()))
        refers = any(example.sentences[source].references for example in row)
        asks = bool(named_only and refers) and rng.random() < named_only
        if asks:  # nothing is translated: Korean is read as often as English
            source, target = rng.choice(directions)
        read, wanted = (joined([e.sentences[lang] for e in row]) for lang in (source, target))
        if asks and self._is_swapped(row, rng):
            read = self._swapper.swapped(read, rng)
        return self._pair(read, "" if asks else wanted.text, target, rng)

    def _is_swapped(self, row: Sequence[Example], rng: random.Random) -> bool:
        share = self._config.swapped_share
        decided = bool(share) and all(templates()[example.template].frame for example in row)
        return decided and rng.random() < share

    def _read(self, n: int, epoch: int, rng: random.Random) -> Iterator[Pair]:
        drawn = self._mixture.draw(n, epoch, self._config.seed) if self._mixture and n else ()
        for read in drawn:
            try:
                pair = self._pair(read.source, read.target, read.to, rng)
            except ValueError:  # a labelled pronoun or antecedent that is no piece
                continue
            if max(len(pair.source.ids), len(pair.target)) <= MOST_PIECES:
                yield pair

    def _pair(self, sentence: Sentence, translation: str, to: Lang, rng: random.Random) -> Pair:
        typed = as_typed(sentence, rng) if rng.random() < _AS_TYPED else sentence
        target = tuple(self._tokenizer.target(translation, to).ids)
        return Pair(encode(self._tokenizer, typed), (*target, EOS) if translation else target)


def examples(config: TrainConfig, epoch: int) -> Iterator[Example]:
    """The sentences that these settings generate for an epoch; every epoch has new ones."""
    seed = config.seed * 1000 + epoch
    for item in generate(
        config.items, seed=seed, pronoun_share=config.pronoun_share, families=config.families
    ):
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
