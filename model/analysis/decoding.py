"""How a translation is written: step by step, by drawing, by beam search, and with a teacher.

Distributions over the next piece come in two kinds. What *decoding* chooses from leaves out the
pieces that no translation holds (`<pad>`, `<unk>`, `<s>`); what *training* measures, −log P of the
right piece, is the plain softmax over the whole vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..checkpoint import AnyBundle, Bundle
from ..config import Lang
from ..decode import (
    ALPHA,
    FORBIDDEN,
    Choose,
    Fate,
    Hypothesis,
    beam_levels,
    best,
    decode_ids,
    length_penalty,
    likeliest,
    longest,
    write,
)
from ..tokenizer import Encoding, check_length, check_text
from ..trace import Trace
from ..transformer import BOS, EOS
from .softmax import log_softmax, softmax

Logits = Float[np.ndarray, "step vocab"]

START = 2
"""So many pieces the decoder has read before it writes: `<s>` and the language tag."""


@dataclass(frozen=True)
class Candidate:
    """A piece that may come next, and how likely it is."""

    id: int
    piece: str
    probability: float


# ── (A) piece by piece ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class GreedyRun:
    """A greedy translation, as it was written.

    Attributes:
        start: the decoder's input before the first step: `<s>` and the language tag.
        ids: what was written, `</s>` included where it came.
        pieces: the same, readable.
        texts: the translation as far as it stood before each step, and at the end.
        logits: of each step, computed with one new row at a time and a cache of keys and values;
            −∞ for pieces that no translation holds.
        largest_difference: between these logits and those of one pass over the whole translation.
    """

    start: list[str]
    ids: list[int]
    pieces: list[str]
    texts: list[str]
    logits: Logits
    largest_difference: float


def greedy_run(bundle: Bundle, text: str, lang: Lang) -> GreedyRun:
    """The greedy translation, every step of it kept.

    Raises:
        ModelError: as `translate` does.
    """
    source, start = _source(bundle, text), _start(bundle, lang)
    logits: list[np.ndarray] = []

    def choose(new: Float[Tensor, "1 vocab"]) -> Int[Tensor, " 1"]:
        logits.append(new[0].numpy(force=True))
        return likeliest(new)

    ids = _write(bundle, source, start, longest(bundle, source), choose)
    steps = np.array(logits, np.float32).reshape(-1, bundle.config.vocab_size)
    at_once = _teacher_forced(bundle, source, [*start, *ids[:-1]])[START - 1 :]
    finite = np.isfinite(steps)
    return GreedyRun(
        start=bundle.tokenizer.target_from_ids([], lang).pieces,
        ids=ids,
        pieces=pieces_of(bundle, ids),
        texts=[bundle.tokenizer.decode(ids[:n]) for n in range(len(ids) + 1)],
        logits=steps,
        largest_difference=float(
            np.abs(steps - at_once[: len(steps)], where=finite, out=np.zeros_like(steps)).max(
                initial=0
            )
        ),
    )


def top(
    bundle: Bundle,
    probabilities: Float[np.ndarray, " vocab"],
    n: int,
    also: Sequence[int] = (),
) -> list[Candidate]:
    """The n likeliest pieces, likeliest first, and behind them those of `also` that are not."""
    likely = np.argsort(-probabilities, kind="stable")[:n].tolist()
    ids = list(dict.fromkeys([*likely, *also]))
    pieces = pieces_of(bundle, ids)
    return [
        Candidate(i, piece, float(probabilities[i])) for i, piece in zip(ids, pieces, strict=True)
    ]


def rest(shares: Sequence[float]) -> float:
    """What all other pieces share."""
    return max(0.0, 1 - float(np.sum(shares)))


def pieces_of(bundle: AnyBundle, ids: Sequence[int]) -> list[str]:
    """What each piece reads, "▁" where a word begins."""
    return bundle.tokenizer.target_from_ids(ids, "en").pieces[START:]


def label(piece: str) -> str:
    """A piece as people read it: without "▁", and with "+" where it goes on with a word."""
    if piece.startswith("▁"):
        return piece[1:] or piece
    special = piece.startswith("<") and piece.endswith(">")
    return f"+{piece}" if not special and any(map(str.isalnum, piece)) else piece


# ── (B) drawing ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Sampling:
    """How to draw: divide the logits by the temperature, keep the `top_k` likeliest pieces (None:
    all), then the fewest likeliest that hold `top_p` of the probability."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"the temperature must be above 0, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"at least 1 piece must stay, got top_k = {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must lie in (0, 1], got {self.top_p}")


