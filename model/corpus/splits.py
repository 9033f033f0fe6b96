"""What is held out: pairs of nouns and nouns by a stable hash, templates by a field of theirs."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Literal

Split = Literal["train", "pairs", "templates", "nouns"]
SPLITS: tuple[Split, ...] = ("train", "pairs", "templates", "nouns")

# The pairs of the famous sentences are never seen in training.
SHOWCASE_PAIRS = frozenset({("animal", "street"), ("cup", "pitcher")})
# Nouns of the famous sentences, and three that a class is sure to type, are never held out.
_TRAINED = """animal street pitcher kettle cup trophy suitcase cat mouse ball window truck bus
doctor patient dog house fence thief"""
TRAINED_NOUNS = frozenset(_TRAINED.split())
_ONE_PAIR_IN = 10
_ONE_NOUN_IN = 26  # about forty nouns, some of every kind: persons, animals, places, clothes …


@cache
def pair_is_held_out(first: str, second: str) -> bool:
    """Whether two nouns (their ids, in any order) never stand as rivals in the training split."""
    pair = (min(first, second), max(first, second))
    return pair in SHOWCASE_PAIRS or _lot("|".join(pair)) % _ONE_PAIR_IN == 0


@cache
def noun_is_held_out(noun: str) -> bool:
    """Whether a noun (its id) never stands in a twin of the training split."""
    return noun not in TRAINED_NOUNS and _lot(f"nouns {noun}") % _ONE_NOUN_IN == 0


def _lot(text: str) -> int:
    """A number that is the same in every run and on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
