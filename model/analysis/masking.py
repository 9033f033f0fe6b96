"""Masks at work: padding, no looking ahead, and what the model does when they are lifted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..attention import softmax_or_nothing
from ..capture import capture, intervene, lift_mask
from ..checkpoint import Bundle
from ..config import Lang
from ..masks import look_ahead_mask, pad, padding_mask
from ..tokenizer import Encoding, check_length, check_text
from ..trace import AttentionSteps, Trace
from ..transformer import EOS, PAD
from .decoding import START, Candidate, label, pieces_of, reference, top

PAD_PIECE = "<pad>"
MOST_LEAKING = 32
"""Target pieces among which the leak is looked for: each of them is let in by itself."""

# ── one head, before and after ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Masked:
    """One head around its mask: scaled scores, −∞ where forbidden, softmax.

    Attributes:
        masked: where(mask, scaled, −∞).
        weights: after the softmax, as the model computed them.
        largest_difference: between those and what follows from the steps before them.
    """

    scaled: Float[np.ndarray, "query key"]
    mask: Bool[np.ndarray, "query key"]
    masked: Float[np.ndarray, "query key"]
    weights: Float[np.ndarray, "query key"]
    largest_difference: float

    @property
    def unmasked(self) -> Float[np.ndarray, "query key"]:
        """softmax of `scaled`: the weights that there would be without the mask."""
        return softmax(self.scaled)


def around_mask(steps: AttentionSteps) -> Masked:
    """A head that a Trace holds, around its mask."""
    return Masked(steps.scaled, steps.mask, steps.masked, steps.weights, steps.largest_difference)


def softmax(masked: Float[np.ndarray, "query key"]) -> Float[np.ndarray, "query key"]:
    """softmax over the keys; a row of −∞ only gives zeros."""
    weights: Float[np.ndarray, "query key"] = softmax_or_nothing(torch.tensor(masked)).numpy()
    return weights


# ── a padded batch ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Batch:
    """Two sentences read at once, the shorter filled up with `<pad>`, and one head of the shorter.

    Attributes:
        tokens: both rows of the batch as people read them, padding included.
        row: which of them is the shorter.
        words: the keys of that row that are no padding.
        look_ahead: what the decoder forbids besides; in the encoder all True.
        changed_by_company: the largest difference between its words' weights and those of the same
            sentence read by itself: padding behind a mask leaves only rounding.
    """

    tokens: tuple[list[str], list[str]]
    row: int
    words: Bool[np.ndarray, " key"]
    look_ahead: Bool[np.ndarray, "query key"]
    around: Masked
    changed_by_company: float

    @property
    def n_padding(self) -> int:
        """How often `<pad>` stands behind the shorter sentence."""
        return int((~self.words).sum())

    @property
    def taken(self) -> Float[np.ndarray, " query"]:
        """The share of each row that padding would take in this head without the padding mask."""
        weights = softmax(np.where(self.look_ahead, self.around.scaled, np.float32(-np.inf)))
        share: Float[np.ndarray, " query"] = weights[:, ~self.words].sum(axis=-1)
        return share

    @property
    def mean_taken(self) -> float:
        """`taken`, the mean over the words' rows."""
        return float(self.taken[self.words].mean())

    @property
    def most_taken(self) -> tuple[float, float]:
        """The largest of `taken` among the words' rows, and among the padding's own."""
        return float(self.taken[self.words].max()), float(self.taken[~self.words].max(initial=0))

    @property
    def most_robbed(self) -> int:
        """The word's row of which padding would take the most."""
        return int(self.taken[self.words].argmax())


def source_batch(bundle: Bundle, texts: Sequence[str], layer: int, head: int) -> Batch:
    """Two sentences in the encoder.

    Raises:
        ModelError: a text cannot be read.
    """
    rows = [_source(bundle, text) for text in texts]
    short = _shorter(rows)
    point = f"encoder.layers.{layer}.self_attn"

    def read(rows: list[Encoding]) -> None:
        bundle.model.encode(_padded(bundle, rows))

    both = _captured(bundle, point, lambda: read(rows))
    alone = _captured(bundle, point, lambda: read([rows[short]]))
    return _batch(rows, short, both, alone, head, ahead=False)


def target_batch(
    bundle: Bundle, texts: Sequence[str], targets: Sequence[Encoding], layer: int, head: int
) -> Batch:
    """Two translations in the decoder, each of its own text: both masks at once.

    Raises:
        ModelError: a text cannot be read.
    """
    sources, short = [_source(bundle, text) for text in texts], _shorter(targets)
    point = f"decoder.layers.{layer}.self_attn"

    def read(sources: Sequence[Encoding], targets: Sequence[Encoding]) -> None:
        bundle.model(_padded(bundle, sources), _padded(bundle, targets))

    both = _captured(bundle, point, lambda: read(sources, targets))
    alone = _captured(bundle, point, lambda: read([sources[short]], [targets[short]]))
    return _batch(targets, short, both, alone, head, ahead=True)


