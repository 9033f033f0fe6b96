"""What surrounds attention in a Transformer: residual, LayerNorm, feed-forward network, output.

Each function does one stage again, from the captured tensor that the stage reads and the model's
weights, and says how far its result lies from the captured one.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..checkpoint import Bundle
from ..layers import AddNorm
from ..trace import Trace

Stack = Literal["encoder", "decoder"]
Module = Literal["self_attn", "cross_attn", "ffn"]

SUBLAYERS: dict[Stack, tuple[Module, ...]] = {
    "encoder": ("self_attn", "ffn"),
    "decoder": ("self_attn", "cross_attn", "ffn"),
}
"""The sublayers of one layer, in the order in which a vector passes them."""


@dataclass(frozen=True)
class ResidualSteps:
    """added = x + Sublayer(x); in pre-norm the sublayer has read LayerNorm(x)."""

    x: Float[np.ndarray, "length d_model"]
    sublayer: Float[np.ndarray, "length d_model"]
    added: Float[np.ndarray, "length d_model"]
    largest_difference: float


@dataclass(frozen=True)
class NormSteps:
    """LayerNorm(x) = γ · (x − μ) / √(σ² + ε) + β, μ and σ² over the dimensions of one token.

    Attributes:
        variance: σ², divided by d_model, not d_model − 1.
        scaled: (x − μ) / √(σ² + ε).
        normed: the captured result.
    """

    x: Float[np.ndarray, "length d_model"]
    mean: Float[np.ndarray, " length"]
    centred: Float[np.ndarray, "length d_model"]
    variance: Float[np.ndarray, " length"]
    eps: float
    scaled: Float[np.ndarray, "length d_model"]
    gamma: Float[np.ndarray, " d_model"]
    beta: Float[np.ndarray, " d_model"]
    normed: Float[np.ndarray, "length d_model"]
    largest_difference: float


@dataclass(frozen=True)
class FeedForwardSteps:
    """FFN(x) = relu W_2 + b_2, relu = max(0, hidden), hidden = x W_1 + b_1.

    Attributes:
        zeros: how many of the d_ff hidden numbers ReLU leaves at zero, for each token.
    """

    x: Float[np.ndarray, "length d_model"]
    hidden: Float[np.ndarray, "length d_ff"]
    relu: Float[np.ndarray, "length d_ff"]
    out: Float[np.ndarray, "length d_model"]
    zeros: Int[np.ndarray, " length"]
    largest_difference: float


@dataclass(frozen=True)
class HandOver:
    """What one layer writes and what reads it next: the same numbers.

    Attributes:
        written: the layer's output.
        read: what the next layer, the final LayerNorm or (post-norm, last layer) the other stack
            or the output layer starts from.
    """

    written: Float[np.ndarray, "length d_model"]
    read: Float[np.ndarray, "length d_model"]
    largest_difference: float


@dataclass(frozen=True)
class OutputSteps:
    """logits = x Eᵀ and probabilities = softmax(logits) at one decoder position.

    Attributes:
        x: the decoder's output at this position.
        exp: e^(logit − largest logit): the same quotients, and no overflow.
        total: the sum of `exp` over the vocabulary.
    """

    x: Float[np.ndarray, " d_model"]
    logits: Float[np.ndarray, " vocab"]
    exp: Float[np.ndarray, " vocab"]
    total: float
    probabilities: Float[np.ndarray, " vocab"]
    largest_difference: float


@dataclass(frozen=True)
class Candidate:
    """One piece of the vocabulary that may come next."""

    piece: str
    logit: float
    exp: float
    probability: float


@dataclass(frozen=True)
class Stream:
    """What flows past the sublayers of a stack, and what each of them adds to it.

    Attributes:
        sublayers: (layer, module) of each sublayer, in order.
        carried: length ‖x‖ of each token's vector before each sublayer.
        contributed: length ‖Sublayer(x)‖ of what the sublayer adds.
        added: length ‖x + Sublayer(x)‖.
        largest_difference: pre-norm only: between what leaves the last sublayer and the input plus
            everything that all sublayers have added. Post-norm rescales on the way: None.
    """

    sublayers: list[tuple[int, Module]]
    carried: Float[np.ndarray, "sublayer length"]
    contributed: Float[np.ndarray, "sublayer length"]
    added: Float[np.ndarray, "sublayer length"]
    largest_difference: float | None


def stages(trace: Trace, stack: Stack) -> tuple[str, ...]:
    """The stages of one layer in the loaded model's own order, then what follows the last layer.

    `self_attn.norm`, `self_attn.out`, `self_attn.add`, … in pre-norm, and `out`, `add`, `norm` in
    post-norm; `next`; `final_norm` in pre-norm; `output` in the decoder.
    """
    steps = ("norm", "out", "add") if trace.norm == "pre" else ("out", "add", "norm")
    layer = [f"{module}.{step}" for module in SUBLAYERS[stack] for step in steps]
    final = ["final_norm"] if trace.norm == "pre" else []
    return (*layer, "next", *final, *(["output"] if stack == "decoder" else []))


def residual(trace: Trace, stack: Stack, layer: int, module: Module) -> ResidualSteps:
    """x + Sublayer(x) of one sublayer, for every token."""
    x, sublayer, added = (_at(trace, stack, layer, module, p) for p in ("x", "sublayer", "added"))
    return ResidualSteps(x, sublayer, added, _largest(x + sublayer - added))


def layer_norm(bundle: Bundle, trace: Trace, stack: Stack, layer: int, module: Module) -> NormSteps:
    """The LayerNorm of one sublayer: behind the sum in post-norm, before the sublayer in pre-norm.

    Raises:
        IndexError: if there is no such layer.
    """
    add = _layer(bundle, stack, layer).get_submodule(f"{module}_add")
    assert isinstance(add, AddNorm)
    x = _at(trace, stack, layer, module, "added" if add.post else "x")
    return norm_steps(x, _at(trace, stack, layer, module, "normed"), add.norm)


def final_norm(bundle: Bundle, trace: Trace, stack: Stack) -> NormSteps:
    """The LayerNorm behind the last layer of a pre-norm stack.

    Raises:
        ValueError: in post-norm, which has none.
    """
    norm = bundle.model.get_submodule(f"{stack}.norm")
    if not isinstance(norm, nn.LayerNorm):
        raise ValueError("a post-norm model has no final LayerNorm")
    last = _last(trace, stack)
    x = _at(trace, stack, last, "ffn", "added")
    return norm_steps(x, trace.points[f"{stack}.out"], norm)


def norm_steps(
    x: Float[np.ndarray, "length d_model"],
    normed: Float[np.ndarray, "length d_model"],
    norm: nn.LayerNorm,
) -> NormSteps:
    """LayerNorm step by step, and how far its result is from `normed`."""
    mean = x.mean(axis=-1)
    centred = x - mean[:, None]
    variance = (centred**2).mean(axis=-1)
    scaled = centred / np.sqrt(variance + np.float32(norm.eps))[:, None]
    gamma, beta = _numpy(norm.weight), _numpy(norm.bias)
    difference = _largest(gamma * scaled + beta - normed)
    return NormSteps(x, mean, centred, variance, norm.eps, scaled, gamma, beta, normed, difference)


def feed_forward(bundle: Bundle, trace: Trace, stack: Stack, layer: int) -> FeedForwardSteps:
    """The feed-forward network of one layer, for every token.

    Raises:
        IndexError: if there is no such layer.
    """
    ffn = _layer(bundle, stack, layer).get_submodule("ffn")
    x = _at(trace, stack, layer, "ffn", "normed" if trace.norm == "pre" else "x")
    hidden, relu, out = (
        trace.points[f"{stack}.layers.{layer}.ffn.{point}"] for point in ("hidden", "relu", "out")
    )
    difference = max(
        _largest(_linear(ffn.get_submodule("w_1"), x) - hidden),
        _largest(np.maximum(hidden, 0) - relu),
        _largest(_linear(ffn.get_submodule("w_2"), relu) - out),
    )
    return FeedForwardSteps(x, hidden, relu, out, (relu == 0).sum(axis=-1), difference)


def hand_over(trace: Trace, stack: Stack, layer: int) -> HandOver:
    """What a layer gives to the one above it.

    Raises:
        KeyError: if there is no such layer.
    """
    written = _at(trace, stack, layer, "ffn", "added" if trace.norm == "pre" else "normed")
    if layer < _last(trace, stack):
        read = _at(trace, stack, layer + 1, "self_attn", "x")
    else:  # the final LayerNorm has no probe before it: what it reads is what was written
        read = written if trace.norm == "pre" else trace.points[f"{stack}.out"]
    return HandOver(written, read, _largest(written - read))


def output(bundle: Bundle, trace: Trace, position: int) -> OutputSteps:
    """From the decoder's output at one position to the probability of every next piece.

    Raises:
        IndexError: if there is no such position.
    """
    x, logits = trace.points["decoder.out"][position], trace.logits[position]
    embedding = bundle.model.embedding.weight
    with torch.inference_mode():
        computed = (torch.from_numpy(x).to(embedding) @ embedding.T).numpy(force=True)
    exp = np.exp(logits - logits.max())
    total = exp.sum()
    return OutputSteps(x, logits, exp, float(total), exp / total, _largest(computed - logits))


def candidates(bundle: Bundle, trace: Trace, steps: OutputSteps, most: int) -> list[Candidate]:
    """The likeliest next pieces, the likeliest first."""
    ids = np.argsort(-steps.logits, kind="stable")[:most].tolist()
    pieces = bundle.tokenizer.target_from_ids(ids, trace.target_lang).pieces[-len(ids) :]
    return [
        Candidate(piece, float(steps.logits[i]), float(steps.exp[i]), float(steps.probabilities[i]))
        for i, piece in zip(ids, pieces, strict=True)
    ]


def stream(trace: Trace, stack: Stack) -> Stream:
    """How long the vectors of a stack are, and what every sublayer adds to them."""
    layers = range(_last(trace, stack) + 1)
    sublayers = [(layer, module) for layer in layers for module in SUBLAYERS[stack]]
    steps = [residual(trace, stack, layer, module) for layer, module in sublayers]
    everything = steps[0].x + np.sum([step.sublayer for step in steps], axis=0)
    return Stream(
        sublayers,
        carried=np.stack([_length(step.x) for step in steps]),
        contributed=np.stack([_length(step.sublayer) for step in steps]),
        added=np.stack([_length(step.added) for step in steps]),
        largest_difference=_largest(everything - steps[-1].added) if trace.norm == "pre" else None,
    )


def paths(n_sublayers: int) -> int:
    """In how many ways a vector can go through or around n sublayers: 2^n (Veit et al. 2016)."""
    return 2**n_sublayers


def paths_by_length(n_sublayers: int) -> list[int]:
    """How many of the 2^n paths go through 0, 1, …, n sublayers: n over k."""
    return [math.comb(n_sublayers, k) for k in range(n_sublayers + 1)]


def unrolled(n_sublayers: int) -> Bool[np.ndarray, "path sublayer"]:
    """Every path, the shortest first: True where it goes through the sublayer.

    Raises:
        ValueError: for more than 10 sublayers, 1,024 paths.
    """
    if n_sublayers > 10:
        raise ValueError(f"{paths(n_sublayers):,} paths are too many to list")
    every = itertools.product((False, True), repeat=n_sublayers)
    return np.array(sorted(every, key=lambda path: (sum(path), [not s for s in path])), dtype=bool)


def _at(
    trace: Trace, stack: Stack, layer: int, module: Module, point: str
) -> Float[np.ndarray, "length d_model"]:
    return trace.points[f"{stack}.layers.{layer}.{module}_add.{point}"]


def _layer(bundle: Bundle, stack: Stack, layer: int) -> nn.Module:
    layers = bundle.model.get_submodule(f"{stack}.layers")
    assert isinstance(layers, nn.ModuleList)
    return layers[layer]


def _last(trace: Trace, stack: Stack) -> int:
    return trace.n_layers[stack] - 1


def _linear(linear: nn.Module, x: Float[np.ndarray, "length n"]) -> Float[np.ndarray, "length m"]:
    assert isinstance(linear, nn.Linear)
    return x @ _numpy(linear.weight).T + _numpy(linear.bias)


def _numpy(parameter: Tensor) -> Float[np.ndarray, "..."]:
    values: np.ndarray = parameter.numpy(force=True)
    return values


def _length(vectors: Float[np.ndarray, "length d_model"]) -> Float[np.ndarray, " length"]:
    return np.linalg.norm(vectors, axis=-1)


def _largest(difference: np.ndarray) -> float:
    return float(np.abs(difference).max(initial=0.0))
