"""A model whose weights are written by hand: one head resolves pronouns because it must.

It reads sentences such as *The cat did not cross the street because it was too wide.* Layer 0,
head 0 looks from *it* to the word that decides (tired, wide) and notes which of two kinds is meant;
layer 1, head 0 looks from *it* to the noun of that kind and notes which noun it is; the naming
layer reads that note. Every other head's queries and keys are faint noise, so that it attends
nearly evenly, and its values are zero, so that nothing hangs on it.
"""

from __future__ import annotations

import csv
import io
from functools import cache

import torch
from torch import nn

from model import Bundle, ModelConfig
from model.analysis.own_sets import COLUMNS
from model.tokenizer import Tokenizer
from model.transformer import EOS, Transformer

ANIMALS, PATHS = ("cat", "dog", "horse", "cow"), ("street", "river", "bridge", "road")
NOUNS = ANIMALS + PATHS
TIRED, WIDE = ("tired", "scared"), ("wide", "long")
TEMPLATES = (
    "The {x} did not cross the {y} because it was too {w}.",
    "On the {y} the {x} stopped because it was too {w}.",
)
READS, RESOLVES = (0, 0), (1, 0)
"""The two heads that are wired: from *it* to the word that decides, and to the noun it means."""

# What each place of a vector stands for.
_IT, _TIRED, _WIDE, _ANIMAL, _PATH = range(5)
_WHICH = 5  # … 12: which noun a word is
_MEANS_ANIMAL, _MEANS_PATH = 13, 14
_NAMED = 15  # … 22: which noun a pronoun stands for
_OTHER = 23
_SIZE, _D_K = 32, 8
_LOUD = 100.0  # so that positions, which are 1 at most, do not matter


def twins() -> list[tuple[str, str, str, str, str]]:
    """Rows of an own set: twin, sentence, pronoun, antecedent, distractor."""
    rows = []
    for n, template in enumerate(TEMPLATES):
        for i, x in enumerate(ANIMALS):
            for j, y in enumerate(PATHS):
                for w, (meant, other) in ((TIRED, (x, y)), (WIDE, (y, x))):
                    text = template.format(x=x, y=y, w=w[(i + j) % 2])
                    rows.append((f"{n} {x} {y}", text, "it", meant, other))
    return rows


def as_csv(rows: list[tuple[str, str, str, str, str]] | None = None) -> str:
    """`twins`, or only these of them, as a file that a teacher might upload."""
    written = io.StringIO()
    csv.writer(written).writerows([COLUMNS, *(rows or twins())])
    return written.getvalue()


@cache
def bundle() -> Bundle:
    """The model, ready for use."""
    tokenizer = Tokenizer.train([(row[1], []) for row in twins() * 3], vocab_size=400)
    config = ModelConfig(
        tokenizer.vocab_size, d_model=_SIZE, n_heads=3, d_k=_D_K, d_v=_D_K, d_ff=2,
        n_encoder_layers=2, n_decoder_layers=1, norm="pre", dropout=0.0, max_len=64,
    )  # fmt: skip
    model = Transformer(config).eval()
    with torch.no_grad():
        _wire(model, tokenizer)
    return Bundle("planted", model, tokenizer, config, {}, "planted")


def _wire(model: Transformer, tokenizer: Tokenizer) -> None:
    noise = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if not name.endswith("norm.weight"):
            faint = 0.01 * any(part in name for part in ("self_attn.w_q", "self_attn.w_k"))
            parameter.copy_(faint * torch.randn(parameter.shape, generator=noise))
    words = dict(_words())
    for piece in range(EOS, tokenizer.vocab_size):
        model.embedding.weight[piece, _OTHER] = _LOUD / _SIZE**0.5
    for word, places in words.items():
        (piece,) = tokenizer.encode(f"the {word}").ids[1:]
        model.embedding.weight[piece] = 0
        model.embedding.weight[piece, places] = _LOUD / _SIZE**0.5

    reads, resolves = (layer.self_attn for layer in model.encoder.layers)
    _look(reads, queries=[_IT, _IT], keys=[_TIRED, _WIDE])
    _write(reads, [_TIRED, _WIDE], [_MEANS_ANIMAL, _MEANS_PATH])
    _look(resolves, queries=[_MEANS_ANIMAL, _MEANS_PATH], keys=[_ANIMAL, _PATH])
    _write(resolves, range(_WHICH, _WHICH + 8), range(_NAMED, _NAMED + 8))
    for n in range(len(NOUNS)):
        model.naming.weight[_WHICH + n, _NAMED + n] = 1


def _words() -> list[tuple[str, list[int]]]:
    nouns = [
        (noun, [_ANIMAL if noun in ANIMALS else _PATH, _WHICH + n]) for n, noun in enumerate(NOUNS)
    ]
    decide = [(word, [_TIRED if word in TIRED else _WIDE]) for word in TIRED + WIDE]
    return [("it", [_IT]), *nouns, *decide]


def _look(attention: nn.Module, queries: list[int], keys: list[int]) -> None:
    """Head 0: a token with the n-th query attends to tokens with the n-th key."""
    attention.w_q.weight[:_D_K] = 0
    attention.w_k.weight[:_D_K] = 0
    for row, (query, key) in enumerate(zip(queries, keys, strict=True)):
        attention.w_q.weight[row, query] = 3
        attention.w_k.weight[row, key] = 3


def _write(attention: nn.Module, read: list[int] | range, written: list[int] | range) -> None:
    """Head 0: what is read at the token attended to is written at the one that attends."""
    for row, (source, target) in enumerate(zip(read, written, strict=True)):
        attention.w_v.weight[row, source] = 1
        attention.w_o.weight[target, row] = _LOUD / 5
