"""What a head's attention looks like: named patterns, for one sentence or over many.

A role describes where a head looks, not what it does with what it finds there. Every score stands
beside what a head that looks everywhere alike would get on the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from ..capture import capture
from ..checkpoint import Bundle
from ..config import Lang
from ..corpus.generator import Sentence, generate
from ..masks import pad
from ..tokenizer import Encoding
from ..trace import ATTENTION, KINDS, Kind, Trace
from ..transformer import PAD
from .coreference import NamedWord
from .leaderboard import has_letters, met_by
from .words import SIDES, pronoun_word

Role = Literal[
    "previous", "next", "itself", "same_word", "first", "separator", "diagonal", "pronoun",
    "position",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)
Habit = Literal["confidence", "entropy", "distance", "monotone"]
HABITS: tuple[Habit, ...] = get_args(Habit)
Measure = Role | Habit

SEED = 30_000
"""Of the held-out sentences that roles are measured on; no training and no evaluation uses it."""

NAMED = 0.5
"""A role is named from here on: halfway from a uniform head to one that does nothing else."""

LEANS = 0.2
"""A head leans to a role from here on."""

BAND = 0.1
"""Half the width of the diagonal, as a share of the source."""

_NOTHING = 1e-9  # what is left of float32 weights taken out of their own sum
_BATCH = 50

Words = Sequence[tuple[str, list[int], tuple[int, int] | None]]
Reference = tuple[int, Sequence[int]]
"""A pronoun's row, and the pieces of what it stands for."""


@dataclass(frozen=True)
class Reading:
    """One sentence's attention of one kind, and what its rows and columns stand for.

    Attributes:
        queries, keys: (word, piece indices, characters or None for `</s>`, `<s>` and tags).
        reference: whom the pronoun stands for, where that is known.
    """

    kind: Kind
    attention: Float[np.ndarray, "layer head query key"]
    mask: Bool[np.ndarray, "query key"]
    queries: Words
    keys: Words
    reference: Reference | None = None


@dataclass(frozen=True)
class Measured:
    """Every measure of every head; NaN where the sentences hold no row to measure it on.

    Roles: the mean, over the rows in which it can be told, of the weight on the keys meant: 0 … 1.

        previous, next   the token before, the token behind
        itself           the query's own token
        same_word        other pieces of its word, and other places where the same word stands
        first            the first token; rows of other tokens
        separator        signs, `</s>` and tags, the first token not counted; rows of words
        diagonal         cross: within a tenth of the source around the same relative place; the
                         row that predicts the first word lies at the first source token
        pronoun          encoder: in the pronoun's row, what it stands for
        position         the share of attention that position alone puts in its place, at least 0:
                         ½ Σ|a − u| − ½ Σ|a − p|, u the uniform row. p is the mean of all *other*
                         rows, by distance (key − query) or by place (query, key), whichever tells
                         more; by place only where there are many sentences.

    Habits:

        confidence       mean of a row's largest weight, 0 … 1
        entropy          −Σ a log₂ a of a row, in bits: 0 for one key, log₂ n for n keys alike
        distance         Σ a |key − query|, in tokens; self-attention only
        monotone         cross: share of pairs of rows whose strongest keys come in the same order
                         as the rows; equal ones count half, so that chance is ½

    Rows that may attend to one key only have no choice and are left out of everything.

    Attributes:
        scores: measure → [layer, head].
        uniform: what a head that attends everywhere alike gets on the same rows.
        rows: how many rows (monotone: pairs of rows) were looked at.
    """

    scores: Mapping[Measure, Float[np.ndarray, "layer head"]]
    uniform: Mapping[Measure, float]
    rows: Mapping[Measure, int]

    def above(self, role: Role) -> Float[np.ndarray, "layer head"]:
        """(score − uniform) / (1 − uniform): 0 for a uniform head, 1 for one that does only this;
        NaN where nothing else was possible."""
        room = 1 - self.uniform[role]
        above: Float[np.ndarray, "layer head"] = (self.scores[role] - self.uniform[role]) / (
            room if room > 1e-9 else np.nan
        )
        return above

    def roles(self) -> list[list[Role | None]]:
        """[layer][head]: see `role_of`."""
        n_layers, n_heads = next(iter(self.scores.values())).shape
        return [
            [role_of(self, layer, head) for head in range(n_heads)] for layer in range(n_layers)
        ]