@dataclass(frozen=True)
class Sampled:
    """The distribution over the next piece, before and after the sliders.

    Attributes:
        before: softmax(logits).
        after: what is drawn from; 0 for pieces that were cut off.
        kept: True = may be drawn.
    """

    before: Float[np.ndarray, " vocab"]
    after: Float[np.ndarray, " vocab"]
    kept: Bool[np.ndarray, " vocab"]


def sampled(logits: Float[np.ndarray, " vocab"], how: Sampling) -> Sampled:
    """softmax(logits / T) of the pieces that top-k and top-p leave; the order never changes."""
    before = softmax(logits)
    hot = softmax(np.asarray(logits, np.float64) / how.temperature)
    order = np.argsort(-np.asarray(logits), kind="stable")
    kept = np.isfinite(logits)
    if how.top_k is not None:
        kept[order[how.top_k :]] = False
    if how.top_p < 1:
        held = np.cumsum(np.where(kept, hot, 0)[order])  # by a piece and all likelier ones
        enough = held >= how.top_p * held[-1]
        kept[order[1:][enough[:-1]]] = False  # what the likelier ones hold is enough already
    after = np.where(kept, hot, 0)
    return Sampled(before, after / after.sum(), kept)


def draw(probabilities: Float[np.ndarray, " vocab"], seed: int, position: int) -> int:
    """A piece drawn with these probabilities; always the same one for a seed and a position."""
    random = np.random.default_rng([seed, position])
    return int(random.choice(len(probabilities), p=probabilities))


def next_logits(
    bundle: Bundle, text: str, lang: Lang, written: Sequence[int]
) -> Float[np.ndarray, " vocab"]:
    """Logits of what comes behind `written`; −∞ for pieces that no translation holds.

    Raises:
        ModelError: as `translate` does.
    """
    source, start = _source(bundle, text), _start(bundle, lang)
    logits = _teacher_forced(bundle, source, [*start, *written])[-1]
    logits[list(FORBIDDEN)] = -np.inf
    return logits


def room(bundle: Bundle, text: str, lang: Lang) -> int:
    """How many pieces a translation of this text may have."""
    return longest(bundle, _source(bundle, text)) - START


def is_complete(written: Sequence[int], room: int) -> bool:
    """Nothing more can be written: `</s>` came, or there is no more room."""
    return EOS in written or len(written) >= room


def draw_on(
    bundle: Bundle, text: str, lang: Lang, written: Sequence[int], how: Sampling, seed: int
) -> list[int]:
    """`written` drawn on to the sentence's end, `</s>` included where it came.

    The same sentence as drawing and writing one piece at a time with this seed.

    Raises:
        ModelError: as `translate` does.
    """
    source, start = _source(bundle, text), [*_start(bundle, lang), *written]
    position = len(written)

    def choose(new: Float[Tensor, "1 vocab"]) -> Int[Tensor, " 1"]:
        nonlocal position
        after = sampled(new[0].numpy(force=True), how).after
        position += 1
        return torch.tensor([draw(after, seed, position - 1)], device=new.device)

    return [*written, *_write(bundle, source, start, longest(bundle, source), choose)]


# ── (C) beam search ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class BeamNode:
    """One hypothesis of a beam search.

    Attributes:
        parent: the node that it continues; None for the root.
        depth: |y|, its pieces, `</s>` counted; the root has 0.
        piece: its last piece.
        probability: of this piece, given what stood before.
        log_p: log P(y|x), the sum along the path.
        penalty: ((5 + |y|) / 6)^α.
        score: log_p / penalty.
        text: what it says so far.
        won: it is the winner, or the winner continues it.
    """

    parent: int | None
    depth: int
    piece: str
    probability: float
    log_p: float
    penalty: float
    score: float
    fate: Fate
    text: str
    won: bool


@dataclass(frozen=True)
class BeamTree:
    """Every hypothesis that a beam search weighed; parents stand before their children.

    Attributes:
        winner: the node with the best score.
        ids: the winner's pieces without `</s>`.
        alpha: how much the score makes up for length.
    """

    nodes: list[BeamNode]
    winner: int
    ids: list[int]
    alpha: float = ALPHA

    @property
    def finished(self) -> list[tuple[int, BeamNode]]:
        """The hypotheses that the winner was chosen from, with their numbers, best first."""
        ended = [(n, node) for n, node in enumerate(self.nodes) if node.fate == "ended"]
        last = self.n_levels
        unfinished = [
            (n, node)
            for n, node in enumerate(self.nodes)
            if node.fate == "kept" and node.depth == last
        ]
        return sorted(ended or unfinished, key=lambda found: -found[1].score)

    @property
    def n_levels(self) -> int:
        """How many steps were made."""
        return max(node.depth for node in self.nodes)


