"""Cause, not only correlation: what becomes of a pronoun when attention is cut or exchanged.

Every cut is installed with `intervene()` on the trained model, for one run, in the encoder only.
Nothing is trained anew: what a model could have learned without a head is another question. A
removed head's context is zero (Michel et al. 2019, *Are Sixteen Heads Really Better than One?*).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..capture import Change, capture, intervene, silence_heads
from ..checkpoint import Bundle
from ..config import Lang
from ..decode import decode_ids
from ..errors import ModelError
from ..masks import pad
from ..tokenizer import language_of
from ..transformer import PAD, Transformer
from .leaderboard import (
    Answers,
    ChangesOf,
    Head,
    Labelled,
    Measured,
    Progress,
    Question,
    ask,
    batches,
    half_of,
    name_all,
    question,
    share,
    twins_of,
)
from .twins import Marked, Reading, read

Verdict = Literal["cause", "others", "partly", "spread"]

_LEAST = 1e-12  # a probability of 0 in float32 counts as this much in logarithms


# ── the cuts ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class RemoveHeads:
    """These heads attend to nothing: their context is zero."""

    heads: tuple[Head, ...]


@dataclass(frozen=True)
class CutEdge:
    """The pronoun may not attend to its antecedent: softmax as if that key were masked.

    Attributes:
        heads: None: in every head of every layer.
    """

    heads: tuple[Head, ...] | None = None


@dataclass(frozen=True)
class PasteTwin:
    """The pronoun attends as its twin's does (`transferred`).

    Attributes:
        heads: None: in every head of every layer.
    """

    heads: tuple[Head, ...] | None = None


Cut = RemoveHeads | CutEdge | PasteTwin
Cuts = tuple[Cut, ...]
Kind = type[RemoveHeads] | type[CutEdge] | type[PasteTwin]
"""What is done to each of some heads."""


Rows = Mapping[int, Float[Tensor, "layer head key"]]
"""By `id` of a question: its twin's row of the pronoun, over its own pieces."""


def changes_of(
    model: Transformer, asked: Sequence[Question], cuts: Cuts, rows: Rows | None = None
) -> ChangesOf:
    """The cuts for batches of a set, each sentence with its own edge and its own twin's row.

    A sentence without a twin keeps its row.

    Args:
        rows: the twins' rows, if `twins_rows` was called already.

    Raises:
        ModelError: `cut_nowhere` where a cut names a head that is not there.
    """
    _check(model, cuts)
    pastes = any(isinstance(cut, PasteTwin) for cut in cuts)
    pasted = twins_rows(model, asked) if pastes and rows is None else rows or {}

    def of(batch: Sequence[Question]) -> Mapping[str, Change]:
        found: dict[str, Change] = {}
        for cut in cuts:
            for layer, heads in _by_layer(model, cut).items():
                point, change = _change(cut, layer, heads, batch, pasted)
                name = f"encoder.layers.{layer}.self_attn.{point}"
                found[name] = _both(found[name], change) if name in found else change
        return found

    return of


def twins_rows(model: Transformer, asked: Sequence[Question]) -> Rows:
    """What `PasteTwin` pastes, for every question that has a twin."""
    rows = _rows(model, asked)
    pairs = [
        pair for one, other in twins_of(asked).tolist() for pair in ((one, other), (other, one))
    ]
    return {
        id(asked[our]): torch.from_numpy(
            transferred(rows[their], asked[their].encoding.ids, asked[our].encoding.ids)
        )
        for our, their in pairs
    }