def role_of(measured: Measured, layer: int, head: int) -> Role | None:
    """The role with the largest `above`, where that reaches `NAMED`; else None.

    "Position only" is named where no other role is: a previous-token head goes by position, too.
    """
    return _strongest(measured, layer, head, NAMED)


def leaning_of(measured: Measured, layer: int, head: int) -> Role | None:
    """Where a head has no role: the one that it leans to, from `LEANS` on; else None."""
    if role_of(measured, layer, head) is not None:
        return None
    return _strongest(measured, layer, head, LEANS)


def _strongest(measured: Measured, layer: int, head: int, least: float) -> Role | None:
    above = {role: measured.above(role)[layer, head] for role in ROLES if role in measured.scores}
    reached = {role: value for role, value in above.items() if value >= least}  # NaN is not
    chosen = {role: value for role, value in reached.items() if role != "position"} or reached
    return max(chosen, key=lambda role: chosen[role]) if chosen else None


def head_measures(
    trace: Trace, kind: Kind, reference: Reference | None = None
) -> Mapping[Measure, Float[np.ndarray, "layer head"]]:
    """Every measure of `Measured` for one sentence, [layer, head] each."""
    return measure_trace(trace, kind, reference).scores


def measure_trace(trace: Trace, kind: Kind, reference: Reference | None = None) -> Measured:
    """The heads on one sentence.

    Args:
        reference: from `named_reference`; without it "pronoun" is not measured.
    """
    words = {"source": trace.source_words, "target": trace.target_words}
    queries, keys = (words[side] for side in SIDES[kind])
    reading = Reading(kind, trace.attention(kind), trace.mask(kind), queries, keys, reference)
    return measure([reading])


def named_reference(trace: Trace, named: Sequence[NamedWord]) -> Reference | None:
    """The pronoun's first piece, and the pieces of the word that the encoder names for it."""
    word = pronoun_word(trace)
    if word is None:
        return None
    _, *span, _ = max(named, key=lambda one: one[3])
    pieces = next(i for _, i, at in trace.source_words if at == tuple(span))
    return trace.source_words[word][1][0], pieces


# ── over held-out sentences ──────────────────────────────────────────────────────────────────────


def measure_held_out(
    bundle: Bundle, source: Lang, target: Lang, sentences: int = 100
) -> dict[Kind, Measured]:
    """The heads on generated sentences with noun pairs that no training of this model met.

    The decoder reads the reference translation (teacher forcing). Pronouns' antecedents are known.
    """
    items = generate(sentences, seed=SEED, split="pairs", met=met_by(bundle.metrics))
    # One of each pair of twins, so that no sentence stands beside its like.
    pairs = [item.examples[n % 2].sentences for n, item in enumerate(items)]
    readings: dict[Kind, list[Reading]] = {kind: [] for kind in KINDS}
    for start in range(0, len(pairs), _BATCH):
        batch = [(pair[source], pair[target]) for pair in pairs[start : start + _BATCH]]
        for kind, read in _read(bundle, batch, target).items():
            readings[kind] += read
    return {kind: measure(read) for kind, read in readings.items()}


def _read(
    bundle: Bundle, batch: Sequence[tuple[Sentence, Sentence]], lang: Lang
) -> dict[Kind, list[Reading]]:
    """Sentences and their translations through the model, every attention cut back to its size."""
    sources = [bundle.tokenizer.source(source.text) for source, _ in batch]
    targets = [bundle.tokenizer.target(target.text, lang) for _, target in batch]
    references = [_reference(read, one) for read, (one, _) in zip(sources, batch, strict=True)]
    ids = [pad([read.ids for read in side], PAD).to(bundle.device) for side in (sources, targets)]
    with torch.inference_mode(), capture(bundle.model, ["*_attn.weights"]) as points:
        bundle.model(*ids)
    sides = {"source": sources, "target": targets}
    found: dict[Kind, list[Reading]] = {}
    for kind in KINDS:
        weights = _stacked(points, kind)
        queries, keys = (sides[side] for side in SIDES[kind])
        found[kind] = [
            _reading(kind, weights[:, n], queries[n], keys[n], references[n])
            for n in range(len(batch))
        ]
    return found