def beam_tree(bundle: Bundle, text: str, lang: Lang, beam: int) -> BeamTree:
    """Beam search, kept and dropped hypotheses alike.

    Raises:
        ModelError: as `translate` does.
        ValueError: if the beam is narrower than 1.
    """
    if beam < 1:
        raise ValueError(f"a beam holds at least 1 hypothesis, got {beam}")
    source, start = _source(bundle, text), _start(bundle, lang)
    with torch.inference_mode():
        ids = torch.tensor([source], device=bundle.device)
        levels = list(beam_levels(bundle.model, ids, start, longest(bundle, source), beam))
    hypotheses = [hypothesis for level in levels for hypothesis in level]
    number = {id(hypothesis): n for n, hypothesis in enumerate(hypotheses)}
    winner = best(levels)
    path = {id(hypothesis) for hypothesis in _path(winner)}
    pieces = pieces_of(bundle, [h.piece for h in hypotheses])
    nodes = [
        BeamNode(
            parent=None if h.before is None else number[id(h.before)],
            depth=h.length,
            piece=piece,
            probability=1.0 if h.before is None else float(np.exp(h.log_p - h.before.log_p)),
            log_p=h.log_p,
            penalty=length_penalty(h.length),
            score=h.score(),
            fate=h.fate,
            text=bundle.tokenizer.decode(h.ids),
            won=id(h) in path,
        )
        for h, piece in zip(hypotheses, pieces, strict=True)
    ]
    return BeamTree(nodes, number[id(winner)], winner.ids)


def _path(hypothesis: Hypothesis | None) -> list[Hypothesis]:
    path = []
    while hypothesis is not None:
        path.append(hypothesis)
        hypothesis = hypothesis.before
    return path


# ── (D) and (E): with a teacher ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ForcedRun:
    """A translation read by the decoder as it is, and how likely each right piece was.

    Attributes:
        input: the decoder's input, `<s>` and the tag first.
        ids: the right next piece at each position, `</s>` last.
        right: the same, readable.
        log_p: log P of the right piece, in nats.
        likeliest: what the model itself would have written at each position.
        likeliest_p: and how likely it thought that.
        mean_log_p: log P averaged over the whole vocabulary, which label smoothing asks for.
    """

    input: list[str]
    ids: list[int]
    right: list[str]
    log_p: Float[np.ndarray, " step"]
    likeliest: list[str]
    likeliest_p: Float[np.ndarray, " step"]
    mean_log_p: Float[np.ndarray, " step"]

    @property
    def probabilities(self) -> Float[np.ndarray, " step"]:
        """P of the right piece."""
        return np.exp(self.log_p)

    @property
    def loss(self) -> float:
        """Cross-entropy in nats per piece: the mean of −log P over the right pieces."""
        return float(-self.log_p.mean())

    @property
    def least_sure(self) -> int:
        """The position before `</s>` at which the right piece was the least likely."""
        return int(self.log_p[:-1].argmin())

    def smoothed_loss(self, smoothing: float) -> float:
        """(1 − ε) · cross-entropy + ε · mean of −log P over the vocabulary; what training saw."""
        return float((1 - smoothing) * self.loss - smoothing * self.mean_log_p.mean())


def reference(bundle: Bundle, text: str, lang: Lang, target: str | None) -> Encoding:
    """The right translation as the decoder reads it; None: what the model writes itself.

    Raises:
        ModelError: as `trace` does.
    """
    if target is None:
        return bundle.tokenizer.target_from_ids(
            decode_ids(bundle, _source(bundle, text), lang), lang
        )
    return check_length(bundle.tokenizer.target(check_text(target), lang), bundle.config.max_len)


def forced_run(bundle: Bundle, text: str, read: Encoding) -> ForcedRun:
    """Teacher forcing: at each position the decoder has read the right pieces before it.

    log p_t = log softmax(logits of one pass over the whole translation)[t, right piece].

    Args:
        read: the right translation, from `reference`.

    Raises:
        ModelError: as `translate` does.
    """
    logits = _teacher_forced(bundle, _source(bundle, text), read.ids)[START - 1 :]
    log_p = log_softmax(logits)
    ids = [*read.ids[START:], EOS]
    favourite = log_p.argmax(axis=1)
    rows = np.arange(len(ids))
    return ForcedRun(
        input=read.pieces,
        ids=ids,
        right=[*read.pieces[START:], *pieces_of(bundle, [EOS])],
        log_p=log_p[rows, ids],
        likeliest=pieces_of(bundle, favourite.tolist()),
        likeliest_p=np.exp(log_p[rows, favourite]),
        mean_log_p=log_p.mean(axis=1),
    )


