"""Sentences that a training does not learn from: generated ones, and uploaded pairs kept aside."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import Lang, TrainConfig
from ..corpus import uploads
from ..corpus.generator import generate
from ..corpus.loaders import read_pairs
from ..corpus.writing import Sentence
from ..tokenizer import Tokenizer
from ..transformer import EOS
from .batches import MOST_PIECES, Batch, Pair, collate, encode

_HELD_OUT = 64  # generated sentence pairs of the held-out loss
_HELD_OUT_UPLOADED = 32  # and uploaded ones at most
_HELD_OUT_SEED = 10_001


@dataclass(frozen=True)
class Unseen:
    """A sentence and its translation."""

    direction: tuple[Lang, Lang]
    source: Sentence
    target: str
    uploaded: bool


def unseen(config: TrainConfig, out: Path) -> list[Unseen]:
    """What a training in `out` is measured on, the same sentences every time."""
    uploaded = list(itertools.islice(_uploaded(config, out), _HELD_OUT_UPLOADED))
    alone = uploaded and config.read_share == 1
    return uploaded if alone else [*_generated(config), *uploaded]


def _generated(config: TrainConfig) -> Iterator[Unseen]:
    """Each example in one direction, the directions taking turns."""
    items = generate(_HELD_OUT // 2, seed=_HELD_OUT_SEED, split="pairs", families=config.families)
    examples = (example for item in items for example in item.examples)
    for example, (source, to) in zip(examples, itertools.cycle(config.shares), strict=False):
        yield Unseen((source, to), example.sentences[source], example.sentences[to].text, False)


def _uploaded(config: TrainConfig, out: Path) -> Iterator[Unseen]:
    """Pairs that were kept aside, the directions taking turns."""
    for file in sorted(out.glob("upload-*.tsv")):
        pairs = list(read_pairs(file))
        langs = uploads.languages(pairs)
        directions = [d for d in uploads.directions_of(langs) if d in config.shares]
        _, aside = uploads.split(pairs)
        for pair, (source, to) in zip(aside, itertools.cycle(directions), strict=False):
            sides = dict(zip(langs, (pair.source, pair.target), strict=True))
            yield Unseen((source, to), Sentence(sides[source], (), ()), sides[to], True)


def batch(tokenizer: Tokenizer, found: Sequence[Unseen], config: TrainConfig) -> Batch:
    """All of them at once; the generated ones where every other is too long."""
    return collate(
        list(_encoded(tokenizer, found)) or list(_encoded(tokenizer, list(_generated(config))))
    )


def _encoded(tokenizer: Tokenizer, found: Sequence[Unseen]) -> Iterator[Pair]:
    for one in found:
        try:
            read = encode(tokenizer, one.source)
        except ValueError:  # a pronoun that is no piece: its character is not in the vocabulary
            continue
        target = (*tokenizer.target(one.target, one.direction[1]).ids, EOS)
        if max(len(read.ids), len(target)) <= MOST_PIECES:
            yield Pair(read, target)


def samples(
    tokenizer: Tokenizer, found: Sequence[Unseen], config: TrainConfig
) -> Iterator[tuple[str, Lang]]:
    """Sentences whose translation is shown: one a direction, and one of the uploaded ones.

    None that is longer than those of a training.
    """
    for n, direction in enumerate(config.shares):
        for uploaded in (False, True):
            of_these = [
                one.source.text
                for one in found
                if one.direction == direction
                and one.uploaded == uploaded
                and len(tokenizer.source(one.source.text).ids) <= MOST_PIECES
            ]
            if of_these:
                yield of_these[min(n, len(of_these) - 1)], direction[1]
