"""How much does a key matter to a query? Five measures of the same cells, and whether they agree.

    weight     α, what the attention map shows
    norm       ‖α · v W^O‖, the length of what the key adds to the row (Kobayashi et al. 2020,
               *Attention is Not Only a Weight*); v with its bias, W^O's slice of this head
    rollout    the share of the key's word in the row after this layer; it knows no heads
    gradient   α · ∂S/∂α: by how much S would fall if α were cut and S a straight line in it
    cut        S − S with this one α set to 0, the row's other weights left as they are

S is how sure the model is of an answer that it gives itself; see `Scalar`. The cut row is not made
to sum to 1 again: then `gradient` is the straight-line estimate of `cut`, and what the other keys
add stays the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..attention import MultiHeadAttention
from ..capture import intervene
from ..checkpoint import Bundle
from ..masks import padding_mask
from ..tokenizer import Encoding
from ..trace import ATTENTION, Kind, Trace
from ..transformer import PAD, Transformer
from .coreference import name_pronoun, naming_logits
from .decoding import label, pieces_of
from .leaderboard import rank_correlation
from .rollout import rollout
from .words import pronoun_span

Measure = Literal["weight", "norm", "rollout", "gradient", "cut"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
SIGNED: tuple[Measure, ...] = ("gradient", "cut")
"""Measures with a direction: above 0 the key speaks for the answer, below 0 against it."""

About = Literal["naming", "translation"]
"""What an encoder's measures can be asked about."""

MOST_KEYS, FEWEST_CUT = 40, 12
"""Of a long row, as many keys are measured: those with the largest weights."""

ROUNDING = 1e-5
"""Changes of S below this, in nats, are float32 rounding; they all rank as no change."""

_FEWEST_KEYS = 3  # two keys can only be in the same order or not
_BUDGET = 6000  # pieces that may be read again to cut the edges of a sentence: about two seconds
_CHUNK = 2048  # pieces in one batch


@dataclass(frozen=True)
class Scalar:
    """What is asked of the model, and S: how sure it is of the answer, in nats.

        naming        ln P − ln(1 − P) of the word that the encoder names for the pronoun
        next          ln P − ln(1 − P) of the piece that the decoder expects behind one position
        translation   Σ ln P of the pieces that it expects behind all positions but `<s>`

    The log-odds of one answer have room above P = 0.9999, where ln P has none left: a cut that
    takes an answer from 0.999999 to 0.999 is then no smaller than rounding.

    Attributes:
        position: the pronoun's row in the source, or the row of the target; None: all of them.
        pieces: naming: where the word stands in the source; else ids in the vocabulary.
        answer: the word or piece as people read it; empty for "translation".
    """

    what: Literal["naming", "next", "translation"]
    position: int | None
    pieces: tuple[int, ...]
    answer: str


@dataclass(frozen=True)
class Importance:
    """One row by five measures.

    Attributes:
        scalar, sure: what was asked, and S.
        keys: the keys measured, in the sentence's order.
        values: measure → one number a key.
        agreement: Spearman's rank correlation of each pair of measures within a row, by size
            (|value|), mean over `rows`; NaN where no row has an order.
        rows: the rows of this head that the agreement is taken over.
        added: length of what this head adds to the row, ‖Σ α v W^O‖.
        carried: length of the row in the residual connection that it is added to.
        difference: the largest of |Σ_heads Σ_keys α v W^O + b^O − out|, of |weights in the runs of
            this page − weights of the Trace|, and of |S here − S of the Trace|.
        size: of the largest number compared.
    """

    scalar: Scalar
    sure: float
    keys: list[int]
    values: dict[Measure, Float[np.ndarray, " key"]]
    agreement: Float[np.ndarray, "measure measure"]
    rows: list[int]
    added: float
    carried: float
    difference: float
    size: float

    def strongest(self, measure: Measure) -> int:
        """The key with the largest size."""
        return self.keys[int(np.abs(self.values[measure]).argmax())]


def probability(sure: float) -> float:
    """P of an answer with log-odds S: 1 / (1 + exp(−S)), written so as not to overflow."""
    return 0.5 * (1 + math.tanh(sure / 2))