def difference_from(run: ForcedRun, trace: Trace) -> float:
    """The largest difference between the run's log P and those of the logits that a Trace captured.

    Raises:
        ValueError: the Trace's decoder has read something else.
    """
    if trace.target_tokens != run.input:
        raise ValueError(f"the trace has read {trace.target_tokens}, the run {run.input}")
    captured = log_softmax(trace.logits[START - 1 :])
    return float(np.abs(captured[np.arange(len(run.ids)), run.ids] - run.log_p).max())


@dataclass(frozen=True)
class Derailed:
    """Teacher forcing beside free running, after one wrong piece.

    Attributes:
        teacher: every input is right, whatever the model would have written.
        position: where the wrong piece was put in; before it both are the same.
        wrong: the piece.
        free: what was written: right pieces, the wrong one, then the model's own choices, `</s>`
            where it came.
        p_right: P of the right piece at each of the teacher's positions, after what was written
            freely; NaN where the free run had ended.
        text: the free run as a sentence.
    """

    teacher: ForcedRun
    position: int
    wrong: str
    free: list[str]
    p_right: Float[np.ndarray, " step"]
    text: str


def derailed(bundle: Bundle, text: str, read: Encoding, position: int, wrong: int) -> Derailed:
    """Put a wrong piece in at one position and let the model go on alone, greedily.

    Args:
        read: the right translation, from `reference`.
        position: which of its pieces is replaced, from 0.
        wrong: the id of what is put in.

    Raises:
        ModelError: as `translate` does.
        IndexError: if the translation has no such position.
    """
    source, start, right = _source(bundle, text), read.ids[:START], read.ids[START:]
    if not 0 <= position < len(right):
        raise IndexError(f"the translation has {len(right)} pieces, there is no piece {position}")
    begun, more = [*right[:position], wrong], list[int]()
    if wrong != EOS:
        limit = min(bundle.config.max_len, max(longest(bundle, source), len(read.ids) + 1))
        more = _write(bundle, source, [*start, *begun], limit, likeliest)
    free = begun + more
    return Derailed(
        teacher=forced_run(bundle, text, read),
        position=position,
        wrong=pieces_of(bundle, [wrong])[0],
        free=[*read.pieces[START : START + position], *pieces_of(bundle, [wrong, *more])],
        p_right=_probabilities_after(bundle, source, start, free, [*right, EOS]),
        text=bundle.tokenizer.decode(free),
    )


def _probabilities_after(
    bundle: Bundle, source: list[int], start: list[int], free: list[int], right: list[int]
) -> Float[np.ndarray, " step"]:
    """P of each right piece after the free run's pieces before it; NaN behind the run's end."""
    read = free[:-1] if free[-1] == EOS else free
    log_p = log_softmax(_teacher_forced(bundle, source, start + read)[START - 1 :])
    found = np.full(len(right), np.nan)
    n = min(len(right), len(log_p))
    found[:n] = np.exp(log_p[np.arange(n), right[:n]])
    return found


# ── what they share ──────────────────────────────────────────────────────────────────────────────


def _source(bundle: Bundle, text: str) -> list[int]:
    source = bundle.tokenizer.source(check_text(text))
    return check_length(source, bundle.config.max_len).ids


def _start(bundle: Bundle, lang: Lang) -> list[int]:
    return [BOS, bundle.tokenizer.tag(lang)]


def _write(
    bundle: Bundle, source: list[int], start: list[int], limit: int, choose: Choose
) -> list[int]:
    """What was chosen behind `start`, `</s>` included where it came."""
    chosen: list[int] = []

    def remember(logits: Float[Tensor, "1 vocab"]) -> Int[Tensor, " 1"]:
        ids = choose(logits)
        chosen.append(int(ids))
        return ids

    with torch.inference_mode():
        ids = torch.tensor([source], device=bundle.device)
        write(bundle.model, ids, start, limit, remember)
    return chosen


def _teacher_forced(bundle: Bundle, source: list[int], target: list[int]) -> Logits:
    """Logits behind each piece of the decoder's input, in one pass."""
    with torch.inference_mode():
        sides = [torch.tensor([side], device=bundle.device) for side in (source, target)]
        logits: np.ndarray = bundle.model(*sides)[0].numpy(force=True)
    return logits
