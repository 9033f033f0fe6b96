"""Translation quality by the source's length: what a model does with longer and longer texts."""

from __future__ import annotations

import itertools
import json
import platform
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checkpoint import AnyBundle, write_atomically
from ..config import Lang
from ..corpus.generator import Example, generate
from ..corpus.loaders import read_pairs
from ..corpus.mixture import column_language
from ..errors import ModelError
from ..training.batches import joined
from .leaderboard import EVALUATION_SEED
from .translation import Direction, chrf, pieces_right, share_of_pieces, sides, translate_all

NAME = "lengths.json"
EDGES = (12, 24, 36, 48, 60, 72)
"""A bucket ends at each of these numbers of source pieces, `</s>` counted."""
_FEWEST = 20  # texts in a bucket; of fewer, no interval is worth its name
_ROWS = (1, 2, 3, 4)  # sentences in a row: training has up to three
_EACH = 100  # texts of each number of sentences


@dataclass(frozen=True)
class Text:
    """A text to translate and its translation."""

    source: str
    target: str


def measure(
    bundles: Sequence[AnyBundle], dev: Sequence[Path] = (), each: int = _EACH
) -> dict[str, Any]:
    """chrF and token accuracy of each model on the same texts, by their length.

    Held-out sentences that the corpus generates (`each` by themselves and as many texts of two,
    three and four in a row), and the lines of `dev` files; in the directions that all of the models
    were trained in.

    Returns:
        {"versions", "models": {name: {"version", "parameters", "architecture", "attention"}},
        "signature": chrF's, "sets": {set: {"en-ko": {"buckets": [{"pieces": [first, last], "n",
        "mean_pieces"}], "chrf": {name: [{"value", "interval"}]}, "accuracy": {…}}}}},
        an entry for each bucket; intervals hold 95 %.

    Raises:
        ModelError: `different_vocabularies`, or what `read_pairs` raises.
    """
    _check_vocabularies(bundles)
    import sacrebleu

    directions = [d for d in bundles[0].directions if all(d in b.directions for b in bundles)]
    sets: dict[str, dict[Direction, list[Text]]] = {
        "generated": {d: list(generated(d, each)) for d in directions},
        **{path.name: read(path, directions) for path in dev},
    }
    measured = {
        name: {
            f"{source}-{to}": _by_length(bundles, texts, to)
            for (source, to), texts in by_direction.items()
            if texts
        }
        for name, by_direction in sets.items()
    }
    return {
        "versions": {
            "torch": torch.__version__,
            "sacrebleu": sacrebleu.__version__,
            "python": platform.python_version(),
        },
        "models": {bundle.name: _said(bundle) for bundle in bundles},
        "signature": chrf(["a"], ["a"])["signature"],
        "sets": measured,
    }


def write(path: Path, measured: Mapping[str, Any]) -> None:
    """Keep what was measured."""
    write_atomically(path, (json.dumps(measured, ensure_ascii=False, indent=1) + "\n").encode())