def importance(
    bundle: Bundle,
    trace: Trace,
    read: Encoding,
    kind: Kind,
    layer: int,
    head: int,
    query: int,
    about: About = "naming",
) -> Importance:
    """One row of one head by all measures, and their agreement over the rows of the head.

    Args:
        read: what the decoder read in the Trace, from `decoding.reference`.
        about: what the encoder is asked; "naming" needs a pronoun and is "translation" without.

    Raises:
        IndexError: if there is no such layer, head or row.
    """
    steps = trace.steps(kind, layer, head)
    if not 0 <= query < len(steps.weights):
        raise IndexError(f"there are {len(steps.weights)} rows, there is no row {query}")
    ids = Ids.of(bundle, trace, read)
    mine = scalar(bundle, trace, kind, query, about)
    cost = ids.cost(kind, mine)
    most = min(MOST_KEYS, max(FEWEST_CUT, 2 * _BUDGET // cost))
    keys = [_keys(*row, most) for row in zip(steps.weights, steps.mask, strict=True)]
    rows = _rows(keys, query, cost)
    asked = {
        row: mine if kind == "encoder" else scalar(bundle, trace, kind, row, about)
        for row in sorted({query, *rows})
    }
    q, k = np.array([(row, key) for row in asked for key in keys[row]]).T

    different = list(dict.fromkeys(asked.values()))
    of_cell = [different.index(asked[row]) for row in q]
    slopes, sure, weights = gradient(bundle, ids, kind, layer, different)
    cells = [Cell(head, row, key, asked[row]) for row, key in zip(q.tolist(), k, strict=True)]
    measured: dict[Measure, Float[np.ndarray, " cell"]] = {
        "weight": steps.weights[q, k],
        "norm": value_norms(bundle, trace, kind, layer)[head, q, k],
        "rollout": rollout(trace)[kind][layer, q, k],
        "gradient": steps.weights[q, k] * slopes[of_cell, head, q, k],
        "cut": cut(bundle, ids, kind, layer, cells),
    }

    captured = trace.points[_name(kind, layer, "out")]
    of_trace = sure_in_trace(bundle, trace, mine)
    differences = (
        summed(bundle, trace, kind, layer) - captured,
        weights - trace.points[_name(kind, layer, "weights")],
        sure[different.index(mine)] - of_trace,
    )
    written = _written(bundle, trace, kind, layer)[head]
    return Importance(
        scalar=mine,
        sure=of_trace,
        keys=keys[query],
        values={name: found[q == query] for name, found in measured.items()},
        agreement=_agreement([[found[q == r] for found in _sizes(measured)] for r in rows]),
        rows=rows,
        added=float(np.linalg.norm(steps.weights[query] @ written)),
        carried=float(np.linalg.norm(trace.points[_name(kind, layer, "x", add=True)][query])),
        difference=max(float(np.abs(one).max()) for one in differences),
        size=max(float(np.abs(captured).max()), abs(of_trace)),
    )


def _keys(
    weights: Float[np.ndarray, " key"], mask: Bool[np.ndarray, " key"], most: int
) -> list[int]:
    """The keys of a row that may be seen; of many those with the largest weights."""
    seen = np.flatnonzero(mask)
    largest = seen[np.argsort(-weights[seen], kind="stable")[:most]]
    return sorted(largest.tolist())


def _rows(keys: Sequence[Sequence[int]], query: int, cost: int) -> list[int]:
    """The rows that can have an order: all where the budget allows, else evenly spread ones."""
    rows = [row for row, seen in enumerate(keys) if len(seen) >= _FEWEST_KEYS]
    affordable = int(_BUDGET / (cost * np.mean([len(keys[row]) for row in rows]))) if rows else 0
    if len(rows) <= affordable:
        return rows
    if affordable < 2:
        return [row for row in rows if row == query]
    spread = np.linspace(0, len(rows) - 1, affordable).round().astype(int)
    return [rows[n] for n in spread]


# ── S ────────────────────────────────────────────────────────────────────────────────────────────


def scalar(bundle: Bundle, trace: Trace, kind: Kind, query: int, about: About) -> Scalar:
    """What is asked of the model, for one row of one kind of attention.

    The encoder: whom the pronoun means, or the translation. Decoder and cross-attention: the piece
    expected behind the row; at `<s>`, behind which the language tag is given, the translation.
    """
    if kind != "encoder" and query > 0:
        own = int(trace.logits[query].argmax())
        return Scalar("next", query, (own,), label(pieces_of(bundle, [own])[0]))
    span = pronoun_span(trace)
    if kind != "encoder" or about == "translation" or span is None:
        return Scalar("translation", None, tuple(trace.logits[1:].argmax(axis=-1).tolist()), "")
    word, start, end, _ = max(name_pronoun(bundle, trace.source_text, span), key=lambda one: one[3])
    pieces = next(pieces for _, pieces, at in trace.source_words if at == (start, end))
    pronoun = bundle.tokenizer.source(trace.source_text).pieces_in(*span)[0]
    return Scalar("naming", pronoun, tuple(pieces), word)


@dataclass(frozen=True)
class Ids:
    """What the model read: [1, length] each."""

    source: Int[Tensor, "1 S"]
    target: Int[Tensor, "1 T"]

    @classmethod
    def of(cls, bundle: Bundle, trace: Trace, read: Encoding) -> Ids:
        """The ids behind a Trace; `read`: what its decoder read."""
        sides = bundle.tokenizer.source(trace.source_text).ids, read.ids
        return cls(*(torch.tensor([ids], device=bundle.device) for ids in sides))

    def cost(self, kind: Kind, asked: Scalar) -> int:
        """How many pieces are read for one S."""
        source = self.source.size(1) if kind == "encoder" else 0
        return source + (0 if asked.what == "naming" else self.target.size(1))


def sure_of(
    bundle: Bundle, ids: Ids, kind: Kind, asked: Sequence[Scalar]
) -> Float[Tensor, " copy"]:
    """S of each of these, float64: the sentence is read as often, in one batch.

    What lies before the attention of this kind is computed once.
    """
    model, n, numbered = bundle.model, len(asked), list(enumerate(asked))
    source = ids.source.expand(n if kind == "encoder" else 1, -1)
    memory = model.encode(source)
    if asked[0].what == "naming":  # then all are: the encoder is asked one thing
        return torch.stack([_naming(model, memory[n], ids.source[0], one) for n, one in numbered])
    mask = padding_mask(ids.source, PAD)
    logits = model.decode(ids.target.expand(n, -1), memory.expand(n, -1, -1), mask)
    return torch.stack([_writing(logits[n], one) for n, one in numbered])


def sure_in_trace(bundle: Bundle, trace: Trace, asked: Scalar) -> float:
    """S from what the Trace holds."""
    if asked.what == "naming":
        encoded = torch.tensor(trace.points["encoder.out"], device=bundle.device)
        source = torch.tensor(bundle.tokenizer.source(trace.source_text).ids, device=bundle.device)
        with torch.inference_mode():
            return float(_naming(bundle.model, encoded, source, asked))
    return float(_writing(torch.tensor(trace.logits), asked))


def _naming(
    model: Transformer, encoded: Float[Tensor, "S d_model"], source: Int[Tensor, " S"], one: Scalar
) -> Float[Tensor, ""]:
    """The odds of `naming_probabilities`, in logarithms."""
    logits = model.name(encoded[one.position][None])[0].double()
    return _odds(naming_logits(logits, source), list(one.pieces))


def _writing(logits: Float[Tensor, "T vocab"], one: Scalar) -> Float[Tensor, ""]:
    if one.position is not None:
        return _odds(logits[one.position].double(), list(one.pieces))
    pieces = torch.tensor(one.pieces, device=logits.device)
    shares: Tensor = logits[1:].double().log_softmax(dim=-1)
    return shares.gather(1, pieces[:, None]).sum()


def _odds(logits: Float[Tensor, " n"], answer: list[int]) -> Float[Tensor, ""]:
    """ln P − ln(1 − P) of the answer, P = softmax(logits), computed without P."""
    others = torch.ones_like(logits, dtype=torch.bool)
    others[answer] = False
    return logits[answer].logsumexp(dim=-1) - logits[others].logsumexp(dim=-1)


# ── the measures ─────────────────────────────────────────────────────────────────────────────────


def value_norms(
    bundle: Bundle, trace: Trace, kind: Kind, layer: int
) -> Float[np.ndarray, "head query key"]:
    """‖α · v W^O‖ of every cell of a layer, each head with its own slice of W^O."""
    lengths = np.linalg.norm(_written(bundle, trace, kind, layer), axis=-1)
    norms: Float[np.ndarray, "head query key"] = (
        trace.points[_name(kind, layer, "weights")] * lengths[:, None]
    )
    return norms


def summed(
    bundle: Bundle, trace: Trace, kind: Kind, layer: int
) -> Float[np.ndarray, "query d_model"]:
    """Σ_heads Σ_keys α v W^O + b^O: what the attention block gives back."""
    weights = trace.points[_name(kind, layer, "weights")]
    bias = _attention(bundle, kind, layer).w_o.bias.numpy(force=True)
    out: Float[np.ndarray, "query d_model"] = bias + np.einsum(
        "hqk,hkd->qd", weights, _written(bundle, trace, kind, layer), optimize=True
    )
    return out


def _written(
    bundle: Bundle, trace: Trace, kind: Kind, layer: int
) -> Float[np.ndarray, "head key d_model"]:
    """v W^O: what each key would add to a row that gives it all its weight."""
    w_o = _attention(bundle, kind, layer).w_o.weight.numpy(force=True)  # d_model × (heads · d_v)
    v = trace.points[_name(kind, layer, "v")]
    slices = w_o.reshape(len(w_o), len(v), -1)
    written: Float[np.ndarray, "head key d_model"] = np.einsum("hkv,dhv->hkd", v, slices)
    return written


def gradient(
    bundle: Bundle, ids: Ids, kind: Kind, layer: int, asked: Sequence[Scalar]
) -> tuple[
    Float[np.ndarray, "copy head query key"],
    Float[np.ndarray, " copy"],
    Float[np.ndarray, "head query key"],
]:
    """∂S/∂α of every weight of a layer, for each S; S itself; and the weights that were met.

    The weights are taken out of the graph as they pass, as numbers to be differentiated by. No
    parameter of the model, and no other run of it, sees anything of this.
    """
    met: list[Tensor] = []

    def take(weights: Float[Tensor, "copy head query key"]) -> Tensor:
        # The encoder before decoder kinds is not asked; inside one batch all copies are alike.
        met.append(weights.detach().expand(len(asked), -1, -1, -1).clone().requires_grad_())
        return met[-1]

    with torch.enable_grad(), intervene(bundle.model, {_name(kind, layer, "weights"): take}):
        found = sure_of(bundle, ids, kind, asked)
        (slopes,) = torch.autograd.grad(found.sum(), met[-1])
    return slopes.numpy(force=True), found.numpy(force=True), met[-1][0].numpy(force=True)


@dataclass(frozen=True)
class Cell:
    """One weight of a layer, and what is asked when it is cut."""

    head: int
    query: int
    key: int
    asked: Scalar


def cut(
    bundle: Bundle, ids: Ids, kind: Kind, layer: int, cells: Sequence[Cell]
) -> Float[np.ndarray, " cell"]:
    """S − S with the cell's weight set to 0, every cell by itself.

    The whole S stands in the same batch, so that both are rounded alike.
    """
    cost = max(ids.cost(kind, cell.asked) for cell in cells)
    size = max(1, _CHUNK // cost)
    chunks = [cells[start : start + size] for start in range(0, len(cells), size)]
    return np.concatenate([_cut(bundle, ids, kind, layer, chunk) for chunk in chunks])


def _cut(
    bundle: Bundle, ids: Ids, kind: Kind, layer: int, cells: Sequence[Cell]
) -> Float[np.ndarray, " cell"]:
    whole = list(dict.fromkeys(cell.asked for cell in cells))

    def zero(weights: Float[Tensor, "copy head query key"]) -> Tensor:
        weights = weights.clone()
        for copy, cell in enumerate(cells):
            weights[copy, cell.head, cell.query, cell.key] = 0
        return weights

    asked = [*(cell.asked for cell in cells), *whole]
    with torch.inference_mode(), intervene(bundle.model, {_name(kind, layer, "weights"): zero}):
        found = sure_of(bundle, ids, kind, asked).numpy(force=True)
    before = found[len(cells) :]
    return np.array([before[whole.index(cell.asked)] - found[n] for n, cell in enumerate(cells)])


def _attention(bundle: Bundle, kind: Kind, layer: int) -> MultiHeadAttention:
    stack, module = ATTENTION[kind]
    attention = bundle.model.get_submodule(f"{stack}.layers.{layer}.{module}")
    assert isinstance(attention, MultiHeadAttention)
    return attention


def _name(kind: Kind, layer: int, point: str, *, add: bool = False) -> str:
    stack, module = ATTENTION[kind]
    return f"{stack}.layers.{layer}.{module}{'_add' if add else ''}.{point}"


# ── agreement ────────────────────────────────────────────────────────────────────────────────────


def spearman(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """`rank_correlation`; NaN where there are fewer than 3 values or one side is all alike."""
    if len(a) < _FEWEST_KEYS:
        return float("nan")
    found = rank_correlation(a, b)
    return float("nan") if found is None else found


def _sizes(
    measured: Mapping[Measure, Float[np.ndarray, " cell"]],
) -> list[Float[np.ndarray, " cell"]]:
    """How much, in whichever direction; what is rounding is nothing."""
    sizes = {name: np.abs(measured[name]) for name in MEASURES}
    return [
        np.where(size < ROUNDING, 0, size) if name in SIGNED else size
        for name, size in sizes.items()
    ]


def _agreement(rows: Sequence[Sequence[Float[np.ndarray, " key"]]]) -> np.ndarray:
    """[measure, measure]: Spearman within each row, mean over the rows that have an order."""
    n = len(MEASURES)
    found = np.array([[[spearman(a, b) for b in row] for a in row] for row in rows], dtype=float)
    found = found.reshape(-1, n, n)
    ordered = np.isfinite(found)
    count = ordered.sum(axis=0)
    total = np.where(ordered, found, 0).sum(axis=0)
    mean: np.ndarray = np.where(count > 0, total / np.maximum(1, count), np.nan)
    return mean
