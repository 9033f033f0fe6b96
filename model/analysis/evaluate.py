"""What a checkpoint can do, measured on sentences that it never saw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from ..capture import capture
from ..config import DIRECTIONS, Lang
from ..corpus.generator import Example, Sentence, generate
from ..corpus.splits import Split
from ..masks import pad
from ..tokenizer import Encoding, Tokenizer
from ..transformer import EOS, PAD, Transformer
from .coreference import naming_probabilities

EVALUATION_SEED = 20_000  # no training uses it
_BATCH = 128


@dataclass(frozen=True)
class Question:
    """A sentence with a pronoun, and where its antecedent and the distractors stand."""

    encoding: Encoding
    pronoun: int
    antecedent: list[int]
    distractors: list[list[int]]


@dataclass(frozen=True)
class Answers:
    """What every encoder head does at the pronouns; neighbours (0, 1), (2, 3) … are twins.

    Attributes:
        argmax: the head's largest weight lies on a piece of the antecedent.
        prefers: the antecedent gets more weight than every distractor.
        mass: weight on the antecedent.
        named: the encoder's likeliest word is the antecedent.
    """

    argmax: Bool[np.ndarray, "N layer head"]
    prefers: Bool[np.ndarray, "N layer head"]
    mass: Float[np.ndarray, "N layer head"]
    named: Bool[np.ndarray, " N"]

    @property
    def flips(self) -> Bool[np.ndarray, "twins layer head"]:
        """The head prefers the right antecedent in both twins."""
        twins = self.prefers.reshape(-1, 2, *self.prefers.shape[1:])
        return twins[:, 0] & twins[:, 1]


def evaluate(
    model: Transformer, tokenizer: Tokenizer, items: int = 1000, seed: int = EVALUATION_SEED
) -> dict[str, Any]:
    """All measures of `metrics.json`, on `items` held-out pairs of twins a split.

    Heads are chosen on one half of the twins and reported on the other, since the best of many
    heads on the data that chose it is partly luck.
    """
    pairs = _coreference(model, tokenizer, "pairs", items, seed)
    return {
        "measured_on": {"twins": items, "seed": seed, "split": "unseen noun pairs"},
        **pairs,
        "unseen_templates": _coreference(model, tokenizer, "templates", items, seed),
        "translation": _translation(model, tokenizer, items, seed),
    }


def watch_heads(model: Transformer, asked: Sequence[Question]) -> dict[str, float | int]:
    """The best head on these questions, for a glance at a training under way."""
    answers = ask(model, asked)
    layer, head = best_head(answers)
    return {
        "layer": layer,
        "head": head,
        "argmax": float(answers.argmax[:, layer, head].mean()),
        "flip": float(answers.flips[:, layer, head].mean()),
        "naming": float(answers.named.mean()),
    }


def best_head(answers: Answers) -> tuple[int, int]:
    """Layer and head with the best sum of argmax and twin flips."""
    score = answers.argmax.mean(axis=0) + answers.flips.mean(axis=0)
    layer, head = np.unravel_index(int(score.argmax()), score.shape)
    return int(layer), int(head)


def questions(tokenizer: Tokenizer, examples: Iterable[Example], lang: Lang) -> list[Question]:
    """The first labelled pronoun of every example in this language."""
    return [_question(tokenizer, example.sentences[lang]) for example in examples]


def ask(model: Transformer, asked: Sequence[Question]) -> Answers:
    """Run the encoder and look at every head's row of the pronoun."""
    batches = [_ask(model, asked[i : i + _BATCH]) for i in range(0, len(asked), _BATCH)]
    return Answers(
        *(
            np.concatenate([getattr(batch, name) for batch in batches])
            for name in Answers.__dataclass_fields__
        )
    )


