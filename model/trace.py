"""Trace: what one forward pass did, in NumPy; AttentionSteps: the calculation of one head."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from .capture import capture
from .checkpoint import AnyBundle
from .config import AnyConfig, Lang, ModelConfig
from .decode import decode_ids
from .errors import ModelError
from .masks import padding_mask
from .recurrent import Recurrent
from .tokenizer import Encoding, Words, check_length, check_text, language_of
from .transformer import PAD

Kind = Literal["encoder", "decoder", "cross"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Side = Literal["source", "target"]

# Squares are expensive, rows are not: of the squares only the weights are kept; scores, scaled and
# masked of the one head on screen are computed again from q and k.
_POINTS = (
    "*.input.*", "*_attn.[qkv]", "*_attn.weights", "*_attn.mask", "*_attn.context", "*_attn.out",
    "*_add.*", "*.ffn.*", "encoder.out", "decoder.out", "logits",
)  # fmt: skip

_ALIKE = (".keys", ".mask")  # the same at every step of a recurrent decoder

ATTENTION: dict[Kind, tuple[str, str]] = {
    "encoder": ("encoder", "self_attn"),
    "decoder": ("decoder", "self_attn"),
    "cross": ("decoder", "cross_attn"),
}
"""Where each attention sits in the model: (stack, module of one of its layers)."""


@dataclass(frozen=True)
class AttentionSteps:
    """One head's calculation, step by step, float32.

    q = x W^Q, k = memory W^K, v = memory W^V are the captured tensors of this head;
    scores = q kᵀ, scaled = scores / √d_k and masked (−∞ where `mask` is False) are computed from
    them; weights = softmax(masked) and context = weights v are captured again.

    Attributes:
        x: what queries are made of, [query, d_model].
        memory: what keys and values are made of, [key, d_model]; equal to x in self-attention.
        largest_difference: between the captured weights and context and what follows from the
            steps before them; rounding alone keeps it near 1e-7.
    """

    x: Float[np.ndarray, "query d_model"]
    memory: Float[np.ndarray, "key d_model"]
    q: Float[np.ndarray, "query d_k"]
    k: Float[np.ndarray, "key d_k"]
    v: Float[np.ndarray, "key d_v"]
    scores: Float[np.ndarray, "query key"]
    scaled: Float[np.ndarray, "query key"]
    mask: Bool[np.ndarray, "query key"]
    masked: Float[np.ndarray, "query key"]
    weights: Float[np.ndarray, "query key"]
    context: Float[np.ndarray, "query d_v"]
    largest_difference: float


@dataclass(frozen=True)
class Trace:
    """What one forward pass did. Rows are queries, columns are keys; layers and heads from 0.

    Attributes:
        output: what the decoder reads behind `<s>` and the language tag: the model's own
            translation, or the target that was given.
        source_tokens: the encoder's pieces, "▁" where a word begins, `</s>` last.
        target_tokens: the decoder's input pieces, `<s>` first, then the language tag.
        source_words, target_words: (word, [piece indices], (start, end) characters or None).
        norm: of a Transformer; None where there is no layer normalisation.
        n_layers: with this attention; 0 where the model has none of this kind.
        version: the checkpoint's.
        points: captured arrays by probe name, the batch dimension dropped.
    """

    source_text: str
    source_lang: Lang
    target_lang: Lang
    output: str
    source_tokens: list[str]
    target_tokens: list[str]
    source_words: list[tuple[str, list[int], tuple[int, int] | None]]
    target_words: list[tuple[str, list[int], tuple[int, int] | None]]
    source_unknown: list[str]
    target_unknown: list[str]
    norm: Literal["post", "pre"] | None
    n_layers: dict[Kind, int]
    version: str
    points: Mapping[str, Float[np.ndarray, "..."]] = field(repr=False)

    @property
    def logits(self) -> Float[np.ndarray, "target vocab"]:
        """Next-piece logits after each target piece."""
        return self.points["logits"]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of attention that this model has."""
        return tuple(kind for kind in KINDS if self.n_layers[kind])

    def attention(self, kind: Kind) -> Float[np.ndarray, "layer head query key"]:
        """Attention weights of every layer and head, after softmax and before dropout.

        Raises:
            ModelError: `no_such_attention`, of a recurrent model.
        """
        self._check_kind(kind)
        return np.stack([self._at(kind, layer, "weights") for layer in range(self.n_layers[kind])])

    def mask(self, kind: Kind) -> Bool[np.ndarray, "query key"]:
        """True where a query may attend; the same in every layer and head of the model.

        Raises:
            ModelError: `no_such_attention`, of a recurrent model.
        """
        self._check_kind(kind)
        return self._mask(kind, 0)

    def positional(self, side: Side) -> Float[np.ndarray, "length d_model"]:
        """The positional encoding that was added to the embedded pieces.

        Raises:
            ModelError: `no_positions`, of a recurrent model.
        """
        if self.norm is None:
            raise ModelError("no_positions", "a recurrent model has no positional encoding")
        return self.points[f"{STACK[side]}.input.position"]

    def embedded(self, side: Side) -> Float[np.ndarray, "length d_model"]:
        """√d_model · E[piece], before the positional encoding is added."""
        return self.points[f"{STACK[side]}.input.word"]

    def words(self, side: Side) -> Words:
        """Words (eojeol in Korean) with their piece indices; signs and `</s>` by themselves."""
        groups = self.source_words if side == "source" else self.target_words
        return [(word, indices) for word, indices, _ in groups]

    def unknown(self, side: Side) -> list[str]:
        """What the vocabulary does not hold, as it stands in the text."""
        return self.source_unknown if side == "source" else self.target_unknown

    def steps(self, kind: Kind, layer: int, head: int) -> AttentionSteps:
        """The calculation of one head.

        Raises:
            IndexError: if there is no such layer or head.
            ModelError: `no_such_attention`; a recurrent model's is another calculation,
                `model.analysis.history.decoder_step`.
        """
        if self.norm is None:
            raise _no_attention(kind)
        heads = len(self._at(kind, layer, "q"))
        if not 0 <= head < heads:
            raise IndexError(f"{kind} has {heads} heads, there is no head {head}")
        q, k, v, weights, context = (
            self._at(kind, layer, point)[head] for point in ("q", "k", "v", "weights", "context")
        )
        mask = self._mask(kind, layer)
        scores = q @ k.T
        scaled = scores / np.float32(math.sqrt(q.shape[1]))
        masked = np.where(mask, scaled, np.float32(-np.inf))
        x = self._input(kind, layer)
        memory = self.points["encoder.out"] if kind == "cross" else x
        difference = max(
            _largest(weights - _softmax_or_nothing(masked)), _largest(context - weights @ v)
        )
        return AttentionSteps(
            x, memory, q, k, v, scores, scaled, mask, masked, weights, context, difference
        )

    def to_json(self) -> dict[str, Any]:
        """Tokens, words, masks and attention maps as plain JSON values."""
        return {
            "source_text": self.source_text,
            "source_lang": self.source_lang,
            "target_lang": self.target_lang,
            "output": self.output,
            "source_tokens": self.source_tokens,
            "target_tokens": self.target_tokens,
            "words": {"source": self.words("source"), "target": self.words("target")},
            "unknown": {"source": self.source_unknown, "target": self.target_unknown},
            "attention": {kind: self.attention(kind).tolist() for kind in self.kinds},
            "mask": {kind: self.mask(kind).tolist() for kind in self.kinds},
            "version": self.version,
        }

    def save(self, path: str | Path) -> None:
        """Write everything to one compressed file (.npz, no pickle in it)."""
        values = asdict(self)
        points = values.pop("points")
        with Path(path).open("wb") as file:
            np.savez_compressed(file, _values=np.array(json.dumps(values)), **points)

    @classmethod
    def load(cls, path: str | Path) -> Trace:
        """Read what `save` wrote.

        Raises:
            ModelError: `trace_damaged`.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                values = json.loads(str(file["_values"]))
                points = {name: file[name] for name in file.files if name != "_values"}
            for side in ("source_words", "target_words"):
                values[side] = [(w, i, tuple(o) if o else None) for w, i, o in values[side]]
            return cls(**values, points=points)
        except Exception as error:  # zipfile, zlib, struct and NumPy each raise their own
            raise ModelError(
                "trace_damaged", f"{path} is no trace that this program wrote", path=str(path)
            ) from error

    def _check_kind(self, kind: Kind) -> None:
        if not self.n_layers[kind]:
            raise _no_attention(kind)

    def _at(self, kind: Kind, layer: int, point: str) -> Float[np.ndarray, "..."]:
        stack, module = ATTENTION[kind]
        if not 0 <= layer < self.n_layers[kind]:
            raise IndexError(f"{kind} has {self.n_layers[kind]} layers, there is no layer {layer}")
        return self.points[f"{stack}.layers.{layer}.{module}.{point}"]

    def _mask(self, kind: Kind, layer: int) -> Bool[np.ndarray, "query key"]:
        query, key = self._at(kind, layer, "weights").shape[-2:]
        return np.broadcast_to(self._at(kind, layer, "mask")[0], (query, key))

    def _input(self, kind: Kind, layer: int) -> Float[np.ndarray, "query d_model"]:
        stack, module = ATTENTION[kind]
        point = "x" if self.norm == "post" else "normed"
        return self.points[f"{stack}.layers.{layer}.{module}_add.{point}"]


STACK: dict[Side, str] = {"source": "encoder", "target": "decoder"}
"""The stack that reads each side, as its probes are named."""


def trace(
    bundle: AnyBundle, text: str, target: str | None = None, target_lang: Lang = "ko"
) -> Trace:
    """Run the model on a sentence and keep what it did.

    Args:
        target: None lets the model translate (greedily); a string is read by the decoder as it is
            (teacher forcing).

    Raises:
        ModelError: `empty_text`, `text_too_large`, `control_characters`, `text_too_long` or
            `unknown_language`.
    """
    tokenizer, limit = bundle.tokenizer, bundle.config.max_len
    source = check_length(tokenizer.source(check_text(text)), limit)
    if target is None:
        decoded = decode_ids(bundle, source.ids, target_lang)
        read = tokenizer.target_from_ids(decoded, target_lang)
    else:
        read = check_length(tokenizer.target(check_text(target), target_lang), limit)
    return traced(bundle, source, read, target_lang)


def traced(bundle: AnyBundle, source: Encoding, read: Encoding, target_lang: Lang) -> Trace:
    """The Trace of what the encoder reads and what the decoder reads."""
    return Trace(
        source_text=source.text,
        source_lang=language_of(source.text),
        target_lang=target_lang,
        output=read.text,
        source_tokens=source.pieces,
        target_tokens=read.pieces,
        source_words=source.words_with_offsets(),
        target_words=read.words_with_offsets(),
        source_unknown=source.unknown(),
        target_unknown=read.unknown(),
        norm=bundle.config.norm if isinstance(bundle.config, ModelConfig) else None,
        n_layers=_n_layers(bundle.config),
        version=bundle.version,
        points=run(bundle, source, read),
    )


def run(bundle: AnyBundle, source: Encoding, target: Encoding) -> dict[str, np.ndarray]:
    """One forward pass: what a Trace keeps of it, by probe name, the batch dimension dropped."""
    read, written = (torch.tensor([e.ids], device=bundle.device) for e in (source, target))
    points: Mapping[str, torch.Tensor]
    with torch.inference_mode():
        if isinstance(bundle.model, Recurrent):
            points = _word_by_word(bundle.model, read, written)
        else:
            with capture(bundle.model, _POINTS) as points:
                bundle.model(read, written)
    return {name: _without_batch(value).numpy(force=True) for name, value in points.items()}


def _word_by_word(
    model: Recurrent, source: Int[torch.Tensor, "1 S"], target: Int[torch.Tensor, "1 T"]
) -> dict[str, torch.Tensor]:
    """The points of a model whose attention has one query at a time: those of every step."""
    mask, cache = padding_mask(source, PAD), model.new_cache()
    with capture(model, ["encoder.*"]) as read:
        memory = model.encode(source)
    steps = []
    for word in target.unbind(dim=1):
        with capture(model, ["decoder.*", "logits"]) as points:
            model.decode(word[:, None], memory, mask, cache)
        steps.append(points)
    joined = {
        name: value if name.endswith(_ALIKE) else torch.cat([s[name] for s in steps], dim=-2)
        for name, value in steps[0].items()
    }
    return {**read, **joined}


def _n_layers(config: AnyConfig) -> dict[Kind, int]:
    if isinstance(config, ModelConfig):
        n = config.n_decoder_layers
        return {"encoder": config.n_encoder_layers, "decoder": n, "cross": n}
    return {"encoder": 0, "decoder": 0, "cross": int(config.attention != "none")}


def _no_attention(kind: Kind) -> ModelError:
    return ModelError(
        "no_such_attention", f"this model has no attention of the kind {kind!r}", kind=kind
    )


def _without_batch(value: torch.Tensor) -> torch.Tensor:
    """The positional encoding has no batch dimension, and is a view of the shared model's table."""
    return value.clone() if value.dim() == 2 else value[0]


def _softmax_or_nothing(masked: Float[np.ndarray, "query key"]) -> Float[np.ndarray, "query key"]:
    top = masked.max(axis=-1, keepdims=True)
    exp = np.exp(masked - np.where(np.isfinite(top), top, 0))
    total: np.ndarray = exp.sum(axis=-1, keepdims=True)
    weights: np.ndarray = exp / np.where(total > 0, total, 1)
    return weights


def _largest(difference: np.ndarray) -> float:
    return float(np.abs(difference).max(initial=0.0))