def load(path: Path) -> dict[str, Any] | None:
    """What `write` kept; None where there is nothing that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "sets" in content else None


def generated(direction: Direction, each: int) -> Iterable[Text]:
    """Held-out sentences of unseen noun pairs: alone, and two, three and four in a row."""
    items = generate(each * sum(_ROWS), seed=EVALUATION_SEED + 1, split="pairs")
    drawn = [random.Random(n).choice(item.examples) for n, item in enumerate(items)]
    for length in _ROWS:
        for _ in range(each):
            row, drawn = drawn[:length], drawn[length:]
            yield Text(*(_text(row, lang) for lang in direction))


def read(path: Path, directions: Sequence[Direction]) -> dict[Direction, list[Text]]:
    """The lines of a file, in those directions that it holds."""
    pairs = list(read_pairs(path))
    first, second = (
        column_language([pair.source for pair in pairs]),
        column_language([pair.target for pair in pairs]),
    )
    sides = {
        (first, second): [Text(pair.source, pair.target) for pair in pairs],
        (second, first): [Text(pair.target, pair.source) for pair in pairs],
    }
    return {direction: sides[direction] for direction in directions if direction in sides}


def table(measured: Mapping[str, Any]) -> str:
    """What was measured, for a terminal."""
    lines = []
    for name, directions in measured["sets"].items():
        for direction, found in directions.items():
            for measure_ in ("chrf", "accuracy"):
                lines.append(f"{name}, {direction.replace('-', ' → ')}, {measure_}")
                ends = ["{} – {}".format(*b["pieces"]) for b in found["buckets"]]
                lines.append(f"{'source pieces':16}" + "".join(f"{end:>22}" for end in ends))
                counts = (f"{bucket['n']:>22,}" for bucket in found["buckets"])
                lines.append(f"{'n':16}" + "".join(counts))
                for model, values in found[measure_].items():
                    cells = (_cell(v, measure_) for v in values)
                    lines.append(f"{model:16}" + "".join(f"{cell:>22}" for cell in cells))
                lines.append("")
    return "\n".join(lines)


def _by_length(bundles: Sequence[AnyBundle], texts: Sequence[Text], to: Lang) -> dict[str, Any]:
    tokenizer = bundles[0].tokenizer
    longest = min(bundle.config.max_len for bundle in bundles)
    texts = [
        text
        for text in texts
        if max(map(len, sides(tokenizer, text.source, text.target, to))) <= longest
    ]
    lengths = np.array([len(tokenizer.source(text.source).ids) for text in texts])
    edges = (0, *EDGES, longest)
    rows = [
        (low + 1, high, np.flatnonzero((lengths > low) & (lengths <= high)))
        for low, high in itertools.pairwise(edges)
    ]
    rows = [(first, last, at) for first, last, at in rows if len(at) >= _FEWEST]
    found: dict[str, Any] = {
        "buckets": [
            {
                "pieces": [first, int(lengths[at].max()) if last == longest else last],
                "n": len(at),
                "mean_pieces": round(float(lengths[at].mean()), 1),
            }
            for first, last, at in rows
        ],
        "chrf": {},
        "accuracy": {},
    }
    for bundle in bundles:
        wrote = translate_all(bundle.model, tokenizer, [text.source for text in texts], to)
        right, count = pieces_right(
            bundle.model,
            tokenizer,
            [text.source for text in texts],
            [text.target for text in texts],
            to,
        )
        found["chrf"][bundle.name] = [
            _alone(chrf([wrote[n] for n in at], [texts[n].target for n in at])) for *_, at in rows
        ]
        found["accuracy"][bundle.name] = [
            _alone(share_of_pieces(right[at], count[at])) for *_, at in rows
        ]
    return found


def _text(row: Sequence[Example], lang: Lang) -> str:
    return joined([example.sentences[lang] for example in row]).text


def _said(bundle: AnyBundle) -> dict[str, Any]:
    return {
        "version": bundle.version,
        "parameters": bundle.config.n_parameters,
        "architecture": bundle.config.architecture,
        "attention": getattr(bundle.config, "attention", None),
    }


def _alone(scored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: scored[name] for name in ("value", "interval")}


def _cell(scored: Mapping[str, Any], measure_: str) -> str:
    numbers = (scored["value"], *scored["interval"])
    shown = [f"{n:.1f}" if measure_ == "chrf" else f"{n:.1%}" for n in numbers]
    return "{} [{}, {}]".format(*shown)


def _check_vocabularies(bundles: Sequence[AnyBundle]) -> None:
    first = bundles[0]
    for bundle in bundles[1:]:
        if bundle.tokenizer.model_proto != first.tokenizer.model_proto:
            raise ModelError(
                "different_vocabularies",
                f"{bundle.name} has another vocabulary than {first.name}: their lengths cannot be "
                "compared",
                name=bundle.name,
                first=first.name,
            )
