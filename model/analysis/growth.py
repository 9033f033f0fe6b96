"""A training as it is watched: one row of attention at each moment, curves, the head to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ..config import Lang
from ..trace import Kind
from ..training.film import Film
from ..training.live import HeldOut, Live
from .coreference import find_pronouns
from .words import merge_words

Word = tuple[str, list[int], tuple[int, int] | None]


@dataclass(frozen=True)
class WordMaps:
    """Every head's attention between the words of one sentence, at one moment.

    Attributes:
        attention: exact to 1/510 a piece, as films and looks keep it.
        queries, keys: the words; `</s>` and its like are among them.
        pronoun: the query that is the pronoun; None where there is none.
    """

    attention: Float[np.ndarray, "layer head query key"]
    queries: list[str]
    keys: list[str]
    pronoun: int | None


@dataclass(frozen=True)
class Curve:
    """One measure over the course of a training: `values` at `steps`."""

    steps: list[int]
    values: list[float]


# ── attention ────────────────────────────────────────────────────────────────────────────────────


def film_maps(film: Film, moment: int, sentence: int) -> WordMaps:
    """The encoder's attention at a moment of a film, between words."""
    shown = film.sentences[sentence]
    names = [word for word, _, _ in shown.words]
    merged = _merged(film.maps[sentence][moment], shown.words, shown.words)
    return WordMaps(merged, names, names, _word_at(shown.words, shown.pronoun[0]))


def live_maps(live: Live, kind: Kind) -> WordMaps:
    """The attention of the sentence that is looked at while a model trains, between words."""
    queries = live.source_words if kind == "encoder" else live.target_words
    keys = live.target_words if kind == "decoder" else live.source_words
    # As in `pronoun_span`: it has a name wherever it has a word before it.
    pronoun = find_pronouns(live.sentence)[-1] if live.naming and kind == "encoder" else None
    return WordMaps(
        _merged(live.maps[kind], queries, keys),
        [word for word, _, _ in queries],
        [word for word, _, _ in keys],
        None if pronoun is None else _word_at(queries, pronoun[0]),
    )


def antecedent(film: Film, sentence: int) -> tuple[int, str]:
    """The word that the finished model names for the pronoun: its place, and itself."""
    word, start, _, _ = film.named(len(film.moments) - 1, sentence)
    return _word_at(film.sentences[sentence].words, start), word


def on_antecedent(film: Film, moment: int, sentence: int) -> Float[np.ndarray, "layer head"]:
    """How much of the pronoun's attention every head gives to the word that is named at the end."""
    maps = film_maps(film, moment, sentence)
    weights: Float[np.ndarray, "layer head"] = maps.attention[
        :, :, maps.pronoun, antecedent(film, sentence)[0]
    ]
    return weights


def telling_head(film: Film, sentence: int) -> tuple[int, int]:
    """The head that at the end of the film gives most of the pronoun to the word named there."""
    weights = on_antecedent(film, len(film.moments) - 1, sentence)
    layer, head = np.unravel_index(int(weights.argmax()), weights.shape)
    return int(layer), int(head)


def _merged(
    maps: UInt8[np.ndarray, "layer head query key"], queries: Sequence[Word], keys: Sequence[Word]
) -> Float[np.ndarray, "layer head query key"]:
    weights = maps.astype(np.float32) / 255
    return merge_words(weights, [p for _, p, _ in queries], [p for _, p, _ in keys])


def _word_at(words: Sequence[Word], character: int) -> int:
    """The word that this character belongs to."""
    return next(n for n, (_, _, span) in enumerate(words) if span and character < span[1])


# ── curves ───────────────────────────────────────────────────────────────────────────────────────


def film_curve(film: Film, name: str) -> Curve:
    """A measure of the training's log at each moment that has it: `loss_nats`, `accuracy` …"""
    found = [(moment.step, moment.line.get(name)) for moment in film.moments]
    known = [(step, value) for step, value in found if isinstance(value, int | float)]
    return Curve([step for step, _ in known], [float(value) for _, value in known])


def log_curve(log: Sequence[Mapping[str, Any]], name: str) -> Curve:
    """A measure of the lines of progress, of training batches."""
    known = [line for line in log if isinstance(line.get(name), int | float)]
    return Curve([line["step"] for line in known], [float(line[name]) for line in known])


def held_out_curve(measured: Sequence[HeldOut], name: str) -> Curve:
    """A measure of held-out sentences: `loss_nats` or `accuracy`."""
    return Curve([one.step for one in measured], [float(getattr(one, name)) for one in measured])


def naming_curve(measured: Sequence[HeldOut], lang: Lang) -> Curve:
    """Share of held-out pronouns in one language whose antecedent the encoder names."""
    known = [one for one in measured if lang in one.naming]
    return Curve([one.step for one in known], [one.naming[lang] for one in known])


def best_head_curve(measured: Sequence[HeldOut], lang: Lang) -> Curve:
    """Share of held-out pronouns at which the best head of that moment looks at the antecedent."""
    known = [one for one in measured if lang in one.argmax]
    return Curve([one.step for one in known], [one.best(lang)[2] for one in known])
