"""Sentences from files, mixed by where they come from rather than line by line.

A corpus is mostly what was easy to collect (manuals), not what a class types. So every group of
origins has a share of its own (`data/origins.json`), however many lines it has; an origin that the
file does not name belongs to the group "other", and so does every line without one.
"""

from __future__ import annotations

import json
import random
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from ..config import DIRECTIONS, Lang
from ..tokenizer import language_of
from .loaders import Pair, read_pairs, read_pronouns
from .writing import Sentence

_PRONOUN_SHARE = 0.04  # of what is read: labelled pronouns are few, and soon known by heart


@dataclass(frozen=True)
class Read:
    """A sentence from a file: its translation, or the labelled pronouns in it (then no target)."""

    source: Sentence
    target: str
    to: Lang
    origin: str


class Mixture:
    """What was read from the files, to be drawn from group by group.

    Args:
        directions: the others' lines are left out.

    Raises:
        ModelError: what `read_pairs` and `read_pronouns` raise.
    """

    def __init__(
        self,
        pairs: Sequence[Path] = (),
        pronouns: Sequence[Path] = (),
        directions: Collection[tuple[Lang, Lang]] = tuple(DIRECTIONS),
    ) -> None:
        self._directions, self._files = directions, (tuple(pairs), tuple(pronouns))
        self.name = " ".join(f"{path.name}:{_checksum(path)}" for path in (*pairs, *pronouns))
        self._pools: dict[tuple[Lang, Lang, str], list[Read]] = defaultdict(list)
        for path in pairs:
            found = list(read_pairs(path))
            langs = (
                column_language([p.source for p in found]),
                column_language([p.target for p in found]),
            )
            for pair in found:
                self._add(pair, *langs)
        named = [sentence for path in pronouns for sentence in read_pronouns(path)]
        if named:
            origin = "winogrande-train_l"
            self._pools["en", "ko", "pronouns"] = [Read(s, "", "ko", origin) for s in named]
        self._shares = _normalised({pool: _share(*pool) for pool in self._pools})

    def __len__(self) -> int:
        return sum(map(len, self._pools.values()))

    def __reduce__(self) -> tuple[type[Mixture], tuple[Any, ...]]:
        """Another process reads the files itself, which takes no longer than to be told of them."""
        return Mixture, (*self._files, self._directions)

    def draw(self, n: int, turn: int, seed: int) -> Iterator[Read]:
        """About `n` sentences, each pool's in its own share.

        Turn after turn of the same `n` goes through a pool in a shuffled order, so that none of its
        lines comes a third time before all have come twice.
        """
        for pool, share in self._shares.items():
            count, lines = round(n * share), self._pools[pool]
            for place in range(turn * count, (turn + 1) * count):
                round_, line = divmod(place, len(lines))
                yield lines[_shuffled(f"{seed} {pool} {round_}", len(lines))[line]]

    def texts(self, n: int) -> Iterator[str]:
        """Both sides of about `n` of them, for a vocabulary."""
        for read in self.draw(n, turn=0, seed=0):
            yield read.source.text
            if read.target:
                yield read.target

    def origins(self) -> list[dict[str, Any]]:
        """Where the sentences come from, for the card: origin, licence, source, lines."""
        lines = Counter((read.origin, read.to) for pool in self._pools.values() for read in pool)
        counted: dict[str, int] = defaultdict(int)
        for (origin, _), count in lines.items():
            counted[origin] = max(counted[origin], count)  # a pair serves both directions
        known = _origins()["origins"]
        return [
            {
                "origin": origin or "other",
                "licence": known.get(origin, {}).get("licence", "unknown"),
                "from": known.get(origin, {}).get("from", ""),
                "lines": count,
            }
            for origin, count in sorted(counted.items(), key=lambda item: -item[1])
        ]

    def _add(self, pair: Pair, first: Lang, second: Lang) -> None:
        group = _group(pair.origin)
        if max(len(pair.source.split()), len(pair.target.split())) > most_words(pair.origin):
            return
        for text, lang, other, to in (
            (pair.source, first, pair.target, second),
            (pair.target, second, pair.source, first),
        ):
            if (lang, to) in self._directions:
                read = Read(Sentence(text, (), ()), other, to, pair.origin)
                self._pools[lang, to, group].append(read)


def column_language(column: Sequence[str]) -> Lang:
    """A column's language: what most of its lines are in ("Bonjour !" alone does not tell)."""
    return Counter(map(language_of, column[:2000])).most_common(1)[0][0] if column else "en"


def _share(source: Lang, to: Lang, group: str) -> float:
    if group == "pronouns":
        return _PRONOUN_SHARE
    return DIRECTIONS[source, to] * float(_origins()["groups"][group]["share"])


def _group(origin: str) -> str:
    return str(_origins()["origins"].get(origin, {"group": "other"})["group"])


def most_words(origin: str) -> int:
    """Lines of this origin with a longer side are left out."""
    return int(_origins()["groups"][_group(origin)]["most_words"])


@cache
def _origins() -> dict[str, Any]:
    path = resources.files("model.corpus").joinpath("data/origins.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _normalised(shares: dict[Any, float]) -> dict[Any, float]:
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


@lru_cache(maxsize=64)
def _shuffled(seed: str, n: int) -> tuple[int, ...]:
    order = list(range(n))
    random.Random(seed).shuffle(order)
    return tuple(order)


def _checksum(path: Path) -> str:
    return f"{zlib.crc32(path.read_bytes()):08x}" if path.is_file() else "missing"
