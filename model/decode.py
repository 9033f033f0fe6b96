"""From source to target, word by word: greedy and beam search with a key/value cache."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .checkpoint import Bundle
from .config import Lang
from .layers import DecoderCache
from .masks import padding_mask
from .tokenizer import check_length, check_text
from .transformer import BOS, EOS, PAD, UNK, Transformer


def translate(bundle: Bundle, text: str, target_lang: Lang, beam: int = 1) -> str:
    """The model's translation; `beam` = 1 is greedy.

    Raises:
        ModelError: `empty_text`, `text_too_large`, `control_characters`, `text_too_long` or
            `unknown_language`.
    """
    source = check_length(bundle.tokenizer.source(check_text(text)), bundle.config.max_len)
    ids = decode_ids(bundle, source.ids, target_lang, beam)
    return bundle.tokenizer.decode(ids)


def decode_ids(bundle: Bundle, source: list[int], target_lang: Lang, beam: int = 1) -> list[int]:
    """Ids of the translation, without `<s>`, language tag and `</s>`.

    Raises:
        ModelError: `unknown_language`.
        ValueError: if the beam is narrower than 1.
    """
    if beam < 1:
        raise ValueError(f"a beam holds at least 1 hypothesis, got {beam}")
    start = [BOS, bundle.tokenizer.tag(target_lang)]
    # A translation is seldom twice as long as its source; a model that never ends must be stopped.
    limit = min(bundle.config.max_len, 2 * len(source) + 20)
    with torch.inference_mode():
        ids = torch.tensor([source], device=bundle.device)
        if beam == 1:
            return greedy(bundle.model, ids, start, limit)[0]
        return beam_search(bundle.model, ids, start, limit, beam)


def greedy(
    model: Transformer, source: Int[Tensor, "B S"], start: list[int], limit: int
) -> list[list[int]]:
    """For each source the likeliest next piece, again and again, until `</s>` or the limit."""
    memory, mask = model.encode(source), padding_mask(source, PAD)
    cache = model.new_cache()
    new = torch.tensor([start], device=source.device).expand(len(source), -1)
    ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    written = new[:, :0]
    while len(start) + written.size(1) < limit and not ended.all():
        best = _next_logits(model, new, memory, mask, cache).argmax(dim=-1)
        new = best[:, None]  # what follows an end is cut off below
        written = torch.cat((written, new), dim=1)
        ended |= best == EOS
    return [_until_end(ids) for ids in written.tolist()]


def beam_search(
    model: Transformer,
    source: Int[Tensor, "1 S"],
    start: list[int],
    limit: int,
    beam: int,
    alpha: float = 0.6,
) -> list[int]:
    """The hypothesis with the best log P(y|x) / ((5 + |y|) / 6)^α (Wu et al. 2016, eq. 14)."""
    memory, mask = model.encode(source), padding_mask(source, PAD)
    cache = model.new_cache()
    new = torch.tensor([start], device=source.device)
    alive: list[list[int]] = [[]]
    scores = torch.zeros(1, device=source.device)
    ended: list[tuple[float, list[int]]] = []

    while alive and len(start) + len(alive[0]) < limit and len(ended) < beam:
        logits = _next_logits(model, new, memory.expand(len(alive), -1, -1), mask, cache)
        totals = scores[:, None] + logits.log_softmax(dim=-1)
        top, flat = totals.flatten().topk(min(2 * beam, totals.numel()))
        rows, pieces = flat // totals.size(1), flat % totals.size(1)
        penalty = ((5 + len(alive[0]) + 1) / 6) ** alpha
        kept: list[int] = []
        for n, (row, piece) in enumerate(zip(rows.tolist(), pieces.tolist(), strict=True)):
            if piece != EOS and len(kept) < beam:
                kept.append(n)
            elif piece == EOS and n < beam:  # an end that the beam would not have kept is none
                ended.append((float(top[n]) / penalty, alive[row]))
        alive = [[*alive[int(rows[n])], int(pieces[n])] for n in kept]
        scores, new = top[kept], pieces[kept][:, None]
        cache.select(rows[kept])

    unfinished = [(float(s), ids) for s, ids in zip(scores, alive, strict=True)]
    return max(ended or unfinished)[1]


def _next_logits(
    model: Transformer, new: Tensor, memory: Tensor, mask: Tensor, cache: DecoderCache
) -> Float[Tensor, "B vocab"]:
    logits = model.decode(new, memory, mask, cache)[:, -1].clone()  # a capture may hold it
    logits[:, [PAD, UNK, BOS]] = -torch.inf  # no translation holds them
    return logits


def _until_end(ids: list[int]) -> list[int]:
    return ids[: ids.index(EOS)] if EOS in ids else ids
