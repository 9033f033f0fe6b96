"""What a checkpoint can do, measured on sentences that it never saw."""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from ..capture import capture
from ..config import DIRECTIONS, Lang
from ..corpus.generator import Example, Met, Sentence, generate
from ..corpus.splits import SPLITS
from ..decode import greedy
from ..masks import pad
from ..tokenizer import Encoding, Tokenizer
from ..transformer import BOS, EOS, PAD, Transformer
from .coreference import naming_probabilities
from .translation import Direction, can_score, score, score_file, translate_all

EVALUATION_SEED = 20_000  # no training uses it
TWELVE_WORDS = "The old man gave the children some bread because they were hungry."
_TRANSLATED = 500  # generated sentences that are translated in every direction
_BATCH = 128
_REPEATS = 11  # of a timed translation, at most …
_PATIENCE = 5.0  # … and no new one after so many seconds: a busy machine is slow beyond all measure


@dataclass(frozen=True)
class Question:
    """A sentence with a pronoun, and where its antecedent and the distractors stand."""

    encoding: Encoding
    pronoun: int
    antecedent: list[int]
    distractors: list[list[int]]

    @property
    def words(self) -> int:
        """How many words the sentence has, signs and `</s>` not counted."""
        return sum(has_letters(word) for word, _ in self.encoding.words())

    @property
    def nearest_is_right(self) -> bool:
        """The noun that ends last before the pronoun is the antecedent.

        Chosen among antecedent and distractors; where none stands before the pronoun, the first
        behind it.
        """
        nouns = [self.antecedent, *self.distractors]
        before = [noun for noun in nouns if noun[-1] < self.pronoun]
        return (max(before) if before else min(nouns)) == self.antecedent

    @property
    def first_is_right(self) -> bool:
        """Of antecedent and distractors, the antecedent stands first in the sentence."""
        return self.antecedent < min(self.distractors, default=[*self.antecedent, 0])


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
    model: Transformer,
    tokenizer: Tokenizer,
    items: int = 1000,
    seed: int = EVALUATION_SEED,
    dev: Sequence[Path] = (),
    directions: Sequence[Direction] = tuple(DIRECTIONS),
    met: Met | None = None,
) -> dict[str, Any]:
    """All measures of `metrics.json` that are the same on every machine.

    On `items` pairs of twins a split: naming, and what every head does. Heads are chosen on one
    half of the twins and reported on the other, since the best of many heads on the data that
    chose it is partly luck. On generated sentences and on the files in `dev`: translation.
    Unseen is what the model's training has not `met`; None: what no training of today meets.

    Raises:
        ModelError: what `score_file` raises.
    """
    held_out = {
        split: list(generate(items, seed=seed, split=split, met=met))
        for split in SPLITS
        if split != "train"
    }
    examples = {split: [e for i in drawn for e in i.examples] for split, drawn in held_out.items()}
    languages = list(dict.fromkeys(source for source, _ in directions))
    on = {split: _coreference(model, tokenizer, e, languages) for split, e in examples.items()}
    translated = examples["pairs"][:_TRANSLATED]
    measured = {
        "measured_on": {
            "twins": items,
            "translated": len(translated),
            "seed": seed,
            "split": "unseen noun pairs",
        },
        **on.pop("pairs"),
        **{f"unseen_{split}": found for split, found in on.items()},
        "translation": _pieces_right(model, tokenizer, translated, directions),
        "pieces_per_word": _pieces_per_word(tokenizer, translated, directions),
    }
    if can_score():
        measured["scores"] = {
            "generated": _scores(model, tokenizer, translated, directions),
            "dev": {path.name: score_file(model, tokenizer, path, directions) for path in dev},
        }
    return measured


def met_by(metrics: Mapping[str, Any]) -> Met | None:
    """What the training met that made a checkpoint with these metrics; None where it is unsaid."""
    met = metrics.get("training", {}).get("met")
    return Met(frozenset(met["templates"]), frozenset(met["nouns"])) if met else None


def measure_speed(
    model: Transformer,
    tokenizer: Tokenizer,
    text: str = TWELVE_WORDS,
    targets: Sequence[Lang] = ("ko", "fr"),
    threads: Sequence[int] = (1, 2),
) -> dict[str, Any]:
    """Milliseconds to translate a sentence greedily on this machine's CPU, by threads: medians."""
    model = copy.deepcopy(model).cpu().eval()
    source = torch.tensor([tokenizer.source(text).ids])
    before = torch.get_num_threads()
    speed: dict[str, Any] = {"text": text}
    try:
        for target in targets:
            start = [BOS, tokenizer.tag(target)]
            limit = min(model.config.max_len, 2 * source.size(1) + 20)
            by_threads = {}
            for number in threads:
                torch.set_num_threads(number)
                by_threads[str(number)] = round(_milliseconds(model, source, start, limit), 1)
            with torch.inference_mode():
                written = len(greedy(model, source, start, limit)[0])
            speed[target] = {"pieces": written, "milliseconds": by_threads}
    finally:
        torch.set_num_threads(before)
    return speed


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


def mean(values: Float[np.ndarray, " N"]) -> dict[str, Any]:
    """A mean with its count and 95 % interval (normal approximation)."""
    spread = 1.959964 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0
    centre = float(values.mean(dtype=np.float64))
    return {
        "value": round(centre, 4),
        "n": len(values),
        "interval": [round(centre - spread, 4), round(centre + spread, 4)],
    }