def _stacked(points: Mapping[str, torch.Tensor], kind: Kind) -> np.ndarray:
    """[layer, sentence, head, query, key]."""
    stack, module = ATTENTION[kind]
    names = [name for name in points if name.startswith(stack) and f".{module}." in name]
    return torch.stack([points[name] for name in names]).numpy(force=True)


def _reading(
    kind: Kind, weights: np.ndarray, query: Encoding, key: Encoding, reference: Reference | None
) -> Reading:
    t, s = len(query.ids), len(key.ids)
    mask = np.tri(t, s, dtype=bool) if kind == "decoder" else np.ones((t, s), dtype=bool)
    words = query.words_with_offsets(), key.words_with_offsets()
    return Reading(kind, weights[:, :, :t, :s], mask, *words, reference)


def _reference(read: Encoding, sentence: Sentence) -> Reference | None:
    if not sentence.references:
        return None
    labelled = sentence.references[0]
    pronoun = read.pieces_in(labelled.pronoun.start, labelled.pronoun.end)
    return pronoun[0], read.pieces_in(labelled.antecedent.start, labelled.antecedent.end)


# ── the measures ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Sum:
    """Of rows: their scores added up, those of a uniform head, and how many they are."""

    scores: Float[np.ndarray, "layer head"]
    uniform: float
    rows: int

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(
            self.scores + other.scores, self.uniform + other.uniform, self.rows + other.rows
        )


def measure(readings: Sequence[Reading]) -> Measured:
    """The heads on these sentences, all of one kind; every row counts alike.

    Raises:
        ValueError: no sentence is given.
    """
    if not readings:
        raise ValueError("no sentence to measure heads on")
    sums: dict[Measure, _Sum] = {}
    for reading in readings:
        for name, found in _sums(reading).items():
            sums[name] = sums[name] + found if name in sums else found
    scores = {name: _divided(one.scores, one.rows) for name, one in sums.items()}
    uniform = {name: float(_divided(one.uniform, one.rows)) for name, one in sums.items()}
    rows = {name: one.rows for name, one in sums.items()}
    free = sum(int(_free(reading).sum()) for reading in readings)
    scores["position"] = position_share(readings)
    return Measured(scores, uniform | {"position": 0.0}, rows | {"position": free})


def _sums(reading: Reading) -> dict[Measure, _Sum]:
    sums: dict[Measure, _Sum] = {role: _on(reading, at) for role, at in cells(reading).items()}
    sums |= _habits(reading)
    if reading.kind == "cross":
        sums["monotone"] = _monotone(reading)
    return sums


def cells(reading: Reading) -> dict[Role, Bool[np.ndarray, "query key"]]:
    """Role → the cells that it means; a row without one has nothing to tell about it."""
    query, key = _grid(reading)
    if reading.kind == "cross":
        found: dict[Role, Bool[np.ndarray, "query key"]] = {
            "first": key == 0,
            "separator": np.broadcast_to(_signs(reading.keys) & (key[0] > 0), key.shape),
            "diagonal": _diagonal(*reading.mask.shape),
        }
        return found
    names, signs = _names(reading.keys), _signs(reading.keys)
    same = (names[:, None] == names) & ~signs
    found = {
        "previous": key == query - 1,
        "itself": key == query,
        "same_word": same & (key != query),
        "first": (key == 0) & (query > 0),
        "separator": signs & (key > 0) & ~signs[:, None],
    }
    if reading.kind == "encoder":
        found["next"] = key == query + 1
        if reading.reference is not None:
            pronoun, antecedent = reading.reference
            found["pronoun"] = (query == pronoun) & np.isin(key, antecedent)
    return found