def transferred(
    row: Float[np.ndarray, "*head key"], theirs: Sequence[int], ours: Sequence[int]
) -> Float[np.ndarray, "*head our_key"]:
    """A row of weights over one sentence's pieces as a row over another's.

    Pieces that both have (the longest common blocks) keep their weight; pieces in whose place the
    other has others share theirs evenly; pieces that the other has not lose theirs, and the row is
    scaled to its old sum.
    """
    moved = np.zeros((*row.shape[:-1], len(ours)), row.dtype)
    matcher = SequenceMatcher(None, theirs, ours, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            moved[..., j1:j2] = row[..., i1:i2]
        elif tag == "replace":
            moved[..., j1:j2] = row[..., i1:i2].sum(axis=-1, keepdims=True) / (j2 - j1)
    total = moved.sum(axis=-1, keepdims=True)
    scaled: np.ndarray = moved * np.where(
        total > 0, row.sum(axis=-1, keepdims=True) / np.where(total > 0, total, 1), 0
    )
    return scaled


def _check(model: Transformer, cuts: Cuts) -> None:
    layers, heads = model.config.n_encoder_layers, model.config.n_heads
    for cut in cuts:
        for layer, head in cut.heads or ():
            if not (0 <= layer < layers and 0 <= head < heads):
                raise ModelError(
                    "cut_nowhere",
                    f"there is no head {head} in layer {layer} (from 0)",
                    layer=layer,
                    head=head,
                )


def _by_layer(model: Transformer, cut: Cut) -> dict[int, list[int]]:
    """Layer → the heads of it that are cut."""
    heads = all_heads(model) if cut.heads is None else cut.heads
    found: dict[int, list[int]] = {}
    for layer, head in heads:
        found.setdefault(layer, []).append(head)
    return found


def all_heads(model: Transformer) -> list[Head]:
    """Every head of the encoder, layer by layer."""
    layers, heads = range(model.config.n_encoder_layers), range(model.config.n_heads)
    return [(layer, head) for layer in layers for head in heads]


def _change(
    cut: Cut,
    layer: int,
    heads: list[int],
    batch: Sequence[Question],
    pasted: Rows,
) -> tuple[str, Change]:
    """The point of one layer's attention that a cut works on, and how."""
    match cut:
        case RemoveHeads():
            return "weights", silence_heads(*heads)
        case CutEdge():
            return "masked", lambda masked: _without_edge(masked, heads, batch)
        case PasteTwin():
            return "weights", lambda weights: _with_rows(weights, layer, heads, batch, pasted)


def _without_edge(
    masked: Float[Tensor, "B H T S"], heads: list[int], batch: Sequence[Question]
) -> Float[Tensor, "B H T S"]:
    masked = masked.clone()
    for n, q in enumerate(batch):
        block = torch.meshgrid(*map(torch.tensor, (heads, q.pronouns, q.antecedent)), indexing="ij")
        masked[n][block] = -torch.inf
    return masked


def _with_rows(
    weights: Float[Tensor, "B H T S"],
    layer: int,
    heads: list[int],
    batch: Sequence[Question],
    pasted: Rows,
) -> Float[Tensor, "B H T S"]:
    weights = weights.clone()
    for n, q in enumerate(batch):
        if id(q) in pasted:
            row = pasted[id(q)][layer, heads].to(weights)
            weights[n, heads, q.pronoun, : row.size(-1)] = row
    return weights


def _both(first: Change, second: Change) -> Change:
    return lambda value: second(first(value))


def _rows(
    model: Transformer, asked: Sequence[Question]
) -> list[Float[np.ndarray, "layer head key"]]:
    """The pronoun's row in every head, over the sentence's own pieces."""
    found = []
    for batch in batches(model, asked):
        source = pad([q.encoding.ids for q in batch], PAD).to(model.embedding.weight.device)
        with torch.inference_mode(), capture(model, ["encoder.layers.*.weights"]) as points:
            model.encode(source)
        for n, q in enumerate(batch):
            row = torch.stack([weights[n, :, q.pronoun] for weights in points.values()])
            found.append(row[..., : len(q.encoding.ids)].numpy(force=True))
    return found


# ── one sentence ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Effect:
    """One sentence read by the model as it is and with the cuts; each pair is (before, after).

    Attributes:
        readings: naming, and every head at the pronoun.
        translations: what the model writes by itself; None where no language was asked for.
    """

    readings: tuple[Reading, Reading]
    translations: tuple[str, str] | None


def effect(
    bundle: Bundle,
    marked: Marked,
    antecedent: int,
    cuts: Cuts,
    twin: Marked | None = None,
    target_lang: Lang | None = None,
) -> Effect:
    """A sentence with and without cuts.

    Args:
        antecedent: which candidate `CutEdge` cuts off.
        twin: whose row `PasteTwin` pastes.

    Raises:
        ModelError: as `twins.read` does; `cut_nowhere`; `cut_no_twin` where `PasteTwin` has none.
    """
    if twin is None and any(isinstance(cut, PasteTwin) for cut in cuts):
        raise ModelError("cut_no_twin", "there is no twin whose row could be pasted")
    asked = [_question(bundle, one, antecedent) for one in (marked, twin) if one is not None]
    changes = changes_of(bundle.model, asked, cuts)(asked[:1])
    before = read(bundle, marked)
    with intervene(bundle.model, changes):
        after = read(bundle, marked)
    if target_lang is None:
        return Effect((before, after), None)
    own = _translation(bundle, asked[0], target_lang)
    with intervene(bundle.model, changes):
        return Effect((before, after), (own, _translation(bundle, asked[0], target_lang)))


def _question(bundle: Bundle, marked: Marked, antecedent: int) -> Question:
    rivals = [span for n, span in enumerate(marked.candidates) if n != antecedent]
    sentence = Labelled(
        marked.text,
        language_of(marked.text),
        marked.pronoun,
        marked.candidates[antecedent],
        tuple(rivals),
        twin="twin",
    )
    return question(bundle.tokenizer, sentence, bundle.config.max_len)


def _translation(bundle: Bundle, asked: Question, target_lang: Lang) -> str:
    return bundle.tokenizer.decode(decode_ids(bundle, asked.encoding.ids, target_lang))


# ── a set ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Cost:
    """What cuts cost over a set: naming before and after, and the answers behind both."""

    before: Measured
    after: Measured
    answers: tuple[Answers, Answers]

    @property
    def points(self) -> float:
        """Percentage points of naming lost; NaN over an empty set."""
        both = [np.nan if m.value is None else m.value for m in (self.before, self.after)]
        return 100 * (both[0] - both[1])


def cost(
    model: Transformer,
    asked: Sequence[Question],
    cuts: Cuts,
    progress: Progress | None = None,
    before: Answers | None = None,
) -> Cost:
    """Naming over a set with and without cuts.

    Args:
        before: the answers of the model as it is, if they are there already.

    Raises:
        ModelError: `cut_nowhere`.
    """
    changes = changes_of(model, asked, cuts)
    if before is None:
        first, progress = _parts(progress, 2)
        before = ask(model, asked, first)
    after = ask(model, asked, progress, changes)
    return Cost(share(before.named), share(after.named), (before, after))


@dataclass(frozen=True)
class Drops:
    """All heads cut one by one.

    Attributes:
        accuracy: naming lost, as a share (0.3: 30 points); negative: gained.
        log_p: mean log-probability of the antecedent lost, in nats.
        before: naming of the whole model.
    """

    accuracy: Float[np.ndarray, "layer head"]
    log_p: Float[np.ndarray, "layer head"]
    before: Measured


def drops(
    model: Transformer,
    asked: Sequence[Question],
    progress: Progress | None = None,
    kind: Kind = RemoveHeads,
) -> Drops:
    """Cut every head of the encoder by itself and name every pronoun.

    Heads that do the same work hide one another: each may go alone and nothing is lost. Cut several
    (`knock_out`), or all edges at once, before a head is called idle.

    Args:
        progress: counts sentences, once a head and once for the whole model.
    """
    heads = all_heads(model)
    rows = twins_rows(model, asked) if kind is PasteTwin else None
    first, *others = _parts(progress, len(heads) + 1)
    named, p = name_all(model, asked, first)
    lost = []
    for head, told in zip(heads, others, strict=True):
        changes = changes_of(model, asked, (kind((head,)),), rows)
        named_without, p_without = name_all(model, asked, told, changes)
        nats = np.log(np.maximum(p, _LEAST)) - np.log(np.maximum(p_without, _LEAST))
        lost.append((named.mean() - named_without.mean(), nats.mean()))
    shape = model.config.n_encoder_layers, model.config.n_heads
    accuracy, log_p = np.array(lost).T.reshape(2, *shape)
    return Drops(accuracy, log_p, share(named))


@dataclass(frozen=True)
class Step:
    """`n` heads cut: the best resolvers, or as many of the others, drawn several times."""

    n: int
    cut: tuple[Head, ...]
    best: Measured
    random: list[Measured]

    @property
    def random_mean(self) -> float | None:
        """Mean over the draws; None where nothing was drawn."""
        values = [draw.value for draw in self.random if draw.value is not None]
        return float(np.mean(values)) if values else None


@dataclass(frozen=True)
class KnockOut:
    """Heads ranked on one half of the twins, cut one after another on the other half.

    Attributes:
        steps: none where a half is empty.
        chance: what guessing a candidate reaches on the half that is counted.
    """

    ranking: list[Head]
    steps: list[Step]
    chance: float

    @property
    def compared(self) -> list[Step]:
        """The steps beside which as many other heads could be drawn, and the model as it is."""
        return [step for step in self.steps if step.random or not step.n]

    @property
    def fails(self) -> Step | None:
        """The first step at which naming is no better than guessing (95 %); None where none is."""
        low = ((step, step.best.interval) for step in self.steps)
        return next((step for step, ends in low if ends and ends[0] <= self.chance), None)

    @property
    def lost(self) -> tuple[float, float]:
        """Points of accuracy lost at the last step compared: by the best heads, by the others."""
        whole, last = self.steps[0].best.value or 0.0, self.compared[-1]
        others = whole if last.random_mean is None else last.random_mean
        return 100 * (whole - (last.best.value or 0.0)), 100 * (whole - others)


def verdict(best: float, others: float) -> Verdict:
    """What lost points say: these heads carry it, others do, any do a part, or none is needed."""
    if best >= 30 and others < 10:
        return "cause"
    if others - best >= 10:
        return "others"
    return "partly" if best - others >= 10 else "spread"


def knock_out(
    model: Transformer,
    asked: Sequence[Question],
    most: int = 4,
    draws: int = 5,
    seed: int = 0,
    by: Literal["attention", "drop"] = "attention",
    progress: Progress | None = None,
    kind: Kind = RemoveHeads,
) -> KnockOut:
    """Cut the best resolver heads, 0, 1 … `most`, and as many of the other heads at random.

    Args:
        by: rank by argmax + flips, or by what each head's removal costs in log-probability; on one
            half of the twins. Naming is that of the other half.
    """
    there, here = half_of(asked, 0), half_of(asked, 1)
    if not there or not here:
        return KnockOut([], [], math.nan)
    n_heads = len(all_heads(model))
    times = [draws if 0 < n <= n_heads - n else 0 for n in range(min(most, n_heads) + 1)]
    parts = iter(_parts(progress, 1 + len(times) + sum(times)))
    ranking = _ranking(model, there, by, kind, next(parts))
    rows = twins_rows(model, here) if kind is PasteTwin else None
    rng = random.Random(seed)
    steps = []
    for n, drawn in enumerate(times):
        best, others = ranking[:n], ranking[n:]
        found = []
        for heads in (best, *(rng.sample(others, n) for _ in range(drawn))):
            changes = changes_of(model, here, (kind(tuple(heads)),), rows)
            found.append(share(name_all(model, here, next(parts), changes)[0]))
        steps.append(Step(n, tuple(best), found[0], found[1:]))
    return KnockOut(ranking, steps, float(np.mean([1 / (1 + len(q.distractors)) for q in here])))


def _ranking(
    model: Transformer,
    asked: Sequence[Question],
    by: Literal["attention", "drop"],
    kind: Kind,
    progress: Progress | None,
) -> list[Head]:
    """Best first."""
    if by == "drop":
        score = drops(model, asked, progress, kind).log_p
    else:
        score = ask(model, asked, progress).resolving
    return sorted(all_heads(model), key=lambda head: -score[head])


def _parts(progress: Progress | None, parts: int) -> list[Progress | None]:
    """Progress of each of several equal parts, told as progress of the whole."""
    return [_part(progress, number, parts) for number in range(parts)]


def _part(progress: Progress | None, number: int, parts: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, parts * total)
