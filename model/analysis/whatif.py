"""What would the model do if …: changes to its attention, and everything that follows from them.

A change names where it happens (`kind`, `layer`, `head`; None: in all of them) and what is done. It
is installed with `intervene()`, on the trained model, for one run. A decoder that writes word by
word passes its probes one row at a time; a change that means row 5 waits for row 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..capture import Change as Intervention
from ..capture import drop_scale, intervene, lift_mask
from ..checkpoint import Bundle
from ..config import Lang
from ..decode import decode_ids
from ..errors import ModelError
from ..tokenizer import check_length, check_text
from ..trace import ATTENTION, KINDS, STACK, Kind, Side, Trace, run, trace
from .coreference import NamedWord, name_pronoun
from .decoding import label, pieces_of, reference
from .words import pronoun_span

Point = Literal["q", "k", "v"]
Heads = tuple[int, ...]

# ── the changes ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class DropScale:
    """scores instead of scores / √d_k."""

    kind: Kind
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True)
class Temperature:
    """softmax(scaled / T): T < 1 sharper, T > 1 flatter."""

    kind: Kind
    temperature: float
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True)
class LiftMask:
    """Everything may be attended to. A word that is not written yet cannot be, mask or no mask."""

    kind: Kind
    layer: int | None = None


@dataclass(frozen=True)
class SilenceHeads:
    """These heads (none named: all of them) attend to nothing: their context is zero."""

    kind: Kind
    heads: Heads = ()
    layer: int | None = None


@dataclass(frozen=True)
class ReplaceVector:
    """The query, key or value of `token` is that of the token `by`.

    In the decoder `by` comes before `token`: a later one is not written yet when `token` is read.
    """

    kind: Kind
    point: Point
    token: int
    by: int
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True)
class SwapPositions:
    """Two tokens change places in the positional encoding, and in nothing else."""

    side: Side
    first: int
    second: int


@dataclass(frozen=True)
class EditWeight:
    """One weight is what is written here, after the softmax.

    With `renormalise` the row's other weights grow or shrink alike, so that it sums to 1 again;
    where they are all zero, they stay so.
    """

    kind: Kind
    layer: int
    head: int
    query: int
    key: int
    weight: float
    renormalise: bool = True


Change = (
    DropScale | Temperature | LiftMask | SilenceHeads | ReplaceVector | SwapPositions | EditWeight
)
Changes = tuple[Change, ...]

_CODES: Mapping[str, type[Change]] = {
    "scale": DropScale,
    "temperature": Temperature,
    "mask": LiftMask,
    "heads": SilenceHeads,
    "vector": ReplaceVector,
    "positions": SwapPositions,
    "weight": EditWeight,
}
CODES: tuple[str, ...] = tuple(_CODES)
"""What each kind of change is called, in links and in catalogues."""

MOST_CHANGES = 12
COLDEST, HOTTEST = 0.01, 100.0


def code(change: Change) -> str:
    """Its name in `CODES`."""
    return next(name for name, kind in _CODES.items() if isinstance(change, kind))


def dumps(changes: Sequence[Change]) -> str:
    """Changes as one short line: a link, or a key for caches. `loads` reads it again."""
    return "~".join(
        ",".join([code(change), *(_written(getattr(change, f.name)) for f in fields(change))])
        for change in changes
    )


def loads(line: str) -> Changes:
    """What `dumps` wrote.

    Raises:
        ValueError: it did not.
    """
    written = [part.split(",") for part in line.split("~") if part]
    if len(written) > MOST_CHANGES:
        raise ValueError(f"at most {MOST_CHANGES} changes, got {len(written)}")
    return tuple(_read(name, values) for name, *values in written)


def _written(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    return str(int(value)) if isinstance(value, bool) else str(value)


def _read(name: str, values: list[str]) -> Change:
    kind = _CODES.get(name)
    if kind is None or len(values) != len(fields(kind)):
        raise ValueError(f"there is no change {name!r} with {len(values)} values")
    read = {f.name: _READ[f.name](value) for f, value in zip(fields(kind), values, strict=True)}
    change: Change = kind(**read)
    return change


def _one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
        return value

    return read


def _count(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", value):
        raise ValueError(f"{value!r} is no index")
    return int(value)


def _count_or_none(value: str) -> int | None:
    return None if value == "-" else _count(value)


def _counts(value: str) -> Heads:
    return tuple(_count(one) for one in value.split("+") if one)


def _share(value: str) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError(f"a weight lies between 0 and 1, got {value}")
    return float(value)


def _degree(value: str) -> float:
    if not COLDEST <= float(value) <= HOTTEST:
        raise ValueError(f"a temperature lies between {COLDEST} and {HOTTEST}, got {value}")
    return float(value)


_READ: Mapping[str, Callable[[str], Any]] = {
    "kind": _one_of(KINDS),
    "side": _one_of(tuple(STACK)),
    "point": _one_of(get_args(Point)),
    "layer": _count_or_none,
    "head": _count_or_none,
    "heads": _counts,
    "weight": _share,
    "temperature": _degree,
    "renormalise": lambda value: value != "0",
    **dict.fromkeys(("token", "by", "first", "second", "query", "key"), _count),
}


def fits(change: Change, trace: Trace) -> bool:
    """Whether everything that a change names is there, in this model and this sentence."""
    if isinstance(change, SwapPositions):
        n = len(trace.source_tokens if change.side == "source" else trace.target_tokens)
        return change.first < n and change.second < n
    n_layers, n_heads, n_queries, n_keys = _shape(trace, change.kind)
    heads: tuple[int | None, ...] = (getattr(change, "head", None),)
    if isinstance(change, SilenceHeads):
        heads = change.heads
    if (change.layer or 0) >= n_layers or any((head or 0) >= n_heads for head in heads):
        return False
    if isinstance(change, ReplaceVector):
        n = n_queries if change.point == "q" else n_keys
        written = change.kind == "decoder" or (change.kind, change.point) == ("cross", "q")
        return change.token < n and change.by < (change.token if written else n)
    if isinstance(change, EditWeight):
        seen = min(n_keys, change.query + 1) if change.kind == "decoder" else n_keys
        return change.query < n_queries and change.key < seen
    return True


def _shape(trace: Trace, kind: Kind) -> tuple[int, int, int, int]:
    stack, module = ATTENTION[kind]
    weights = trace.points[f"{stack}.layers.0.{module}.weights"]
    return trace.n_layers[kind], *weights.shape


# ── the run ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Prediction:
    """What the decoder expects behind one piece, before and after the changes."""

    token: str
    before: str
    before_p: float
    after: str
    after_p: float


@dataclass(frozen=True)
class Moved:
    """One weight of one head, before and after."""

    query: int
    key: int
    before: float
    after: float


@dataclass(frozen=True)
class WhatIf:
    """A sentence read by the model as it is, and by the model changed.

    Attributes:
        before, after: the same two texts read; the decoder reads the same pieces in both.
        translations: what each writes by itself, greedily, word by word.
        naming: what each takes the pronoun for; None without a pronoun.
    """

    before: Trace
    after: Trace
    translations: tuple[str, str]
    naming: tuple[list[NamedWord], list[NamedWord]] | None
    predictions: list[Prediction]

    def difference(self, kind: Kind) -> Float[np.ndarray, "layer head query key"]:
        """Weights after − weights before, −1 … 1."""
        moved: Float[np.ndarray, "layer head query key"] = self.after.attention(
            kind
        ) - self.before.attention(kind)
        return moved

    def largest(self, kind: Kind, layer: int, head: int) -> Moved | None:
        """The weight of this head that changed the most; None where none did."""
        difference = self.difference(kind)[layer, head]
        query, key = (
            int(n) for n in np.unravel_index(np.abs(difference).argmax(), difference.shape)
        )
        if difference[query, key] == 0:
            return None
        before, after = (
            float(read.attention(kind)[layer, head, query, key])
            for read in (self.before, self.after)
        )
        return Moved(query, key, before, after)

    def spread(self, kind: Kind) -> Float[np.ndarray, " layer"]:
        """½ (Σ |Δ| + |Σ Δ|) of a row, mean over rows and heads: the share of attention that moved.

        |Σ Δ| is what a row has lost to nothing: one that is silenced has moved whole.
        """
        difference = self.difference(kind)
        moved = np.abs(difference).sum(axis=-1) + np.abs(difference.sum(axis=-1))
        spread: Float[np.ndarray, " layer"] = moved.mean(axis=(1, 2)) / 2
        return spread

    @property
    def changed_predictions(self) -> list[Prediction]:
        """Where the decoder now expects another piece."""
        return [at for at in self.predictions if at.before != at.after]


def what_if(
    bundle: Bundle, text: str, target_lang: Lang, changes: Changes, target: str | None = None
) -> WhatIf:
    """Read a sentence twice, as the model is and with the changes, in the order of `changes`.

    Args:
        target: what the decoder reads, both times; None: what the unchanged model writes.

    Raises:
        ModelError: as `trace` does; `change_nowhere` if a change does not fit.
    """
    before = trace(bundle, text, target=target, target_lang=target_lang)
    for change in changes:
        if not fits(change, before):
            raise ModelError(
                "change_nowhere", f"there is no place for {change}", change=code(change)
            )
    source = check_length(bundle.tokenizer.source(check_text(text)), bundle.config.max_len)
    read = reference(bundle, text, target_lang, target)
    with changed(bundle, changes):
        after = replace(before, points=run(bundle, source, read))
    with changed(bundle, changes):
        written = bundle.tokenizer.decode(decode_ids(bundle, source.ids, target_lang))
    own = before.output
    if target is not None:
        own = bundle.tokenizer.decode(decode_ids(bundle, source.ids, target_lang))
    return WhatIf(
        before=before,
        after=after,
        translations=(own, written),
        naming=_naming(bundle, before, changes),
        predictions=_predictions(bundle, before, after),
    )


@contextmanager
def changed(bundle: Bundle, changes: Sequence[Change]) -> Iterator[None]:
    """The model with these changes, for one run: one reading, or one text written."""
    with ExitStack() as installed:
        for side in get_args(Side):
            swaps = [c for c in changes if isinstance(c, SwapPositions) and c.side == side]
            if swaps:
                installed.enter_context(intervene(bundle.model, _swapped(bundle, side, swaps)))
        for change in changes:
            if not isinstance(change, SwapPositions):
                installed.enter_context(intervene(bundle.model, _interventions(bundle, change)))
        yield


def _naming(
    bundle: Bundle, before: Trace, changes: Sequence[Change]
) -> tuple[list[NamedWord], list[NamedWord]] | None:
    span = pronoun_span(before)
    if span is None:
        return None
    named = name_pronoun(bundle, before.source_text, span)
    with changed(bundle, changes):
        return named, name_pronoun(bundle, before.source_text, span)


def _predictions(bundle: Bundle, before: Trace, after: Trace) -> list[Prediction]:
    """Behind every piece from the language tag on: what comes behind `<s>` is given."""
    shares = [torch.from_numpy(read.logits[1:]).softmax(dim=-1) for read in (before, after)]
    (p, was), (p_after, now) = (share.max(dim=-1) for share in shares)
    names = [list(map(label, pieces_of(bundle, ids.tolist()))) for ids in (was, now)]
    tokens = map(label, before.target_tokens[1:])
    found = zip(tokens, names[0], p.tolist(), names[1], p_after.tolist(), strict=True)
    return [Prediction(*one) for one in found]


# ── how a change is installed ────────────────────────────────────────────────────────────────────

ByRow = Callable[[Tensor, int], Tensor]
"""From a value and the number of its first row to its replacement."""


def _interventions(bundle: Bundle, change: Change) -> dict[str, Intervention]:
    """Probe name → what happens there; one for each layer, as each counts its own rows."""
    assert not isinstance(change, SwapPositions)
    stack, module = ATTENTION[change.kind]
    model = bundle.model.encoder if stack == "encoder" else bundle.model.decoder
    layers = range(len(model.layers)) if change.layer is None else [change.layer]
    made: dict[str, Intervention] = {}
    for layer in layers:
        point, what = _what(change, bundle.config.d_k)
        made[f"{stack}.layers.{layer}.{module}.{point}"] = what
    return made


def _what(change: Change, d_k: int) -> tuple[str, Intervention]:
    """The point of an attention that a change works on, and how."""
    match change:
        case DropScale(head=head):
            return "scaled", _of_heads(_heads(head), drop_scale(d_k))
        case Temperature(temperature=temperature, head=head):
            return "scaled", _of_heads(_heads(head), lambda scaled: scaled / temperature)
        case LiftMask():
            return "mask", lift_mask
        case SilenceHeads(heads=heads):
            return "weights", _of_heads(list(heads) or slice(None), torch.zeros_like)
        case ReplaceVector(point="q", token=token, by=by, head=head):
            return "q", _query_of(_heads(head), token, by)
        case ReplaceVector(point=point, token=token, by=by, head=head):
            return point, _row_of(_heads(head), token, by)
        case EditWeight():
            return "weights", _counting(_cell(change))
    raise AssertionError(change)


Selection = list[int] | slice


def _heads(head: int | None) -> Selection:
    return slice(None) if head is None else [head]


def _of_heads(heads: Selection, what: Intervention) -> Intervention:
    def change(value: Float[Tensor, "B H T S"]) -> Float[Tensor, "B H T S"]:
        value = value.clone()
        value[:, heads] = what(value[:, heads])
        return value

    return change


def _counting(what: ByRow) -> Intervention:
    """Knows which rows it is given when a decoder sends them one by one."""
    passed = 0

    def change(value: Float[Tensor, "*batch T n"]) -> Float[Tensor, "*batch T n"]:
        nonlocal passed
        start, passed = passed, passed + value.size(-2)
        return what(value, start)

    return change


def _row_of(heads: Selection, token: int, by: int) -> Intervention:
    """For `k` and `v`: they pass whole at every step, what is cached included."""

    def change(value: Float[Tensor, "B H S n"]) -> Float[Tensor, "B H S n"]:
        if max(token, by) >= value.size(2):  # not written yet
            return value
        value = value.clone()
        value[:, heads, token] = value[:, heads, by]
        return value

    return change


def _query_of(heads: Selection, token: int, by: int) -> Intervention:
    """For `q`: written word by word, the query of `by` has passed before that of `token`."""
    kept: Tensor | None = None

    def change(q: Float[Tensor, "B H T n"], start: int) -> Float[Tensor, "B H T n"]:
        nonlocal kept
        if 0 <= by - start < q.size(2):
            kept = q[:, heads, by - start].clone()
        if kept is None or not 0 <= token - start < q.size(2):
            return q
        q = q.clone()
        q[:, heads, token - start] = kept
        return q

    return _counting(change)


def _cell(edit: EditWeight) -> ByRow:
    def change(weights: Float[Tensor, "B H T S"], start: int) -> Float[Tensor, "B H T S"]:
        row = edit.query - start
        if not (0 <= row < weights.size(2) and edit.key < weights.size(3)):
            return weights
        weights = weights.clone()
        line = weights[:, edit.head, row]
        if edit.renormalise:
            others = line.sum(dim=-1, keepdim=True) - line[:, [edit.key]]
            line *= torch.where(others > 0, (1 - edit.weight) / others, 0)
        line[:, edit.key] = edit.weight
        return weights

    return change


def _swapped(bundle: Bundle, side: Side, swaps: Sequence[SwapPositions]) -> dict[str, Intervention]:
    stack = STACK[side]
    model = bundle.model.encoder if side == "source" else bundle.model.decoder
    table = model.input.positions
    order = list(range(len(table)))
    for swap in swaps:
        order[swap.first], order[swap.second] = order[swap.second], order[swap.first]

    def change(position: Float[Tensor, "T d_model"], start: int) -> Float[Tensor, "T d_model"]:
        rows = table[order[start : start + len(position)]]
        return rows.to(position)

    return {f"{stack}.input.position": _counting(change)}