def _grid(
    reading: Reading,
) -> tuple[Int[np.ndarray, "query key"], Int[np.ndarray, "query key"]]:
    """Every cell's row, and its column."""
    grid: Int[np.ndarray, "2 query key"] = np.indices(reading.mask.shape)
    return grid[0], grid[1]


def _names(words: Words) -> Int[np.ndarray, " piece"]:
    """For each piece the number of its word; the same word, in capitals or not, the same number."""
    spelled = [word.casefold() for word, _, _ in words]
    return np.array([spelled.index(spelled[at]) for at in _word_of(words)])


def _signs(words: Words) -> Bool[np.ndarray, " piece"]:
    """Pieces of no word: signs, and `</s>`, `<s>` and tags, which have no characters."""
    is_sign = [span is None or not has_letters(word) for word, _, span in words]
    return np.array([is_sign[at] for at in _word_of(words)])


def _word_of(words: Words) -> Int[np.ndarray, " piece"]:
    """For each piece the word that it belongs to."""
    pieces = [piece for _, pieces, _ in words for piece in pieces]
    word_of = np.empty(len(pieces), dtype=int)
    word_of[pieces] = [at for at, (_, pieces, _) in enumerate(words) for _ in pieces]
    return word_of


def _diagonal(n_queries: int, n_keys: int) -> Bool[np.ndarray, "query key"]:
    """Row 0 is `<s>`, behind which the tag is given; row 1 predicts the first word."""
    query, key = np.ogrid[:n_queries, :n_keys]
    place = (query - 1) / max(1, n_queries - 2) * (n_keys - 1)
    band = max(0.5, BAND * (n_keys - 1))
    near: Bool[np.ndarray, "query key"] = (np.abs(key - place) <= band) & (query > 0)
    return near


def _free(reading: Reading) -> Bool[np.ndarray, " query"]:
    """Rows that have a choice."""
    free: Bool[np.ndarray, " query"] = reading.mask.sum(axis=1) > 1
    return free


def _uniform(mask: Bool[np.ndarray, "query key"]) -> Float[np.ndarray, "query key"]:
    uniform: Float[np.ndarray, "query key"] = mask / np.maximum(1, mask.sum(axis=1, keepdims=True))
    return uniform


def _on(reading: Reading, meant: Bool[np.ndarray, "query key"]) -> _Sum:
    """The weight on the cells meant, in the rows that have one and a choice."""
    meant = meant & reading.mask
    rows = meant.any(axis=1) & _free(reading)
    meant = meant & rows[:, None]
    on = np.einsum("lhqk,qk->lh", reading.attention, meant, dtype=np.float64)
    return _Sum(on, float(_uniform(reading.mask)[meant].sum()), int(rows.sum()))


def _habits(reading: Reading) -> dict[Measure, _Sum]:
    rows = _free(reading)
    weights, uniform = reading.attention[:, :, rows], _uniform(reading.mask)[rows]
    query, key = _grid(reading)
    far = np.abs(key - query)[rows]
    found: dict[Measure, _Sum] = {}

    def add(name: Measure, of: np.ndarray, of_uniform: np.ndarray) -> None:
        total = of.sum(axis=-1, dtype=np.float64)
        found[name] = _Sum(total, float(of_uniform.sum()), int(rows.sum()))

    add("confidence", weights.max(axis=-1), uniform.max(axis=-1))
    add("entropy", _bits(weights), _bits(uniform))
    if reading.kind != "cross":
        add("distance", (weights * far).sum(axis=-1), (uniform * far).sum(axis=-1))
    return found


def _bits(weights: Float[np.ndarray, "*rows key"]) -> Float[np.ndarray, "*rows"]:
    logs = np.log2(weights, out=np.zeros_like(weights), where=weights > 0)
    bits: Float[np.ndarray, "*rows"] = -(weights * logs).sum(axis=-1)
    return bits