def wilson(hits: int, n: int) -> list[float]:
    """95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    centre, spread = hits + z * z / 2, z * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return [round(max(0.0, (centre - spread) / (n + z * z)), 4),
            round(min(1.0, (centre + spread) / (n + z * z)), 4)]  # fmt: skip


def _coreference(
    model: Transformer, tokenizer: Tokenizer, split: Split, items: int, seed: int
) -> dict[str, Any]:
    examples = [e for item in generate(items, seed=seed, split=split) for e in item.examples]
    naming: dict[str, Any] = {}
    best: dict[str, Any] = {}
    every: dict[str, Any] = {}
    for lang in dict.fromkeys(source for source, _ in DIRECTIONS):
        answers = ask(model, questions(tokenizer, examples, lang))
        choosing, reporting = _half(answers, 0), _half(answers, 1)
        layer, head = best_head(choosing)
        naming[lang] = _share(answers.named)
        best[lang] = {
            "layer": layer,
            "head": head,
            "argmax": _share(reporting.argmax[:, layer, head]),
            "prefers": _share(reporting.prefers[:, layer, head]),
            "flip": _share(reporting.flips[:, layer, head]),
            "mass": round(float(reporting.mass[:, layer, head].mean()), 4),
        }
        every[lang] = {
            name: getattr(answers, name).mean(axis=0, dtype=np.float64).round(4).tolist()
            for name in ("argmax", "prefers", "flips", "mass")
        }
    return {"naming": naming, "heads": {"best": best, "all": every}}


def _half(answers: Answers, which: int) -> Answers:
    """Every other pair of twins."""
    chosen = np.arange(len(answers.named)) // 2 % 2 == which
    return Answers(*(getattr(answers, name)[chosen] for name in Answers.__dataclass_fields__))


def _share(hits: Bool[np.ndarray, " N"]) -> dict[str, Any]:
    return {
        "value": round(float(hits.mean()), 4),
        "n": len(hits),
        "interval": wilson(int(hits.sum()), len(hits)),
    }


def _question(tokenizer: Tokenizer, sentence: Sentence) -> Question:
    encoding = tokenizer.source(sentence.text)
    reference = sentence.references[0]
    pronoun, antecedent, *distractors = (
        encoding.pieces_in(span.start, span.end)
        for span in (reference.pronoun, reference.antecedent, *reference.distractors)
    )
    return Question(encoding, pronoun[0], antecedent, distractors)


def _ask(model: Transformer, asked: Sequence[Question]) -> Answers:
    device = model.embedding.weight.device
    source = pad([q.encoding.ids for q in asked], PAD).to(device)
    with torch.inference_mode(), capture(model, ["encoder.layers.*.weights"]) as points:
        memory = model.encode(source)
        rows = torch.arange(len(asked), device=device)
        at = torch.tensor([q.pronoun for q in asked], device=device)
        logits = model.name(memory[rows, at])
    # [layer, N, head, query, key] → the pronouns' rows, [N, layer, head, key]
    weights = torch.stack(list(points.values()))[:, rows, :, at].numpy(force=True)
    mass = _on(weights, [q.antecedent for q in asked])
    rivals = np.stack([_rival(w, q.distractors) for w, q in zip(weights, asked, strict=True)])
    top = weights.argmax(axis=-1)
    argmax = np.stack([np.isin(t, q.antecedent) for t, q in zip(top, asked, strict=True)])
    named = [_names(row, q) for row, q in zip(logits, asked, strict=True)]
    return Answers(argmax, mass > rivals, mass, np.array(named))


def _names(logits: torch.Tensor, question: Question) -> bool:
    source = torch.tensor(question.encoding.ids, device=logits.device)
    probabilities = naming_probabilities(logits, source).numpy(force=True)
    likeliest = max(
        (indices for _, indices in question.encoding.words()),
        key=lambda indices: probabilities[indices].sum(),
    )
    return bool(set(likeliest) & set(question.antecedent))


def _on(weights: np.ndarray, pieces: Sequence[list[int]]) -> np.ndarray:
    return np.stack([w[..., p].sum(axis=-1) for w, p in zip(weights, pieces, strict=True)])


def _rival(weights: np.ndarray, distractors: list[list[int]]) -> np.ndarray:
    nothing = np.zeros(weights.shape[:-1], weights.dtype)
    return np.max([nothing, *(weights[..., d].sum(axis=-1) for d in distractors)], axis=0)


def _translation(model: Transformer, tokenizer: Tokenizer, items: int, seed: int) -> dict[str, Any]:
    """Share of target pieces predicted right, all pieces before them given."""
    examples = [e for item in generate(items, seed=seed, split="pairs") for e in item.examples]
    measured: dict[str, Any] = {}
    for source, target in DIRECTIONS:
        sides = [
            (
                tokenizer.source(e.sentences[source].text).ids,
                [*tokenizer.target(e.sentences[target].text, target).ids, EOS],
            )
            for e in examples
        ]
        hits = np.concatenate(
            [_predicted(model, sides[i : i + _BATCH]) for i in range(0, len(sides), _BATCH)]
        )
        measured[f"{source}-{target}"] = _share(hits)
    return measured


def _predicted(model: Transformer, sides: Sequence[tuple[list[int], list[int]]]) -> np.ndarray:
    device = model.embedding.weight.device
    source = pad([s for s, _ in sides], PAD).to(device)
    target = pad([t for _, t in sides], PAD).to(device)
    with torch.inference_mode():
        logits = model(source, target[:, :-1])[:, 1:]
        labels = target[:, 2:]
        return (logits.argmax(dim=-1) == labels)[labels != PAD].numpy(force=True)
