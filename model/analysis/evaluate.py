"""What a checkpoint can do, measured on sentences that it never saw."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from ..checkpoint import AnyBundle
from ..config import DIRECTIONS, Lang
from ..corpus.generator import Example, Met, generate
from ..corpus.loaders import read_pronouns
from ..corpus.splits import SPLITS
from ..decode import greedy, longest
from ..errors import ModelError
from ..seq2seq import Seq2Seq
from ..tokenizer import Tokenizer, language_of
from ..transformer import BOS, Transformer
from .leaderboard import (
    EVALUATION_SEED,
    Question,
    ask,
    baselines,
    best_head,
    first_of,
    has_letters,
    leaderboard,
    mean,
    name_all,
    question,
    questions,
    share,
    twins_of,
)
from .translation import (
    Direction,
    can_score,
    pieces_right,
    score,
    score_file,
    share_of_pieces,
    translate_all,
)

TWELVE_WORDS = "The old man gave the children some bread because they were hungry."
_TRANSLATED = 500  # generated sentences that are translated in every direction
_REPEATS = 11  # of a timed translation, at most …
_PATIENCE = 5.0  # … and no new one after so many seconds: a busy machine is slow beyond all measure


def evaluate(
    model: Seq2Seq[Any],
    tokenizer: Tokenizer,
    items: int = 1000,
    seed: int = EVALUATION_SEED,
    dev: Sequence[Path] = (),
    directions: Sequence[Direction] = tuple(DIRECTIONS),
    met: Met | None = None,
    labelled: Mapping[str, Sequence[Question]] | None = None,
) -> dict[str, Any]:
    """All measures of `metrics.json` that are the same on every machine.

    On `items` pairs of twins a split: naming, and what every head of a Transformer does. Heads are
    chosen on one half of the twins and reported on the other, since the best of many heads on the
    data that chose it is partly luck. On generated sentences and on the files in `dev`:
    translation. On `labelled`, questions by the name of their file: naming, and the head that was
    best on generated sentences.
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
    best = measured.get("heads", {}).get("best", {})
    measured["labelled"] = {
        name: _of_others(model, asked, best) for name, asked in (labelled or {}).items()
    }
    return measured


def measure_speed(
    model: Seq2Seq[Any],
    tokenizer: Tokenizer,
    text: str = TWELVE_WORDS,
    targets: Sequence[Lang] = ("ko", "fr"),
    threads: Sequence[int] = (1, 2),
) -> dict[str, Any]:
    """Milliseconds to translate a sentence greedily on this machine's CPU, by threads: medians."""
    model = copy.deepcopy(model).cpu().eval()
    ids = tokenizer.source(text).ids
    source = torch.tensor([ids])
    before = torch.get_num_threads()
    speed: dict[str, Any] = {"text": text}
    try:
        for target in targets:
            start = [BOS, tokenizer.tag(target)]
            limit = longest(model, ids)
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


def _coreference(
    model: Seq2Seq[Any], tokenizer: Tokenizer, examples: list[Example], languages: Iterable[Lang]
) -> dict[str, Any]:
    """What `leaderboard` finds, measure by measure and in each by language."""
    found = {lang: _resolved(model, questions(tokenizer, examples, lang)) for lang in languages}

    def by_language(measure: str) -> dict[str, Any]:
        return {lang: metrics[measure] for lang, metrics in found.items()}

    named = {measure: by_language(measure) for measure in ("naming", "baselines")}
    if not isinstance(model, Transformer):
        return named
    return named | {"heads": {"best": by_language("best"), "all": by_language("all")}}


def _resolved(model: Seq2Seq[Any], asked: Sequence[Question]) -> dict[str, Any]:
    """Naming, what rules reach, and every head, where there are heads in the encoder."""
    if isinstance(model, Transformer):
        return leaderboard(model, asked).metrics()
    named, _ = name_all(model, asked)
    rules = baselines(asked, twins_of(asked))
    return {
        "naming": share(named).to_json(),
        "baselines": {name: found.to_json() for name, found in rules.items()},
    }


def read_questions(bundle: AnyBundle, path: Path) -> list[Question]:
    """The labelled pronouns of a file, as this checkpoint reads them.

    Raises:
        ModelError: what `read_pronouns` and `question` raise; `pairs_empty` where there is none.
    """
    sentences = list(read_pronouns(path))
    if not sentences:
        raise ModelError("pairs_empty", f"{path} has no labelled pronoun", path=str(path))
    return [
        question(bundle.tokenizer, first_of(s, language_of(s.text)), bundle.config.max_len)
        for s in sentences
    ]


def _of_others(
    model: Seq2Seq[Any], asked: Sequence[Question], best: Mapping[Lang, Mapping[str, int] | None]
) -> dict[str, Any]:
    """A file's pronouns by language."""
    langs = dict.fromkeys(one.sentence.lang for one in asked)
    return {
        lang: _of_language(
            model, [one for one in asked if one.sentence.lang == lang], best.get(lang)
        )
        for lang in langs
    }


def _of_language(
    model: Seq2Seq[Any], asked: Sequence[Question], best: Mapping[str, int] | None
) -> dict[str, Any]:
    """Naming, what rules reach, and the `best` head, which was chosen without these sentences."""
    rules = baselines(asked, twins_of(asked))
    found = {rule: rules[rule] for rule in ("nearest_noun", "first_noun", "chance_noun")}
    if isinstance(model, Transformer):
        answers = ask(model, asked)
        found |= {"naming": share(answers.named), "of_nouns": share(answers.share > answers.rival)}
        if best:
            found["prefers"] = share(answers.prefers[:, best["layer"], best["head"]])
    else:
        found["naming"] = share(name_all(model, asked)[0])
    return {measure: value.to_json() for measure, value in found.items()}


def _pieces_right(
    model: Seq2Seq[Any],
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    directions: Iterable[Direction],
) -> dict[str, Any]:
    """Share of target pieces predicted right, all pieces before them given."""
    measured: dict[str, Any] = {}
    for source, target in directions:
        texts, wanted = ([e.sentences[lang].text for e in examples] for lang in (source, target))
        found = pieces_right(model, tokenizer, texts, wanted, target)
        measured[f"{source}-{target}"] = share_of_pieces(*found)
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
        measured[lang] = {**mean(pieces).to_json(), "whole_words": share(pieces == 1).to_json()}
    return measured


def _scores(
    model: Seq2Seq[Any],
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
    model: Seq2Seq[Any], source: Int[torch.Tensor, "1 S"], start: list[int], limit: int
) -> float:
    times: list[float] = []
    with torch.inference_mode():
        greedy(model, source, start, limit)  # warms up
        while not times or (len(times) < _REPEATS and sum(times) < _PATIENCE):
            began = time.perf_counter()
            greedy(model, source, start, limit)
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)
