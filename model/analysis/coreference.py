"""Pronouns: what the encoder thinks they stand for, and which head looks at it."""

from __future__ import annotations

import re

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..checkpoint import Bundle
from ..config import Lang
from ..errors import ModelError
from ..tokenizer import Encoding, Offsets, check_length, check_text, language_of

NamedWord = tuple[str, int, int, float]
"""(word, start, end, probability) of a word that a pronoun may stand for."""

_PRONOUNS: dict[Lang, re.Pattern[str]] = {
    "en": re.compile(r"\b(?:it|they|them|he|she|him|her)\b", re.IGNORECASE),
    "ko": re.compile(r"(?<!\w)(?:그것들|그것|그들|그녀|그건|그게|그걸|그는|그가|그를)"),
    "fr": re.compile(r"(?<!\w)(?:il|elle|ils|elles)\b", re.IGNORECASE),
}


def find_pronouns(text: str) -> list[tuple[int, int]]:
    """Characters [start, end) of words that look like third-person pronouns, in reading order."""
    return [match.span() for match in _PRONOUNS[language_of(text)].finditer(text)]


def name_pronoun(bundle: Bundle, text: str, span: tuple[int, int]) -> list[NamedWord]:
    """What the encoder thinks the pronoun at these characters stands for.

    From the encoder's output h at the pronoun: P(piece) = softmax(E (W h + b)), with the tied
    embedding E, restricted to the pieces of the sentence and summed over each word's pieces. A
    piece that stands in several places gives an equal share to each.

    Returns:
        The words of `text` in reading order; the probabilities sum to 1.

    Raises:
        ModelError: `empty_text`, `text_too_large`, `control_characters`, `text_too_long` or
            `no_such_word` if the span holds no piece.
    """
    encoding = check_length(bundle.tokenizer.source(check_text(text)), bundle.config.max_len)
    pieces = pieces_at(encoding, span)
    with torch.inference_mode():
        source = torch.tensor([encoding.ids], device=bundle.device)
        logits = bundle.model.name(bundle.model.encode(source)[0, pieces[:1]])[0]
        probabilities = naming_probabilities(logits, source[0])
    return [
        (word, *offsets, float(probabilities[indices].sum()))
        for word, indices, offsets in encoding.words_with_offsets()
        if offsets is not None
    ]


def pieces_at(encoding: Encoding, span: Offsets) -> list[int]:
    """The pieces that characters [start, end) belong to.

    Raises:
        ModelError: `no_such_word` where there is none.
    """
    pieces = encoding.pieces_in(*span)
    if not pieces:
        raise ModelError(
            "no_such_word", f"there is no word at characters {span[0]}–{span[1]}", span=span
        )
    return pieces


def naming_logits(
    logits: Float[Tensor, " vocab"], source: Int[Tensor, " S"]
) -> Float[Tensor, " candidate"]:
    """The scores of the sentence's own pieces; one that comes n times has ln n less each time."""
    candidates = source[:-1]
    return logits[candidates] - (candidates[:, None] == candidates).sum(dim=-1).log()


def naming_probabilities(
    logits: Float[Tensor, " vocab"], source: Int[Tensor, " S"]
) -> Float[Tensor, " S"]:
    """softmax over the sentence's own pieces; `</s>`, the last, is no candidate and gets 0."""
    shares = naming_logits(logits, source).softmax(dim=-1)
    return torch.cat((shares, shares.new_zeros(1)))
