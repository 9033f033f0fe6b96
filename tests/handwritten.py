"""How well a checkpoint resolves the pronouns of sentences written by hand, never trained on.

    python -m tests.handwritten [checkpoint]

``tests/model/handwritten/{en,ko}.tsv`` holds twins as a student would type them: one word or one
short predicate decides what the pronoun stands for.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from model import Bundle, Lang, load, name_pronoun
from model.analysis.leaderboard import Answers, ask, best_head, questions, wilson
from model.corpus.generator import Example, Reference, Sentence, Span

FOLDER = Path(__file__).parent / "model" / "handwritten"
LANGS: tuple[Lang, ...] = ("en", "ko")
CHECKPOINT = Path(__file__).parents[1] / "checkpoints" / "jumok"

Head = tuple[int, int]


def read(lang: Lang) -> list[Example]:
    """The sentences of one language; neighbours (0, 1), (2, 3) … are twins."""
    with (FOLDER / f"{lang}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [_example(lang, row, variant=n % 2) for n, row in enumerate(rows)]


def _example(lang: Lang, row: Mapping[str, str], variant: int) -> Example:
    text = row["sentence"]
    pronoun, antecedent, distractor = (
        find(lang, text, row[column]) for column in ("pronoun", "antecedent", "distractor")
    )
    reference = Reference(pronoun, antecedent, (distractor,))
    nouns = (row["antecedent"], row["distractor"])
    return Example(row["twin"], nouns, variant, {lang: Sentence(text, (reference,), ())})


def find(lang: Lang, text: str, surface: str) -> Span:
    """Where a word stands (in Korean: where an eojeol begins with it); ValueError unless once."""
    end = r"(?!\w)" if lang == "en" else ""
    matches = list(re.finditer(rf"(?<!\w){re.escape(surface)}{end}", text))
    if len(matches) != 1:
        raise ValueError(f"{surface!r} stands {len(matches)} times in {text!r}")
    return Span(*matches[0].span())


@dataclass(frozen=True)
class Measured:
    """What one checkpoint does at the pronouns of one language, `n` sentences.

    Attributes:
        of_two: the encoder names the antecedent rather than the distractor.
        answers: what each head does, and whether the likeliest of all words is the antecedent.
        generated: the best head (layer, head) on generated sentences, as `metrics.json` says.
        chosen: the best head on one half of these twins, to be judged on the other.
    """

    examples: list[Example]
    of_two: Bool[np.ndarray, " n"]
    answers: Answers
    generated: Head
    chosen: Head

    @property
    def reported(self) -> Answers:
        """The half that `chosen` was not chosen on."""
        return self.answers.half(1)


def measure(bundle: Bundle, lang: Lang) -> Measured:
    """Put every handwritten sentence of a language to a checkpoint."""
    examples = read(lang)
    answers = ask(bundle.model, questions(bundle.tokenizer, examples, lang))
    best = bundle.metrics["heads"]["best"][lang]
    return Measured(
        examples,
        np.array([_prefers_antecedent(bundle, e.sentences[lang]) for e in examples]),
        answers,
        generated=(best["layer"], best["head"]),
        chosen=best_head(answers.half(0)),
    )


def _prefers_antecedent(bundle: Bundle, sentence: Sentence) -> bool:
    reference = sentence.references[0]
    pronoun, (distractor,) = reference.pronoun, reference.distractors
    named = name_pronoun(bundle, sentence.text, (pronoun.start, pronoun.end))
    antecedent, rival = (
        sum(share for _, start, end, share in named if start < span.end and span.start < end)
        for span in (reference.antecedent, distractor)
    )
    return bool(antecedent > rival)


def both(hits: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " twins"]:
    """Right in both twins."""
    return np.asarray(hits.reshape(-1, 2).all(axis=1))


def report(measured: Measured, lang: Lang) -> Iterator[str]:
    """The lines that the command prints: shares, then the sentences that fail."""
    yield f"{lang}: {len(measured.of_two) // 2} twins"
    yield _line("naming, of the two nouns", measured.of_two)
    yield _line("naming, of all words", measured.answers.named)
    yield _line("naming, of all words, both twins", both(measured.answers.named))
    yield from _head("best head of generated sentences", measured.generated, measured.answers)
    yield from _head("best head, chosen on the other half", measured.chosen, measured.reported)
    layer, head = measured.generated
    prefers = measured.answers.prefers[:, layer, head]
    yield "  wrong: . a noun of two, : a word of all, h that head prefers the distractor"
    for n, example in enumerate(measured.examples):
        right = (measured.of_two[n], measured.answers.named[n], prefers[n])
        if not all(right):
            marks = "".join(" " if ok else mark for ok, mark in zip(right, ".:h", strict=True))
            yield f"  {marks} {example.sentences[lang].text} ({example.nouns[0]})"


def _head(name: str, at: Head, answers: Answers) -> Iterator[str]:
    layer, head = at
    yield f"  {name}: layer {layer}, head {head} (from 0)"
    for kind in ("prefers", "argmax", "flips"):
        yield _line(f"  {kind}", getattr(answers, kind)[:, layer, head])


def _line(name: str, hits: Bool[np.ndarray, " n"]) -> str:
    low, high = wilson(int(hits.sum()), len(hits))
    return (
        f"  {name:36} {hits.mean():6.1%}  {hits.sum():3} of {len(hits):3}  [{low:.1%}, {high:.1%}]"
    )


def main(arguments: list[str]) -> None:
    """Print the report of the checkpoint named, or of the bundled one."""
    bundle = load(arguments[0] if arguments else CHECKPOINT)
    for lang in LANGS:
        sys.stdout.writelines(line + "\n" for line in report(measure(bundle, lang), lang))


if __name__ == "__main__":
    main(sys.argv[1:])
