"""From source to target, word by word: greedy and beam search with a key/value cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .checkpoint import AnyBundle
from .config import Lang
from .masks import padding_mask
from .seq2seq import C, Seq2Seq
from .tokenizer import check_length, check_text
from .transformer import BOS, EOS, PAD, UNK

Choose = Callable[[Float[Tensor, "B vocab"]], Int[Tensor, " B"]]
Fate = Literal["kept", "ended", "dropped"]

ALPHA = 0.6
"""How much a beam search makes up for length: 0 not at all, 1 divides by the length."""

FORBIDDEN = (PAD, UNK, BOS)
"""Pieces that no translation holds; the decoder never writes them."""


def translate(bundle: AnyBundle, text: str, target_lang: Lang, beam: int = 1) -> str:
    """The model's translation; `beam` = 1 is greedy.

    Raises:
        ModelError: `empty_text`, `text_too_large`, `control_characters`, `text_too_long` or
            `unknown_language`.
    """
    source = check_length(bundle.tokenizer.source(check_text(text)), bundle.config.max_len)
    ids = decode_ids(bundle, source.ids, target_lang, beam)
    return bundle.tokenizer.decode(ids)


def decode_ids(bundle: AnyBundle, source: list[int], target_lang: Lang, beam: int = 1) -> list[int]:
    """Ids of the translation, without `<s>`, language tag and `</s>`.

    Raises:
        ModelError: `unknown_language`.
        ValueError: if the beam is narrower than 1.
    """
    if beam < 1:
        raise ValueError(f"a beam holds at least 1 hypothesis, got {beam}")
    start = [BOS, bundle.tokenizer.tag(target_lang)]
    limit = longest(bundle, source)
    with torch.inference_mode():
        ids = torch.tensor([source], device=bundle.device)
        if beam == 1:
            return greedy(bundle.model, ids, start, limit)[0]
        return beam_search(bundle.model, ids, start, limit, beam)


def longest(model: AnyBundle | Seq2Seq[Any], source: list[int]) -> int:
    """Where a translation is stopped: one seldom is twice as long as its source, and a model that
    never ends must end."""
    return min(model.config.max_len, 2 * len(source) + 20)


def greedy(
    model: Seq2Seq[C], source: Int[Tensor, "B S"], start: list[int], limit: int
) -> list[list[int]]:
    """For each source the likeliest next piece, again and again, until `</s>` or the limit."""
    return write(model, source, start, limit, likeliest)


def likeliest(logits: Float[Tensor, "B vocab"]) -> Int[Tensor, " B"]:
    """The piece with the largest logit."""
    return logits.argmax(dim=-1)


def write(
    model: Seq2Seq[C], source: Int[Tensor, "B S"], start: list[int], limit: int, choose: Choose
) -> list[list[int]]:
    """For each source piece after piece, as `choose` says, until `</s>` or the limit.

    Args:
        start: what the decoder has read already: `<s>`, the language tag, maybe a beginning.
        limit: the longest that the decoder's input may grow.
        choose: from the next piece's logits to its id; called once a step.
    """
    memory, mask = model.encode(source), padding_mask(source, PAD)
    cache = model.new_cache()
    new = torch.tensor([start], device=source.device).expand(len(source), -1)
    ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    written = new[:, :0]
    while len(start) + written.size(1) < limit and not ended.all():
        chosen = choose(_next_logits(model, new, memory, mask, cache))
        new = chosen[:, None]  # what follows an end is cut off below
        written = torch.cat((written, new), dim=1)
        ended |= chosen == EOS
    return [_until_end(ids) for ids in written.tolist()]


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """What a beam search has written so far: one more piece behind what stood before.

    Attributes:
        before: the hypothesis that it continues; None for the empty one.
        piece: its last piece.
        length: |y|, its pieces, `</s>` counted.
        log_p: log P(y|x) in nats.
        fate: `kept` goes on, `ended` with `</s>` within the beam, `dropped` for lack of room.
    """

    before: Hypothesis | None
    piece: int
    length: int
    log_p: float
    fate: Fate

    @property
    def ids(self) -> list[int]:
        """Its pieces, without `</s>`."""
        if self.before is None:
            return []
        return self.before.ids + ([] if self.piece == EOS else [self.piece])

    def score(self, alpha: float = ALPHA) -> float:
        """log P(y|x) / ((5 + |y|) / 6)^α: its probability, made up for its length."""
        return self.log_p / length_penalty(self.length, alpha)


def length_penalty(length: int, alpha: float = ALPHA) -> float:
    """((5 + |y|) / 6)^α (Wu et al. 2016, eq. 14)."""
    return ((5 + length) / 6) ** alpha


def beam_search(
    model: Seq2Seq[C],
    source: Int[Tensor, "1 S"],
    start: list[int],
    limit: int,
    beam: int,
    alpha: float = ALPHA,
) -> list[int]:
    """The hypothesis with the best log P(y|x) / ((5 + |y|) / 6)^α."""
    return best(list(beam_levels(model, source, start, limit, beam)), alpha).ids


def best(levels: Sequence[Sequence[Hypothesis]], alpha: float = ALPHA) -> Hypothesis:
    """The ended hypothesis with the best score; where none has ended, the best unfinished one."""
    ended = [h for level in levels for h in level if h.fate == "ended"]
    unfinished = [h for h in levels[-1] if h.fate == "kept"]
    return max(ended or unfinished, key=lambda h: (h.score(alpha), h.ids))


def beam_levels(
    model: Seq2Seq[C], source: Int[Tensor, "1 S"], start: list[int], limit: int, beam: int
) -> Iterator[list[Hypothesis]]:
    """Beam search, step by step: the best 2 · `beam` continuations of each step, best first.

    The first level is the empty hypothesis. Of a level's continuations an `</s>` among the best
    `beam` ends a hypothesis, and the best `beam` others go on.
    """
    memory, mask = model.encode(source), padding_mask(source, PAD)
    cache = model.new_cache()
    new = torch.tensor([start], device=source.device)
    alive = [Hypothesis(None, start[-1], 0, 0.0, "kept")]
    n_ended = 0
    yield alive

    while alive and len(start) + alive[0].length < limit and n_ended < beam:
        logits = _next_logits(model, new, memory.expand(len(alive), -1, -1), mask, cache)
        scores = torch.tensor([h.log_p for h in alive], device=source.device)
        totals = scores[:, None] + logits.log_softmax(dim=-1)
        top, flat = totals.flatten().topk(min(2 * beam, totals.numel()))
        rows, pieces = flat // totals.size(1), flat % totals.size(1)
        fates = _fates(pieces.tolist(), beam)
        found = zip(rows.tolist(), pieces.tolist(), top.tolist(), fates, strict=True)
        level = [
            Hypothesis(alive[row], piece, alive[row].length + 1, log_p, fate)
            for row, piece, log_p, fate in found
        ]
        yield level
        kept = [n for n, fate in enumerate(fates) if fate == "kept"]
        alive, n_ended = [level[n] for n in kept], n_ended + fates.count("ended")
        new = pieces[kept][:, None]
        cache.select(rows[kept])


def _fates(pieces: list[int], beam: int) -> list[Fate]:
    """What becomes of a step's continuations, best first."""
    fates: list[Fate] = []
    for n, piece in enumerate(pieces):
        if piece == EOS:  # an end that the beam would not have kept is none
            fates.append("ended" if n < beam else "dropped")
        else:
            fates.append("kept" if fates.count("kept") < beam else "dropped")
    return fates


def _next_logits(
    model: Seq2Seq[C], new: Tensor, memory: Tensor, mask: Tensor, cache: C
) -> Float[Tensor, "B vocab"]:
    logits = model.decode(new, memory, mask, cache)[:, -1].clone()  # a capture may hold it
    logits[:, list(FORBIDDEN)] = -torch.inf
    return logits


def _until_end(ids: list[int]) -> list[int]:
    return ids[: ids.index(EOS)] if EOS in ids else ids