def _batch(
    rows: Sequence[Encoding],
    short: int,
    both: Mapping[str, Tensor],
    alone: Mapping[str, Tensor],
    head: int,
    *,
    ahead: bool,
) -> Batch:
    ids = pad([row.ids for row in rows], PAD)
    length, n_words = ids.size(1), len(rows[short].ids)
    words = padding_mask(ids, PAD)[short, 0, 0].numpy()
    look_ahead = look_ahead_mask(length).numpy() if ahead else np.ones((length, length), dtype=bool)
    scaled, weights = (
        both[point][short, head].numpy(force=True) for point in ("scaled", "weights")
    )
    masked = np.where(look_ahead & words, scaled, np.float32(-np.inf))
    by_itself = alone["weights"][0, head].numpy(force=True)
    padding = [[PAD_PIECE] * (length - len(row.ids)) for row in rows]
    first, second = ([*labels(row), *pads] for row, pads in zip(rows, padding, strict=True))
    return Batch(
        tokens=(first, second),
        row=short,
        words=words,
        look_ahead=look_ahead,
        around=Masked(
            scaled, look_ahead & words, masked, weights, _largest(softmax(masked) - weights)
        ),
        changed_by_company=_largest(weights[:n_words, :n_words] - by_itself),
    )


def labels(row: Encoding) -> list[str]:
    """A sentence's pieces as people read them."""
    return [label(piece) for piece in row.pieces]


def _source(bundle: Bundle, text: str) -> Encoding:
    return check_length(bundle.tokenizer.source(check_text(text)), bundle.config.max_len)


def _shorter(rows: Sequence[Encoding]) -> int:
    return min(range(len(rows)), key=lambda row: len(rows[row].ids))


def _padded(bundle: Bundle, rows: Sequence[Encoding]) -> Tensor:
    return pad([row.ids for row in rows], PAD).to(bundle.device)


def _captured(bundle: Bundle, point: str, run: Callable[[], None]) -> dict[str, Tensor]:
    with torch.inference_mode(), capture(bundle.model, [f"{point}.*"]) as points:
        run()
    return {name.removeprefix(f"{point}."): value for name, value in points.items()}


# ── the mask lifted ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class LeakAt:
    """What the decoder expects behind one target piece, with its mask and without.

    Attributes:
        right: the piece that really comes next, and how likely it was before and after.
        moved: ½ Σ |p − p′|, the share of the probability that went elsewhere.
        source: the later piece that moves the most when it alone is let in; None where nothing is
            later.
        source_moved: how much that is.
        source_guess: what the model then expects.
    """

    masked: Candidate
    lifted: Candidate
    right: str
    right_masked: float
    right_lifted: float
    moved: float
    source: int | None
    source_moved: float
    source_guess: Candidate | None


@dataclass(frozen=True)
class Leak:
    """A translation read with the look-ahead mask and without it.

    Attributes:
        tokens: the decoder's input as people read it, its first `MOST_LEAKING` pieces.
        length: how many pieces there are in all.
        positions: what is expected behind each of them, from `first` on: the language tag behind
            `<s>` is given, never guessed.
        moved_by: [position, later piece]: the share of the position's prediction that moves when
            this one later piece may be seen by all before it; 0 where it is not later.
    """

    tokens: list[str]
    length: int
    positions: list[LeakAt]
    moved_by: Float[np.ndarray, "position later"]

    first = START - 1

    @property
    def later(self) -> Bool[np.ndarray, "position later"]:
        """Where `moved_by` has something to say."""
        return np.triu(np.ones(self.moved_by.shape, dtype=bool), 1 + self.first)

    @property
    def worst(self) -> int:
        """The place in `positions` whose prediction moves the most."""
        return max(range(len(self.positions)), key=lambda n: self.positions[n].moved)

    @property
    def expected(self) -> dict[int, Candidate]:
        """What is expected with the mask, by target piece."""
        return {n: at.masked for n, at in enumerate(self.positions, start=self.first)}

    @property
    def right(self) -> tuple[float, float]:
        """How likely the right next piece is on average, with the mask and without."""
        masked = [at.right_masked for at in self.positions]
        lifted = [at.right_lifted for at in self.positions]
        return float(np.mean(masked)), float(np.mean(lifted))