def _monotone(reading: Reading) -> _Sum:
    strongest = reading.attention[:, :, 1:].argmax(axis=-1)  # what stands behind <s> is given
    steps = np.sign(strongest[..., None, :] - strongest[..., :, None])
    above = np.triu_indices(strongest.shape[-1], k=1)
    in_order = (steps[..., above[0], above[1]] + 1).sum(axis=-1) / 2
    return _Sum(in_order, len(above[0]) / 2, len(above[0]))


def _divided(total: np.ndarray | float, rows: int) -> np.ndarray:
    return np.asarray(total) / rows if rows else np.asarray(total) * np.nan


# ── position ─────────────────────────────────────────────────────────────────────────────────────


def position_share(readings: Sequence[Reading]) -> Float[np.ndarray, "layer head"]:
    """½ Σ|a − u| − ½ Σ|a − p|, mean over rows, at least 0; see `Measured`.

    A row is predicted from all rows but itself, so that nothing is explained by itself.
    """
    by = [_explained(readings, _by_distance(readings))]
    if len(readings) > 1:
        by.append(_explained(readings, _by_place(readings)))
    share: Float[np.ndarray, "layer head"] = np.max(by, axis=0)
    return share


@dataclass(frozen=True)
class _Places:
    """Which place of a profile (a distance, or a cell) every cell of every sentence has."""

    of: Sequence[Int[np.ndarray, "query key"]]
    n: int


def _by_distance(readings: Sequence[Reading]) -> _Places:
    longest, furthest = _largest(readings)
    grids = [_grid(reading) for reading in readings]
    return _Places([key - query + longest - 1 for query, key in grids], longest + furthest - 1)


def _by_place(readings: Sequence[Reading]) -> _Places:
    longest, furthest = _largest(readings)
    grids = [_grid(reading) for reading in readings]
    return _Places([query * furthest + key for query, key in grids], longest * furthest)


def _largest(readings: Sequence[Reading]) -> tuple[int, int]:
    rows, columns = zip(*(reading.mask.shape for reading in readings), strict=True)
    return max(rows), max(columns)


def _explained(readings: Sequence[Reading], places: _Places) -> Float[np.ndarray, "layer head"]:
    total, count = _profile(readings, places)
    explained, n_rows = np.zeros(total.shape[:2]), 0
    for reading, of in zip(readings, places.of, strict=True):
        free = _free(reading)
        mask, of = reading.mask[free], of[free]
        others = np.where(mask, count[of] - 1, 0)
        uniform = _uniform(mask)
        for layer in range(len(total)):  # one at a time: long sentences in many heads are large
            weights = reading.attention[layer][:, free]
            predicted = _from_others(total[layer][:, of] - weights, others, uniform)
            far, near = np.abs(weights - uniform), np.abs(weights - predicted)
            explained[layer] += (far - near).sum(axis=(1, 2)) / 2
        n_rows += int(free.sum())
    share: Float[np.ndarray, "layer head"] = np.maximum(0, explained / max(1, n_rows))
    return share


def _profile(
    readings: Sequence[Reading], places: _Places
) -> tuple[Float[np.ndarray, "layer head place"], Float[np.ndarray, " place"]]:
    """For each place the weights added up, and how many they are."""
    total = np.zeros((*readings[0].attention.shape[:2], places.n))
    count = np.zeros(places.n)
    for reading, of in zip(readings, places.of, strict=True):
        for row in np.flatnonzero(_free(reading)):  # a row meets each place once
            seen = reading.mask[row]
            total[:, :, of[row, seen]] += reading.attention[:, :, row, seen]
            count[of[row, seen]] += 1
    return total, count


def _from_others(
    sums: Float[np.ndarray, "head query key"],
    others: Float[np.ndarray, "query key"],
    uniform: Float[np.ndarray, "query key"],
) -> Float[np.ndarray, "head query key"]:
    """Means over the other rows, made to sum to 1; uniform where no other row says anything."""
    mean = np.where(others > 0, sums / np.maximum(1, others), 0)
    mean = np.where(mean > _NOTHING, mean, 0)
    whole = mean.sum(axis=-1, keepdims=True)
    predicted: Float[np.ndarray, "head query key"] = np.where(
        whole > 0, mean / np.where(whole > 0, whole, 1), uniform
    )
    return predicted
