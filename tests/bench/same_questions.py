"""Two checkpoints on the same twins: did the later training help, or is its test another one?

    python -m tests.bench.same_questions OLDER NEWER [--twins 500]

The corpus grows, and each checkpoint's own numbers are of the frames of its time. Here both answer
the same questions, put apart by whether both had met a twin's frame, the newer one alone, or
neither. Heads are those that each checkpoint's own `metrics.json` calls its best.
"""

from __future__ import annotations

import argparse

import numpy as np
from jaxtyping import Bool

from model import Bundle, load
from model.analysis.leaderboard import Answers, ask, met_by, questions
from model.config import LANGUAGES, Lang
from model.corpus.generator import Met, Split, generate

SPLITS: tuple[Split, ...] = ("pairs", "templates", "nouns")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("older")
    parser.add_argument("newer")
    parser.add_argument("--twins", type=int, default=500)
    options = parser.parse_args()
    bundles = [load(options.older, device="cpu"), load(options.newer, device="cpu")]
    met = [met_by(bundle.metrics) for bundle in bundles]
    asked_in: list[Lang] = [lang for lang in LANGUAGES if lang in bundles[0].metrics["naming"]]
    for split in SPLITS:
        items = list(generate(options.twins, seed=77, split=split, met=met[1]))
        shown = [example for item in items for example in item.examples]
        frames = np.array([_kind(e.template, *met) for e in shown])
        for lang in asked_in:
            for name, bundle in zip(("older", "newer"), bundles, strict=True):
                answers = ask(bundle.model, questions(bundle.tokenizer, shown, lang))
                for kind in np.unique(frames):
                    shares = naming_and_argmax(bundle, lang, answers, frames == kind)
                    print(f"{split}, {lang}, {kind} frames, {name}: {shares}")


def naming_and_argmax(
    bundle: Bundle, lang: Lang, answers: Answers, those: Bool[np.ndarray, " N"]
) -> str:
    """Of `those` answers, how many are right and how many its best head looks at."""
    best = bundle.metrics["heads"]["best"][lang]
    looked = answers.argmax[those, best["layer"], best["head"]]
    return (
        f"n = {those.sum():,}, naming {np.mean(answers.named[those]):.1%}, "
        f"best head's argmax {np.mean(looked):.1%}"
    )


def _kind(template: str, older: Met, newer: Met) -> str:
    if template in older.templates:
        return "earlier"
    return "added" if template in newer.templates else "unseen"


if __name__ == "__main__":
    main()