def leak(bundle: Bundle, text: str, target: str | None, lang: Lang) -> Leak:
    """Lift the decoder's mask, in every layer: whole, and for one later piece after the other.

    Args:
        target: None: what the model writes itself.

    Raises:
        ModelError: as `trace` does.
    """
    read = reference(bundle, text, lang, target)
    ids, n = read.ids[:MOST_LEAKING], min(len(read.ids), MOST_LEAKING)
    # All at once, as a batch: the mask as it is, no mask at all, and one later column open each.
    masks = look_ahead_mask(n).repeat(n + 2, 1, 1)
    masks[1] = lift_mask(masks[1])
    for column in range(n):
        masks[2 + column, :column, column] = True
    masked, lifted, *let_in = _predictions(bundle, text, ids, masks)
    moved_by = np.triu(np.stack([_moved(masked, one) for one in let_in], axis=1), 1)[Leak.first :]
    right = [*read.ids[1:], EOS][:n]
    rows = []
    for t in range(Leak.first, n):
        later = moved_by[t - Leak.first, t + 1 :]
        source = t + 1 + int(later.argmax()) if len(later) else None
        rows.append(
            LeakAt(
                masked=top(bundle, masked[t], 1)[0],
                lifted=top(bundle, lifted[t], 1)[0],
                right=pieces_of(bundle, [right[t]])[0],
                right_masked=float(masked[t, right[t]]),
                right_lifted=float(lifted[t, right[t]]),
                moved=float(_moved(masked, lifted)[t]),
                source=source,
                source_moved=0.0 if source is None else float(moved_by[t - Leak.first, source]),
                source_guess=None if source is None else top(bundle, let_in[source][t], 1)[0],
            )
        )
    return Leak(labels(read)[:n], len(read.ids), rows, moved_by)


def difference_from(trace: Trace, expected: Mapping[int, Candidate]) -> float:
    """The largest difference between what is expected behind these target pieces, and a Trace's."""
    captured = torch.tensor(trace.logits).softmax(dim=-1).numpy()
    return max(
        abs(one.probability - float(captured[place, one.id])) for place, one in expected.items()
    )


def _predictions(
    bundle: Bundle, text: str, target: list[int], masks: Bool[Tensor, "B T T"]
) -> list[Float[np.ndarray, "T vocab"]]:
    """The next piece's probabilities after each target piece, under each of these masks."""
    source = torch.tensor([_source(bundle, text).ids], device=bundle.device)
    seen = padding_mask(source, PAD)
    every = torch.tensor([target] * len(masks), device=bundle.device)
    allowed = masks[:, None].to(bundle.device)
    changes = {"decoder.layers.*.self_attn.mask": lambda mask: allowed}
    with torch.inference_mode(), intervene(bundle.model, changes):
        encoded = bundle.model.encode(source).expand(len(masks), -1, -1)
        logits = bundle.model.decode(every, encoded, seen.expand(len(masks), -1, -1, -1))
    return list(logits.softmax(dim=-1).numpy(force=True))


def _moved(
    before: Float[np.ndarray, "T vocab"], after: Float[np.ndarray, "T vocab"]
) -> Float[np.ndarray, " T"]:
    share: Float[np.ndarray, " T"] = np.abs(before - after).sum(axis=-1) / 2
    return share


# ── a row with nothing to see ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Nothing:
    """One query of the decoder, all of its keys forbidden in one layer.

    Attributes:
        masked: its row before the softmax: −∞ only.
        naive: the softmax as the formula has it, exp(−∞ − max) / Σ: NaN only.
        weights, context: what the model makes of it: zeros, in every head.
        before, after: what the decoder expects next there, and with the row forbidden.
        moved: the share of that prediction that went elsewhere.
    """

    tokens: list[str]
    masked: Float[np.ndarray, " key"]
    naive: Float[np.ndarray, " key"]
    weights: Float[np.ndarray, "head key"]
    context: Float[np.ndarray, "head d_v"]
    before: Candidate
    after: Candidate
    moved: float

    @property
    def largest(self) -> float:
        """Of all weights and context values: nothing but zero."""
        return max(_largest(self.weights), _largest(self.context))


def nothing_to_see(
    bundle: Bundle, text: str, target: str | None, lang: Lang, *, layer: int, query: int
) -> Nothing:
    """Forbid one query every key, and see what comes out.

    Raises:
        ModelError: as `trace` does.
        IndexError: there is no such query.
    """
    read = reference(bundle, text, lang, target)
    if not 0 <= query < len(read.ids):
        raise IndexError(f"the decoder reads {len(read.ids)} pieces, there is no piece {query}")
    ids = (_padded(bundle, [_source(bundle, text)]), _padded(bundle, [read]))
    point = f"decoder.layers.{layer}.self_attn"

    def forbid(masked: Tensor) -> Tensor:
        masked = masked.clone()
        masked[:, :, query] = -torch.inf
        return masked

    with torch.inference_mode():
        before = bundle.model(*ids)[0, query].softmax(dim=-1).numpy(force=True)
        with (
            intervene(bundle.model, {f"{point}.masked": forbid}),
            capture(bundle.model, [f"{point}.{at}" for at in _ROW]) as p,
        ):
            after = bundle.model(*ids)[0, query].softmax(dim=-1).numpy(force=True)
    masked, weights, context = (p[f"{point}.{at}"][0, :, query] for at in _ROW)
    return Nothing(
        tokens=labels(read),
        masked=masked[0].numpy(force=True),
        naive=masked[0].softmax(dim=-1).numpy(force=True),
        weights=weights.numpy(force=True),
        context=context.numpy(force=True),
        before=top(bundle, before, 1)[0],
        after=top(bundle, after, 1)[0],
        moved=float(_moved(before[None], after[None])[0]),
    )


_ROW = ("masked", "weights", "context")


def _largest(difference: np.ndarray) -> float:
    return float(np.abs(difference).max(initial=0.0))
