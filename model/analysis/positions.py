"""Where a word stands: what the sinusoids add to it, and what a sentence loses without them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from ..capture import capture, intervene
from ..checkpoint import Bundle
from ..positions import sinusoid
from ..tokenizer import Words
from ..trace import Trace

BASE = 10_000
"""The paper's, and that of every model here."""

# ── the table ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Turn:
    """One pair of dimensions at one position, with every number on the way, in float64.

    Attributes:
        divisor: base^(2i/d_model).
        angle: position / divisor, in radians.
    """

    position: int
    pair: int
    divisor: float
    angle: float
    sine: float
    cosine: float


def turns(position: int, d_model: int, base: float) -> list[Turn]:
    """PE(pos, 2i) = sin(pos / base^(2i/d_model)) and PE(pos, 2i+1), its cosine, pair by pair."""
    divisors = [base ** (2 * pair / d_model) for pair in range(d_model // 2)]
    angles = [position / divisor for divisor in divisors]
    return [
        Turn(position, pair, divisor, angle, math.sin(angle), math.cos(angle))
        for pair, (divisor, angle) in enumerate(zip(divisors, angles, strict=True))
    ]


def by_hand(length: int, d_model: int, base: float) -> Float[np.ndarray, "length d_model"]:
    """The table from `turns`, number by number."""
    rows = [turns(position, d_model, base) for position in range(length)]
    return np.array([[value for turn in row for value in (turn.sine, turn.cosine)] for row in rows])


def table(length: int, d_model: int, base: float) -> Float[np.ndarray, "length d_model"]:
    """The model's own function, `model.positions.sinusoid`, as an array."""
    return sinusoid(length, d_model, base).numpy()


def table_difference(length: int, d_model: int, base: float) -> float:
    """The largest difference between the table by hand and the model's own function."""
    return _largest(by_hand(length, d_model, base) - table(length, d_model, base))


def captured_difference(trace: Trace) -> float:
    """The largest difference between the table by hand and what the encoder's words were given."""
    captured = trace.positional("source")
    length, d_model = captured.shape
    return _largest(by_hand(length, d_model, BASE) - captured)


def wavelengths(d_model: int, base: float) -> Float[np.ndarray, "pair"]:
    """Positions after which a pair of dimensions begins anew: 2π · base^(2i/d_model)."""
    exponent = np.arange(0, d_model, 2) / d_model
    lengths: Float[np.ndarray, "pair"] = 2 * math.pi * base**exponent
    return lengths


# ── from position to position ────────────────────────────────────────────────────────────────────


def products(pe: Float[np.ndarray, "length d_model"]) -> Float[np.ndarray, "length length"]:
    """PE · PEᵀ: how alike two positions are."""
    gram: Float[np.ndarray, "length length"] = pe @ pe.T
    return gram


@dataclass(frozen=True)
class Distance:
    """All pairs of positions that are equally far apart.

    Attributes:
        product: Σ_i cos(distance / base^(2i/d_model)), what theory says of each of them.
        lowest, highest: among their dot products in the table; equal but for rounding.
    """

    distance: int
    product: float
    lowest: float
    highest: float

    @property
    def largest_difference(self) -> float:
        """Between theory and any of the dot products."""
        return max(abs(self.lowest - self.product), abs(self.highest - self.product))


def distances(pe: Float[np.ndarray, "length d_model"], base: float) -> list[Distance]:
    """PE(p) · PE(p + n) for every distance n: it depends on n alone.

    sin a sin b + cos a cos b = cos(a − b), so that position p itself drops out.
    """
    gram, d_model = products(pe), pe.shape[1]
    found = []
    for n in range(len(pe)):
        alike = gram.diagonal(n)
        theory = sum(turn.cosine for turn in turns(n, d_model, base))
        found.append(Distance(n, theory, float(alike.min()), float(alike.max())))
    return found


# ── a word and its position ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class InputParts:
    """x = √d_model · E[piece] + PE[position], float32.

    Attributes:
        embedding: E[piece], as the checkpoint holds it.
        word: √d_model · embedding.
        largest_difference: between word, position and x here and those that the model computed.
    """

    embedding: Float[np.ndarray, " d_model"]
    scale: float
    word: Float[np.ndarray, " d_model"]
    position: Float[np.ndarray, " d_model"]
    x: Float[np.ndarray, " d_model"]
    largest_difference: float


def input_parts(bundle: Bundle, trace: Trace, place: int) -> InputParts:
    """The encoder's input at one place of the sentence, computed here and compared.

    Raises:
        IndexError: the sentence has no such place.
    """
    piece = bundle.tokenizer.source(trace.source_text).ids[place]
    parts = _parts(bundle, piece, place)
    captured = (
        trace.points[f"encoder.input.{point}"][place] for point in ("word", "position", "sum")
    )
    return _compared(parts, tuple(captured))


@dataclass(frozen=True)
class TwoPlaces:
    """One piece at two places: the same embedding, two inputs.

    Attributes:
        positions_cosine, inputs_cosine: cos(PE[a], PE[b]) and cos(x_a, x_b).
    """

    first: InputParts
    second: InputParts
    positions_cosine: float
    inputs_cosine: float

    @property
    def largest_difference(self) -> float:
        """Of both places' parts from what the model's own input layer makes there."""
        return max(self.first.largest_difference, self.second.largest_difference)


def two_places(bundle: Bundle, piece: int, first: int, second: int) -> TwoPlaces:
    """What the encoder would read if the piece stood here or there."""
    a, b = (_run_input(bundle, piece, place) for place in (first, second))
    return TwoPlaces(a, b, cosine(a.position, b.position), cosine(a.x, b.x))


def cosine(a: Float[np.ndarray, " d"], b: Float[np.ndarray, " d"]) -> float:
    """a · b / (|a| |b|); 0 where one of them is nothing."""
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length else 0.0


def _parts(bundle: Bundle, piece: int, place: int) -> InputParts:
    d_model = bundle.config.d_model
    embedding = bundle.model.embedding.weight[piece].numpy(force=True)
    word = embedding * np.float32(math.sqrt(d_model))
    position = sinusoid(place + 1, d_model)[place].numpy()
    return InputParts(embedding, math.sqrt(d_model), word, position, word + position, 0.0)


def _run_input(bundle: Bundle, piece: int, place: int) -> InputParts:
    """The parts, compared with what the model's input layer does at that place."""
    names = ["encoder.input.word", "encoder.input.position", "encoder.input.sum"]
    ids = torch.tensor([[piece]], device=bundle.device)
    with torch.inference_mode(), capture(bundle.model, names) as points:
        bundle.model.encoder.input(bundle.model.embedding(ids), start=place)
    return _compared(
        _parts(bundle, piece, place),
        tuple(points[name].reshape(-1).numpy(force=True) for name in names),
    )


def _compared(parts: InputParts, captured: tuple[Float[np.ndarray, " d_model"], ...]) -> InputParts:
    here = (parts.word, parts.position, parts.x)
    difference = max(_largest(a - b) for a, b in zip(here, captured, strict=True))
    return replace(parts, largest_difference=difference)


# ── the shuffled sentence ────────────────────────────────────────────────────────────────────────


def reverse(n: int) -> list[int]:
    """The last word first."""
    return list(range(n))[::-1]


def shuffle(n: int, seed: int) -> list[int]:
    """A random order; the same seed gives the same one, and never the order that it was."""
    order = list(range(n))
    generator = random.Random(seed)
    while n > 1 and order == sorted(order):
        generator.shuffle(order)
    return order


def swap(n: int, first: int, second: int) -> list[int]:
    """Two words change places."""
    order = list(range(n))
    order[first], order[second] = order[second], order[first]
    return order


def piece_order(words: Words, movable: Sequence[int], order: Sequence[int]) -> list[int]:
    """Which piece stands where, once the movable words stand in a new order.

    Args:
        words: (word, its pieces), the whole sentence.
        movable: the words that change places; every other one (`</s>`) stays.
        order: a permutation of 0 … len(movable) − 1; `order[i]` comes to the i-th of their places.

    Returns:
        For each place, the piece of the original sentence that stands there now.
    """
    moved = dict(zip(movable, (movable[i] for i in order), strict=True))
    return [piece for n in range(len(words)) for piece in words[moved.get(n, n)][1]]


def encoder_maps(
    bundle: Bundle, text: str, order: Sequence[int], *, positions: bool
) -> Float[np.ndarray, "layer head query key"]:
    """Attention of the encoder that reads the sentence's pieces in this order.

    Args:
        order: what `piece_order` gives.
        positions: False sets the positional encoding to zero.
    """
    ids = bundle.tokenizer.source(text).ids
    source = torch.tensor([[ids[piece] for piece in order]], device=bundle.device)
    without = intervene(bundle.model, {"encoder.input.position": torch.zeros_like})
    with (
        torch.inference_mode(),
        nullcontext() if positions else without,
        capture(bundle.model, ["encoder.layers.*.self_attn.weights"]) as points,
    ):
        bundle.model.encode(source)
    return np.stack([weights[0].numpy(force=True) for weights in points.values()])


def put_back(
    maps: Float[np.ndarray, "*heads query key"], order: Sequence[int]
) -> Float[np.ndarray, "*heads query key"]:
    """A shuffled sentence's maps with rows and columns in the original order again."""
    where = np.argsort(order)
    return maps[..., where[:, None], where[None, :]]


@dataclass(frozen=True)
class Shuffled:
    """The encoder's maps of a sentence and of its shuffled self, with or without positions.

    Attributes:
        original, shuffled: each in the order in which it was read.
        back: `shuffled`, put back into the original order.
    """

    original: Float[np.ndarray, "layer head query key"]
    shuffled: Float[np.ndarray, "layer head query key"]
    back: Float[np.ndarray, "layer head query key"]

    @property
    def moved(self) -> Float[np.ndarray, "layer head query key"]:
        """How far each weight between the same two pieces moved."""
        return self.back - self.original

    @property
    def largest_move(self) -> float:
        """Over all layers and heads."""
        return _largest(self.moved)

    def differs_from(self, trace: Trace) -> float:
        """The largest difference of `original` from the maps of a Trace of the same sentence."""
        return _largest(self.original - trace.attention("encoder"))


def shuffled_maps(bundle: Bundle, text: str, order: Sequence[int], *, positions: bool) -> Shuffled:
    """Run the encoder on both orders."""
    original = encoder_maps(bundle, text, sorted(order), positions=positions)
    shuffled = encoder_maps(bundle, text, order, positions=positions)
    return Shuffled(original, shuffled, put_back(shuffled, order))


def _largest(difference: np.ndarray) -> float:
    return float(np.abs(difference).max(initial=0.0))
