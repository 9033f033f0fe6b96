"""What is held out: noun pairs by a hash, nouns by a list, templates by a field of theirs."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Literal

Split = Literal["train", "pairs", "templates", "nouns"]
SPLITS: tuple[Split, ...] = ("train", "pairs", "templates", "nouns")

# The pairs of the famous sentences are never seen in training.
SHOWCASE_PAIRS = frozenset({("animal", "street"), ("cup", "pitcher")})
# Some of every kind: persons, animals, places, clothes … and none of the famous sentences.
_HELD_OUT_NOUNS = """angel apartment axe beetle can charger clay coal dragon earphone eraser factory
garlic ghost gimbap headset helmet honey iron kimchi mailbox menu pearl pill polar_bear projector
rainbow rake rocket shark sign silk smartwatch spider submarine tteokbokki walrus waterfall whale
whistle"""
HELD_OUT_NOUNS = frozenset(_HELD_OUT_NOUNS.split())
_ONE_PAIR_IN = 10


@cache
def pair_is_held_out(first: str, second: str) -> bool:
    """Whether two nouns (their ids, in any order) never stand as rivals in the training split."""
    pair = (min(first, second), max(first, second))
    return pair in SHOWCASE_PAIRS or _lot("|".join(pair)) % _ONE_PAIR_IN == 0


def noun_is_held_out(noun: str) -> bool:
    """Whether a noun (its id) never stands in a twin of the training split."""
    return noun in HELD_OUT_NOUNS


def _lot(text: str) -> int:
    """A number that is the same in every run and on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
