"""How alike two attention maps are, and which row of the one is which row of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from ..trace import Kind, Trace
from ..training.film import Film
from .words import labels, merge_mask, merge_words, pronoun_word

Words = Sequence[tuple[str, list[int], tuple[int, int] | None]]

# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def js_rows(
    a: Float[np.ndarray, "query key"], b: Float[np.ndarray, "query key"]
) -> Float[np.ndarray, " query"]:
    """Jensen–Shannon divergence of each row, in bits: 0 where equal, 1 where no key is shared.

    JS(p, q) = ½ Σ p log₂(p/m) + ½ Σ q log₂(q/m) with m = ½ (p + q) and 0 · log 0 = 0
    (Lin 1991). Rows are brought to sum to 1; a row of zeros, which may look at nothing, has all its
    share on one more outcome, "nothing": two of them are equal, one beside any other is 1 bit away.

    Raises:
        ValueError: the shapes differ.
    """
    p, q = _shares(a, b), _shares(b, a)
    m = (p + q) / 2
    bits: Float[np.ndarray, " query"] = (_p_log(p, m) + _p_log(q, m)) / 2
    return np.clip(bits, 0.0, 1.0)


def cosine_rows(
    a: Float[np.ndarray, "query key"], b: Float[np.ndarray, "query key"]
) -> Float[np.ndarray, " query"]:
    """Cosine of each row, a·b / (|a| |b|): 1 where they point the same way, 0 where they share
    no key. Two rows of zeros are alike (1), one beside any other is not (0).

    Raises:
        ValueError: the shapes differ.
    """
    _check_shapes(a, b)
    p, q = a.astype(np.float64), b.astype(np.float64)
    product = (p * q).sum(axis=-1)
    lengths = np.sqrt((p * p).sum(axis=-1) * (q * q).sum(axis=-1))
    both_empty = ~(p.any(axis=-1) | q.any(axis=-1))
    cosine = np.where(both_empty, 1.0, product / np.where(lengths > 0, lengths, 1.0))
    return np.clip(cosine, 0.0, 1.0)


def _shares(
    rows: Float[np.ndarray, "query key"], other: Float[np.ndarray, "query key"]
) -> Float[np.ndarray, "query outcome"]:
    _check_shapes(rows, other)
    weights = np.clip(rows.astype(np.float64), 0.0, None)
    total = weights.sum(axis=-1, keepdims=True)
    nothing = (total == 0).astype(np.float64)
    return np.concatenate([weights / (total + nothing), nothing], axis=-1)


def _p_log(
    p: Float[np.ndarray, "query outcome"], m: Float[np.ndarray, "query outcome"]
) -> Float[np.ndarray, " query"]:
    there = p > 0
    ratio = np.where(there, p, 1.0) / np.where(there, m, 1.0)
    total: Float[np.ndarray, " query"] = (p * np.log2(ratio)).sum(axis=-1)
    return total


def _check_shapes(a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]) -> None:
    if a.shape != b.shape:
        raise ValueError(f"maps {a.shape} and {b.shape} have no rows and columns in common")


def least_like(heads: Float[np.ndarray, "head query key"], one: int) -> int:
    """The head that is furthest from `one`: largest mean Jensen–Shannon divergence; else `one`."""
    return int(np.argmax([js_rows(heads[one], other).mean() for other in heads]))


# ── one head's map, with what stands along its sides ─────────────────────────────────────────────


@dataclass(frozen=True)
class Along:
    """What stands along one side of a map.

    Attributes:
        labels: of every row or column.
        words: (word, [rows], characters in the text; None for `<s>`, `</s>` and tags).
        pronoun: the word whose meaning the model is asked for.
    """

    labels: list[str]
    words: Words
    pronoun: int | None = None

    @property
    def pieces(self) -> list[list[int]]:
        """For each word, its rows."""
        return [rows for _, rows, _ in self.words]

    @property
    def merged(self) -> Along:
        """The same words, a row each."""
        words = [(word, [n], span) for n, (word, _, span) in enumerate(self.words)]
        return replace(self, labels=[word for word, *_ in words], words=words)


@dataclass(frozen=True)
class HeadMap:
    """One head's weights.

    Attributes:
        mask: True = may attend.
        error: how far a weight may be from the model's own: 0 where it is the model's own float32.
    """

    weights: Float[np.ndarray, "query key"]
    mask: Bool[np.ndarray, "query key"]
    query: Along
    key: Along
    error: float = 0.0

    @property
    def merged(self) -> HeadMap:
        """Between words: sum over keys, mean over queries."""
        pieces = self.query.pieces, self.key.pieces
        return replace(
            self,
            weights=merge_words(self.weights, *pieces),
            mask=merge_mask(self.mask, *pieces),
            query=self.query.merged,
            key=self.key.merged,
            error=self.error * max(map(len, pieces[1])),  # each of the summed weights may be off
        )


FILM_ERROR = 1 / 510
"""A film keeps weights in 256 steps."""


def head_map(trace: Trace, kind: Kind, layer: int, head: int) -> HeadMap:
    """One head of a sentence that the model has just read.

    Raises:
        IndexError: there is no such layer or head.
    """
    source = _along(trace.source_tokens, trace.source_words, pronoun_word(trace))
    target = _along(trace.target_tokens, trace.target_words)
    query, key = source if kind == "encoder" else target, target if kind == "decoder" else source
    return HeadMap(trace.attention(kind)[layer, head], trace.mask(kind), query, key)


def film_map(film: Film, moment: int, sentence: int, layer: int, head: int) -> HeadMap:
    """One encoder head of a sentence, as it was at a moment of the training.

    Raises:
        IndexError: there is no such moment, sentence, layer or head.
    """
    shown = film.sentences[sentence]
    first = shown.pronoun_token
    pronoun = next(n for n, (_, pieces, _) in enumerate(shown.words) if first in pieces)
    along = _along(shown.tokens, shown.words, pronoun)
    weights = film.attention(moment, sentence)[layer, head]
    return HeadMap(weights, np.ones(weights.shape, dtype=bool), along, along, FILM_ERROR)


def _along(tokens: Sequence[str], words: Words, pronoun: int | None = None) -> Along:
    return Along(labels(tokens, [pieces for _, pieces, _ in words]), words, pronoun)


# ── which row is which ───────────────────────────────────────────────────────────────────────────


def linked(a: Along, b: Along) -> list[list[int]] | None:
    """For each row of one side, the rows that say the same on the other; None: the same index.

    A token is linked with all tokens of the word that its own word is aligned with.
    """
    if _same(a, b):
        return None
    rows: list[list[int]] = [[] for _ in a.labels]
    for mine, theirs in _aligned(a, b):
        for row in a.words[mine][1]:
            rows[row] = list(b.words[theirs][1])
    return rows


def _aligned(a: Along, b: Along) -> list[tuple[int, int]]:
    """Pairs of words: place by place where the sentences are built alike, else equal words in
    their order, and one pronoun with the other."""
    if _one_by_one(a, b) is None:
        return [(n, n) for n in range(len(a.words))]
    mine, theirs = ([word.casefold() for word, *_ in side.words] for side in (a, b))
    blocks = SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
    pairs = [(i + n, j + n) for i, j, size in blocks for n in range(size)]
    pronouns = (a.pronoun, b.pronoun)
    if pronouns[0] is not None and pronouns[1] is not None:
        pairs = [pair for pair in pairs if pair[0] != pronouns[0] and pair[1] != pronouns[1]]
        pairs.append((pronouns[0], pronouns[1]))
    return pairs


def _same(a: Along, b: Along) -> bool:
    return a.labels == b.labels and a.pieces == b.pieces


def _one_by_one(a: Along, b: Along) -> Why | None:
    """None where every word has its partner at its own place: as many words, and of those that
    are words at all at least half the same."""
    if len(a.words) != len(b.words):
        return "length"
    pairs = [
        (one[0].casefold(), other[0].casefold())
        for one, other in zip(a.words, b.words, strict=True)
        if one[2] and other[2] and any(map(str.isalnum, one[0] + other[0]))
    ]
    equal = sum(one == other for one, other in pairs)
    return None if 2 * equal >= len(pairs) else "words"


# ── two maps ─────────────────────────────────────────────────────────────────────────────────────

Why = Literal["length", "words"]
Side = Literal["query", "key"]


@dataclass(frozen=True)
class Unlike:
    """Why two maps cannot be laid over one another.

    Attributes:
        side: where their words differ: the rows (queries) or the columns (keys).
        why: `length`: not the same number of words; `words`: most words differ.
        counts: words on that side of the first and of the second map.
    """

    side: Side
    why: Why
    counts: tuple[int, int]


@dataclass(frozen=True)
class Compared:
    """Two maps with the same rows and columns.

    Attributes:
        unit: what a row stands for; words where the two are cut into tokens differently.
        queries, keys: labels; "tired / wide" where the two differ.
    """

    unit: Literal["tokens", "words"]
    a: HeadMap
    b: HeadMap
    queries: list[str]
    keys: list[str]

    @property
    def difference(self) -> Float[np.ndarray, "query key"]:
        """a − b, −1..1."""
        return self.a.weights - self.b.weights

    @property
    def mask(self) -> Bool[np.ndarray, "query key"]:
        """False where neither may attend."""
        return self.a.mask | self.b.mask

    @property
    def error(self) -> float:
        """How far a difference may be from the models' own."""
        return self.a.error + self.b.error

    @property
    def forced(self) -> int:
        """Rows that may look at one key alone: alike, whatever the heads do."""
        return int((self.mask.sum(axis=-1) == 1).sum())

    @cached_property
    def js(self) -> Float[np.ndarray, " query"]:
        """Of each row, in bits."""
        return js_rows(self.a.weights, self.b.weights)

    @cached_property
    def cosine(self) -> Float[np.ndarray, " query"]:
        """Of each row."""
        return cosine_rows(self.a.weights, self.b.weights)

    @property
    def mean_js(self) -> float:
        """Over rows."""
        return float(self.js.mean())

    @property
    def mean_cosine(self) -> float:
        """Over rows."""
        return float(self.cosine.mean())

    @property
    def furthest(self) -> int:
        """The row that differs the most."""
        return int(self.js.argmax())


def compare(a: HeadMap, b: HeadMap, *, merged: bool = False) -> Compared | Unlike:
    """Lay two maps over one another: token by token, or word by word where only words agree.

    Args:
        merged: by words in any case.
    """
    sides: tuple[tuple[Side, Along, Along], ...] = (
        ("query", a.query, b.query),
        ("key", a.key, b.key),
    )
    for side, one, other in sides:
        why = _one_by_one(one, other)
        if why is not None:
            return Unlike(side, why, (len(one.words), len(other.words)))
    unit: Literal["tokens", "words"] = "tokens"
    if merged or not (_same(a.query, b.query) and _same(a.key, b.key)):
        unit, a, b = "words", a.merged, b.merged
    return Compared(
        unit, a, b, _names(a.query.labels, b.query.labels), _names(a.key.labels, b.key.labels)
    )


def _names(a: Sequence[str], b: Sequence[str]) -> list[str]:
    pairs = zip(a, b, strict=True)
    return [one if one == other else f"{one} / {other}" for one, other in pairs]