def has_letters(word: str) -> bool:
    """Whether it is a word or number, no sign and no `</s>`."""
    return word != "</s>" and any(character.isalnum() for character in word)


def _coreference(
    model: Transformer, tokenizer: Tokenizer, examples: list[Example], languages: Iterable[Lang]
) -> dict[str, Any]:
    naming: dict[str, Any] = {}
    best: dict[str, Any] = {}
    every: dict[str, Any] = {}
    baselines: dict[str, Any] = {}
    for lang in languages:
        asked = questions(tokenizer, examples, lang)
        answers = ask(model, asked)
        layer, head = best_head(_half(answers, 0))
        naming[lang] = _share(answers.named)
        best[lang] = {"layer": layer, "head": head, **_one_head(_half(answers, 1), layer, head)}
        every[lang] = _every_head(answers)
        baselines[lang] = _baselines(asked)
    return {"naming": naming, "baselines": baselines, "heads": {"best": best, "all": every}}


def _one_head(answers: Answers, layer: int, head: int) -> dict[str, Any]:
    return {
        "argmax": _share(answers.argmax[:, layer, head]),
        "prefers": _share(answers.prefers[:, layer, head]),
        "flip": _share(answers.flips[:, layer, head]),
        "mass": mean(answers.mass[:, layer, head]),
    }


def _every_head(answers: Answers) -> dict[str, Any]:
    """For each measure a table [layer][head] of values, and one of 95 % intervals."""
    heads = list(np.ndindex(answers.mass.shape[1:]))
    found = [_one_head(answers, layer, head) for layer, head in heads]

    def table(measure: str, what: str) -> Any:
        cells = np.array([one[measure][what] for one in found])
        return cells.reshape(*answers.mass.shape[1:], *cells.shape[1:]).tolist()

    named = {"argmax": "argmax", "prefers": "prefers", "flips": "flip", "mass": "mass"}
    values = {name: table(measure, "value") for name, measure in named.items()}
    intervals = {name: table(measure, "interval") for name, measure in named.items()}
    n = {name: found[0][measure]["n"] for name, measure in named.items()}
    return {**values, "intervals": intervals, "n": n}


def _baselines(asked: Sequence[Question]) -> dict[str, Any]:
    """What rules without a model reach on the same questions.

    `nearest_noun` and `first_noun` are right as defined in `Question`, `…_flip` in both twins.
    `chance_noun` is the mean of 1 / (antecedent and distractors): guessing which of the nouns that
    fit is meant, to hold naming and *prefers* against. `chance_word` is the mean of 1 / words, for
    a largest weight that may fall anywhere. `chance_flip` is `chance_noun` of both twins at once.
    """
    nouns = np.array([1 / (1 + len(question.distractors)) for question in asked])
    words = np.array([1 / question.words for question in asked])
    twins = nouns.reshape(-1, 2).prod(axis=1)
    found = {
        f"chance_{what}": {"value": round(float(values.mean()), 4), "n": len(values)}
        for what, values in (("noun", nouns), ("word", words), ("flip", twins))
    }
    for rule in ("nearest", "first"):
        right = np.array([getattr(question, f"{rule}_is_right") for question in asked])
        found[f"{rule}_noun"] = _share(right)
        found[f"{rule}_noun_flip"] = _share(right[0::2] & right[1::2])
    return found


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


def _pieces_right(
    model: Transformer,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    directions: Iterable[Direction],
) -> dict[str, Any]:
    """Share of target pieces predicted right, all pieces before them given."""
    measured: dict[str, Any] = {}
    for source, target in directions:
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


def _pieces_per_word(
    tokenizer: Tokenizer, examples: Sequence[Example], directions: Iterable[Direction]
) -> dict[str, Any]:
    """Pieces of a word (eojeol in Korean), signs left out; 1 where every word is whole."""
    measured: dict[str, Any] = {}
    for lang in dict.fromkeys(chain.from_iterable(directions)):
        encodings = (tokenizer.encode(example.sentences[lang].text) for example in examples)
        words = chain.from_iterable(encoding.words() for encoding in encodings)
        pieces = np.array([len(indices) for word, indices in words if has_letters(word)])
        measured[lang] = {**mean(pieces), "whole_words": _share(pieces == 1)}
    return measured


def _scores(
    model: Transformer,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    directions: Iterable[Direction],
) -> dict[str, Any]:
    scored: dict[str, Any] = {}
    for source, target in directions:
        texts = [example.sentences[source].text for example in examples]
        references = [example.sentences[target].text for example in examples]
        hypotheses = translate_all(model, tokenizer, texts, target)
        scored[f"{source}-{target}"] = score(hypotheses, references, target)
    return scored


def _milliseconds(
    model: Transformer, source: Int[torch.Tensor, "1 S"], start: list[int], limit: int
) -> float:
    times: list[float] = []
    with torch.inference_mode():
        greedy(model, source, start, limit)  # warms up
        while not times or (len(times) < _REPEATS and sum(times) < _PATIENCE):
            began = time.perf_counter()
            greedy(model, source, start, limit)
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def _predicted(model: Transformer, sides: Sequence[tuple[list[int], list[int]]]) -> np.ndarray:
    device = model.embedding.weight.device
    source = pad([s for s, _ in sides], PAD).to(device)
    target = pad([t for _, t in sides], PAD).to(device)
    with torch.inference_mode():
        logits = model(source, target[:, :-1])[:, 1:]
        labels = target[:, 2:]
        return (logits.argmax(dim=-1) == labels)[labels != PAD].numpy(force=True)
