"""Translations scored against references: chrF and BLEU, as sacrebleu computes them."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from ..config import Lang
from ..corpus.loaders import Pair, read_pairs
from ..decode import greedy, longest
from ..errors import ModelError
from ..masks import pad
from ..seq2seq import Seq2Seq
from ..tokenizer import Tokenizer, language_of
from ..transformer import BOS, EOS, PAD

Direction = tuple[Lang, Lang]

_BATCH = 64
_RESAMPLES = 1000  # bootstrap resamples behind the 95 % intervals (Koehn 2004)
_ORIGINS = 8  # of a dev file's origins, at most so many are scored by themselves …
_ORIGIN_LINES = 50  # … each with at least so many lines


def can_score() -> bool:
    """Whether sacrebleu is there; a server that only trains may lack it."""
    return importlib.util.find_spec("sacrebleu") is not None


def translate_all(
    model: Seq2Seq[Any], tokenizer: Tokenizer, texts: Sequence[str], target: Lang
) -> list[str]:
    """Greedy translations, in the order of `texts`; a text that is too long loses its end."""
    device = model.embedding.weight.device
    start, room = [BOS, tokenizer.tag(target)], model.config.max_len - 1
    sources = [[*tokenizer.encode(text).ids[:room], EOS] for text in texts]
    limits = [longest(model, source) for source in sources]
    by_length = sorted(range(len(texts)), key=lambda n: len(sources[n]))
    translated = [""] * len(texts)
    for first in range(0, len(texts), _BATCH):
        batch = by_length[first : first + _BATCH]
        ids = pad([sources[n] for n in batch], PAD).to(device)
        with torch.inference_mode():
            written = greedy(model, ids, start, max(limits[n] for n in batch))
        for n, pieces in zip(batch, written, strict=True):
            alone = pieces[: limits[n] - len(start)]  # whatever stands beside it in the batch
            translated[n] = tokenizer.decode(alone)
    return translated


def pieces_right(
    model: Seq2Seq[Any],
    tokenizer: Tokenizer,
    texts: Sequence[str],
    wanted: Sequence[str],
    target: Lang,
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """How many pieces of each wanted translation, and of its `</s>`, are predicted right, those
    before given; and how many there are. The language tag behind `<s>` is given, not predicted."""
    device = model.embedding.weight.device
    both = [sides(tokenizer, *pair, target) for pair in zip(texts, wanted, strict=True)]
    order = sorted(range(len(both)), key=lambda n: len(both[n][0]))
    right, count = np.zeros(len(both), dtype=int), np.zeros(len(both), dtype=int)
    for first in range(0, len(order), _BATCH):
        rows = order[first : first + _BATCH]
        read, written = (pad([both[n][side] for n in rows], PAD).to(device) for side in (0, 1))
        with torch.inference_mode():
            predicted = model(read, written[:, :-1])[:, 1:].argmax(dim=-1)
        labels = written[:, 2:]
        right[rows] = ((predicted == labels) & (labels != PAD)).sum(dim=1).numpy(force=True)
        count[rows] = (labels != PAD).sum(dim=1).numpy(force=True)
    return right, count


def sides(
    tokenizer: Tokenizer, text: str, wanted: str, target: Lang
) -> tuple[list[int], list[int]]:
    """What is read, and `<s>`, the language's tag, the wanted pieces and `</s>`."""
    return tokenizer.source(text).ids, [*tokenizer.target(wanted, target).ids, EOS]


def share_of_pieces(right: Int[np.ndarray, " N"], count: Int[np.ndarray, " N"]) -> dict[str, Any]:
    """All right pieces of all: {"value", "n", "interval"}.

    The interval is that of texts drawn anew: pieces of one text go wrong together.
    """
    drawn = [right[rows].sum() / count[rows].sum() for rows in resamples(len(right))]
    value, n = round(float(right.sum() / count.sum()), 4), int(count.sum())
    return {"value": value, "n": n, "interval": middle(drawn, 4)}


