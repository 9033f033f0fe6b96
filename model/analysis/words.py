"""From pieces to words: the arithmetic behind a map that a class can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from ..trace import Kind, Side, Trace
from .coreference import find_pronouns

Pieces = Sequence[Sequence[int]]


def merge_words(
    attention: Float[np.ndarray, "*head query key"], query_words: Pieces, key_words: Pieces
) -> Float[np.ndarray, "*head query_word key_word"]:
    """Attention between words: W = M A S, with A between pieces.

    A word is looked at as much as all its pieces together (S sums over keys), and looks as its
    pieces do on average (M takes the mean over queries), so a row that sums to 1 still does.

    Args:
        attention: weights between pieces; any leading axes (layers, heads) are kept.
        query_words: for each word on the query side, the indices of its pieces.
        key_words: the same for the key side.

    Raises:
        ValueError: the words do not cover every piece exactly once.
    """
    n_queries, n_keys = attention.shape[-2:]
    mean = membership(query_words, n_queries)
    mean /= mean.sum(axis=1, keepdims=True)
    total = membership(key_words, n_keys)
    merged: Float[np.ndarray, "*head query_word key_word"] = mean @ attention @ total.T
    return merged


def merge_mask(
    mask: Bool[np.ndarray, "query key"], query_words: Pieces, key_words: Pieces
) -> Bool[np.ndarray, "query_word key_word"]:
    """A word may attend to a word where any piece of the one may attend to any of the other."""
    allowed: Float[np.ndarray, "query_word key_word"] = (
        membership(query_words, mask.shape[0]) @ mask @ membership(key_words, mask.shape[1]).T
    )
    return allowed > 0


def membership(words: Pieces, n_pieces: int) -> Float[np.ndarray, "word piece"]:
    """1 where the piece belongs to the word, else 0.

    Raises:
        ValueError: a piece belongs to no word, or to more than one.
    """
    matrix = np.zeros((len(words), n_pieces), dtype=np.float32)
    for row, pieces in enumerate(words):
        matrix[row, list(pieces)] = 1
    if not (matrix.sum(axis=0) == 1).all() or sum(map(len, words)) != n_pieces:
        raise ValueError(f"the words {list(words)} do not cover {n_pieces} pieces exactly once")
    return matrix


def word_sums(
    words: Sequence[tuple[str, Sequence[int]]], values: Float[np.ndarray, " piece"]
) -> Float[np.ndarray, " word"]:
    """One number a piece, added up over the pieces of each word."""
    sums: Float[np.ndarray, " word"] = (
        membership([pieces for _, pieces in words], len(values)) @ values
    )
    return sums


def strongest_key(row: Float[np.ndarray, "key"]) -> tuple[int, float] | None:
    """The key that takes the largest weight of one row, or None for a row that attends nowhere."""
    key = int(row.argmax())
    return (key, float(row[key])) if row[key] > 0 else None


def together(
    weights: Float[np.ndarray, "query key"], rows: Sequence[int], how: Literal["mean", "sum"]
) -> Float[np.ndarray, "key"]:
    """Several rows as one: their mean, which sums to 1 as they do, or their sum."""
    chosen = weights[list(rows)]
    taken: Float[np.ndarray, "key"] = chosen.mean(axis=0) if how == "mean" else chosen.sum(axis=0)
    return taken


def telling_row(
    weights: Float[np.ndarray, "query key"], candidates: Sequence[int], *, of_itself: bool
) -> int | None:
    """The row with the largest single weight: the one worth looking at first.

    Args:
        weights: one head's weights.
        candidates: the rows to choose from; None comes back where there are none.
        of_itself: this is self-attention, in which a row that looks at itself tells little.
    """
    if not candidates:
        return None
    worth = weights * (1 - np.eye(len(weights), dtype=weights.dtype)) if of_itself else weights
    return candidates[int(worth[list(candidates)].max(axis=1).argmax())]


def sharpest_head(attention: Float[np.ndarray, "layer head query key"]) -> tuple[int, int]:
    """The head whose rows are on average the most decided: largest mean of the largest weight."""
    decided = attention.max(axis=-1).mean(axis=-1)
    layer, head = np.unravel_index(int(decided.argmax()), decided.shape)
    return int(layer), int(head)


def strongest_head(
    attention: Float[np.ndarray, "layer head query key"], query: int, key: int
) -> tuple[int, int]:
    """The head that looks the most from this query to this key."""
    weights = attention[:, :, query, key]
    layer, head = np.unravel_index(int(weights.argmax()), weights.shape)
    return int(layer), int(head)


@dataclass(frozen=True)
class AttentionMap:
    """All heads of one kind, with rows and columns that a person can read.

    Attributes:
        attention: weights between tokens, or between words where they are merged.
        mask: True = may attend.
        queries, keys: labels, as plain text; "+" marks a token that goes on with the one before.
        query_words: for each word of the query side, the rows that belong to it.
        ordinary: rows that stand for something in the sentence; not `</s>`, `<s>` or a tag.
        ordinary_keys: the same for columns.
    """

    attention: Float[np.ndarray, "layer head query key"]
    mask: Bool[np.ndarray, "query key"]
    queries: list[str]
    keys: list[str]
    query_words: list[list[int]]
    ordinary: list[int]
    ordinary_keys: list[int]

    def row_of(self, word: int) -> int:
        """The row of a word of the query side: its first."""
        return self.query_words[word][0]


def attention_map(trace: Trace, kind: Kind, *, merged: bool) -> AttentionMap:
    """The weights of one kind between tokens, or merged into words."""
    query_side, key_side = SIDES[kind]
    query_words, key_words = _pieces(trace, query_side), _pieces(trace, key_side)
    attention, mask = trace.attention(kind), trace.mask(kind)
    ordinary, ordinary_keys = _ordinary(trace, query_side), _ordinary(trace, key_side)
    if merged:
        return AttentionMap(
            attention=merge_words(attention, query_words, key_words),
            mask=merge_mask(mask, query_words, key_words),
            queries=[word for word, _ in trace.words(query_side)],
            keys=[word for word, _ in trace.words(key_side)],
            query_words=[[word] for word in range(len(query_words))],
            ordinary=ordinary,
            ordinary_keys=ordinary_keys,
        )
    return AttentionMap(
        attention=attention,
        mask=mask,
        queries=_labels(trace, query_side),
        keys=_labels(trace, key_side),
        query_words=query_words,
        ordinary=[piece for word in ordinary for piece in query_words[word]],
        ordinary_keys=[piece for word in ordinary_keys for piece in key_words[word]],
    )


def labels(tokens: Sequence[str], words: Pieces) -> list[str]:
    """Tokens as a person reads them: "+" marks one that goes on with the one before."""
    first = {pieces[0] for pieces in words}
    # A space that is a piece of its own keeps its sign: a row without a name cannot be pointed at.
    shown = [token.replace("▁", "") or "▁" for token in tokens]
    return [token if index in first else f"+{token}" for index, token in enumerate(shown)]


def pronoun_span(trace: Trace) -> tuple[int, int] | None:
    """Characters of the last pronoun with a word before it that it may stand for, or None."""
    first = next((span for _, _, span in trace.source_words if span is not None), (0, 0))
    spans = [span for span in find_pronouns(trace.source_text) if span[0] >= first[1]]
    return spans[-1] if spans else None


def pronoun_word(trace: Trace) -> int | None:
    """The source word that holds `pronoun_span`, or None."""
    pronoun = pronoun_span(trace)
    if pronoun is None:
        return None
    return next(
        word
        for word, (_, _, span) in enumerate(trace.source_words)
        if span is not None and span[0] <= pronoun[0] < span[1]
    )


def shredded(trace: Trace) -> list[str]:
    """Source words read nearly letter by letter: three pieces or more, under two letters each."""
    return [
        word for word, pieces in trace.words("source") if len(pieces) > 2 > len(word) / len(pieces)
    ]


SIDES: dict[Kind, tuple[Side, Side]] = {
    "encoder": ("source", "source"),
    "decoder": ("target", "target"),
    "cross": ("target", "source"),
}


def _ordinary(trace: Trace, side: Side) -> list[int]:
    """Words that stand in the sentence."""
    spans = trace.source_words if side == "source" else trace.target_words
    return [word for word, (_, _, span) in enumerate(spans) if span is not None]


def _pieces(trace: Trace, side: Side) -> list[list[int]]:
    return [pieces for _, pieces in trace.words(side)]


def _labels(trace: Trace, side: Side) -> list[str]:
    tokens = trace.source_tokens if side == "source" else trace.target_tokens
    return labels(tokens, _pieces(trace, side))
