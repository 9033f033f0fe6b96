"""Can what the best head looks at be named, whatever word it is?

    python -m tests.bench.other_words CHECKPOINT [CHECKPOINT …] [--twins 300]

Twins whose frame decides, with other words of the vocabulary in place of some of the two nouns, as
trainings with `swapped_share` read them (of their words, but in sentences drawn anew): naming and
the best head's argmax, put apart by which of the two is another word. The checkpoints need one
vocabulary; pairs of nouns are those that the last one did not meet.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from model import load
from model.analysis.leaderboard import ask, met_by, questions
from model.config import LANGUAGES, Lang
from model.corpus.generator import Example, generate, templates
from model.corpus.writing import Sentence
from model.training.swapping import Swapper
from tests.bench.same_questions import naming_and_argmax


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--twins", type=int, default=300)
    options = parser.parse_args()
    bundles = [load(path, device="cpu") for path in options.checkpoints]
    swapper, met = Swapper(bundles[-1].tokenizer), met_by(bundles[-1].metrics)
    items = list(generate(options.twins, seed=78, split="pairs", met=met))
    shown = [e for item in items for e in item.examples if templates()[e.template].frame]
    asked_in: list[Lang] = [lang for lang in LANGUAGES if lang in bundles[0].metrics["naming"]]
    for lang in asked_in:
        read = list(_with_other_words(shown, lang, swapper))
        kinds = np.array([kind for _, kind in read])
        for path, bundle in zip(options.checkpoints, bundles, strict=True):
            answers = ask(bundle.model, questions(bundle.tokenizer, [e for e, _ in read], lang))
            for kind in np.unique(kinds):
                shares = naming_and_argmax(bundle, lang, answers, kinds == kind)
                print(f"{lang}, {kind}, {path}: {shares}")


def _with_other_words(
    shown: list[Example], lang: Lang, swapper: Swapper
) -> Iterator[tuple[Example, str]]:
    """Each example with some other words, and which of the two nouns are such."""
    rng = random.Random(5)
    for example in shown:
        before = example.sentences[lang]
        after = swapper.swapped(before, rng)
        changed = [old != new for old, new in zip(_nouns(before), _nouns(after), strict=True)]
        kind = {
            (False, False): "both nouns as they were",
            (True, False): "the antecedent is another word",
            (False, True): "the rival is another word",
            (True, True): "both are other words",
        }[changed[0], any(changed[1:])]
        yield replace(example, sentences={lang: after}), kind


def _nouns(sentence: Sentence) -> list[str]:
    """Antecedent and rivals of its first pronoun."""
    reference = sentence.references[0]
    return [
        sentence.text[span.start : span.end]
        for span in (reference.antecedent, *reference.distractors)
    ]


if __name__ == "__main__":
    main()