def score(hypotheses: Sequence[str], references: Sequence[str], lang: Lang) -> dict[str, Any]:
    """chrF and BLEU (0–100) of a corpus, with bootstrap intervals and sacrebleu's signatures.

    BLEU counts words that sacrebleu's `13a` splits off, and in Korean characters (`char`): its
    eojeol with their particles would hardly ever match whole, and a morphological analyser would
    be one more program to trust.
    """
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(tokenize="char" if lang == "ko" else "13a")
    return {
        "n": len(references),
        "chrf": chrf(hypotheses, references),
        "bleu": _scored(bleu, hypotheses, references),
    }


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    """chrF (0–100) alone: {"value", "interval", "signature"}."""
    from sacrebleu.metrics.chrf import CHRF

    return _scored(CHRF(), hypotheses, references)


def _scored(metric: Any, hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    found = metric.corpus_score(list(hypotheses), [list(references)])
    return {
        "value": round(float(found.score), 2),
        "interval": _interval(metric, hypotheses, references),
        "signature": str(metric.get_signature()),
    }


def _interval(metric: Any, hypotheses: Sequence[str], references: Sequence[str]) -> list[float]:
    """The middle 95 % of the scores of corpora drawn from this one, with replacement.

    sacrebleu's own resampling (2.6.0) fails where a drawn corpus has nothing right. Its parts,
    counts of a sentence and the score of summed counts, are the ones used here.
    """
    counts = np.array(metric._extract_corpus_statistics(list(hypotheses), [list(references)]))
    drawn = resamples(len(counts))
    scores = [metric._compute_score_from_stats(counts[n].sum(axis=0)).score for n in drawn]
    return middle(scores, 2)


def resamples(n: int) -> Iterator[Int[np.ndarray, " n"]]:
    """Rows of a corpus of `n` lines drawn with replacement, again and again; always the same."""
    rng = np.random.default_rng(0)
    return (rng.integers(n, size=n) for _ in range(_RESAMPLES))


def middle(values: Sequence[float], digits: int) -> list[float]:
    """The ends of the middle 95 %."""
    return [round(float(edge), digits) for edge in np.percentile(values, [2.5, 97.5])]


def score_file(
    model: Seq2Seq[Any], tokenizer: Tokenizer, path: Path, directions: Iterable[Direction]
) -> dict[str, Any]:
    """Scores on a file of English ↔ another language, whole and for each large origin.

    Args:
        path: lines of English, tab, the other language, and maybe a tab and the line's origin.
        directions: of these, the ones between the file's languages are scored.

    Returns:
        {"en-ko": {"n", "chrf", "bleu", "origins": {name: {"n", "chrf", "bleu"}}}, …}

    Raises:
        ModelError: what `read_pairs` raises; `pairs_empty`.
    """
    pairs = list(read_pairs(path))
    if not pairs:
        raise ModelError("pairs_empty", f"{path} has no sentence pair", path=str(path))
    other = _other_language(pairs)
    scored: dict[str, Any] = {}
    for source, target in directions:
        if {source, target} == {"en", other}:
            forward = [
                (p.source, p.target) if source == "en" else (p.target, p.source) for p in pairs
            ]
            hypotheses = translate_all(model, tokenizer, [text for text, _ in forward], target)
            references = [text for _, text in forward]
            scored[f"{source}-{target}"] = {
                **score(hypotheses, references, target),
                "origins": _by_origin(pairs, hypotheses, references, target),
            }
    return scored


def _other_language(pairs: Sequence[Pair]) -> Lang:
    """The language that most second columns are seen to be in; short French may look English."""
    seen = Counter(language_of(pair.target) for pair in pairs)
    return max(("ko", "fr"), key=lambda lang: seen[lang])


def _by_origin(
    pairs: Sequence[Pair], hypotheses: Sequence[str], references: Sequence[str], target: Lang
) -> dict[str, Any]:
    sizes = Counter(pair.origin for pair in pairs if pair.origin)
    large = [name for name, n in sizes.most_common(_ORIGINS) if n >= _ORIGIN_LINES]
    scored = {}
    for name in large:
        at = [n for n, pair in enumerate(pairs) if pair.origin == name]
        scored[name] = score([hypotheses[n] for n in at], [references[n] for n in at], target)
    return scored
