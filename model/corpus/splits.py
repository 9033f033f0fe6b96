"""What is held out: pairs of nouns by a stable hash, whole templates by a field of theirs."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Literal

Split = Literal["train", "pairs", "templates"]
SPLITS: tuple[Split, ...] = ("train", "pairs", "templates")

# The pairs of the famous sentences are never seen in training.
SHOWCASE_PAIRS = frozenset({("animal", "street"), ("cup", "pitcher")})
_ONE_IN = 10


@cache
def pair_is_held_out(first: str, second: str) -> bool:
    """Whether two nouns (their ids, in any order) never stand as rivals in the training split."""
    pair = (min(first, second), max(first, second))
    if pair in SHOWCASE_PAIRS:
        return True
    digest = hashlib.blake2b("|".join(pair).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _ONE_IN == 0
