"""Attention step by step: one head computed again from x, each stage beside what was captured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from ..attention import MultiHeadAttention, softmax_or_nothing
from ..capture import capture
from ..checkpoint import Bundle
from ..layers import AddNorm
from ..trace import ATTENTION, AttentionSteps, Kind, Trace

Stage = Literal[
    "input", "project", "scores", "scale", "mask", "softmax", "weigh", "context", "concat", "output"
]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""From the rows that enter the layer to the rows that the attention block gives back."""


@dataclass(frozen=True)
class Stages:
    """One head, from x to the block's output, each stage computed from the one before; float32.

        x = word + position, or the layer before; in pre-norm, its LayerNorm
        q = x W^Q + b^Q,  k = memory W^K + b^K,  v = memory W^V + b^V
        scores = q kᵀ,  scaled = scores / √d_k,  masked = scaled, −∞ where it may not look
        exp = e^(masked − top),  total = Σ exp,  weights = exp / total
        context = weights v,  concat = all heads' contexts,  out = concat W^O + b^O

    Attributes:
        word, position: √d_model · E[piece] and PE, at the bottom of a stack; else None.
        before: what enters the sublayer; x itself where no LayerNorm comes first.
        memory: what keys and values are made of; equal to x in self-attention.
        w_q … b_v: this head's columns of the weights, and its biases.
        top: each row's largest masked score; 0 in a row with nothing to see.
        concat, w_o, b_o, out: of all heads.
        differences: stage → largest |computed here − captured in the model|.
    """

    word: Float[np.ndarray, "query d_model"] | None
    position: Float[np.ndarray, "query d_model"] | None
    before: Float[np.ndarray, "query d_model"]
    x: Float[np.ndarray, "query d_model"]
    memory: Float[np.ndarray, "key d_model"]
    w_q: Float[np.ndarray, "d_model d_k"]
    w_k: Float[np.ndarray, "d_model d_k"]
    w_v: Float[np.ndarray, "d_model d_v"]
    b_q: Float[np.ndarray, " d_k"]
    b_k: Float[np.ndarray, " d_k"]
    b_v: Float[np.ndarray, " d_v"]
    q: Float[np.ndarray, "query d_k"]
    k: Float[np.ndarray, "key d_k"]
    v: Float[np.ndarray, "key d_v"]
    scores: Float[np.ndarray, "query key"]
    scaled: Float[np.ndarray, "query key"]
    mask: Bool[np.ndarray, "query key"]
    masked: Float[np.ndarray, "query key"]
    top: Float[np.ndarray, " query"]
    exp: Float[np.ndarray, "query key"]
    total: Float[np.ndarray, " query"]
    weights: Float[np.ndarray, "query key"]
    context: Float[np.ndarray, "query d_v"]
    concat: Float[np.ndarray, "query all_d_v"]
    w_o: Float[np.ndarray, "all_d_v d_model"]
    b_o: Float[np.ndarray, " d_model"]
    out: Float[np.ndarray, "query d_model"]
    n_heads: int
    differences: Mapping[Stage, float]

    def products(self, query: int, key: int) -> Float[np.ndarray, " d_k"]:
        """q_d · k_d for each dimension; their sum is the score."""
        product: Float[np.ndarray, " d_k"] = self.q[query] * self.k[key]
        return product

    def weighted(self, query: int) -> Float[np.ndarray, "key d_v"]:
        """Each key's value times the weight that this query gives it; their sum is the context."""
        weighted: Float[np.ndarray, "key d_v"] = self.weights[query][:, None] * self.v
        return weighted


def attention_stages(bundle: Bundle, trace: Trace, kind: Kind, layer: int, head: int) -> Stages:
    """One head of one sentence, stage by stage, and how far each is from the captured tensor.

    The products of matrices go through torch in the model's own order: float32 sums depend on the
    order of their terms (by about 1e-5 where a score is 100), and the number on screen is to be
    the model's. Scores, scaled and masked, which a Trace does not keep, are captured again by
    sending the captured x through this one attention block.

    Raises:
        IndexError: if there is no such layer or head.
    """
    captured = trace.steps(kind, layer, head)
    stack, module = ATTENTION[kind]
    block = f"{stack}.layers.{layer}.{module}"
    attention, add = (bundle.model.get_submodule(name) for name in (block, f"{block}_add"))
    assert isinstance(attention, MultiHeadAttention)
    assert isinstance(add, AddNorm)
    made = _input(trace, kind, layer, add, trace.points[f"{block}_add.x"])
    memory = captured.memory if kind == "cross" else made["x"]
    made |= {"memory": memory} | _parameters(attention, head)
    made |= _heads(attention, made["x"], memory, captured.mask, head)
    return Stages(
        word=made.pop("word", None),
        position=made.pop("position", None),
        **made,
        mask=captured.mask,
        n_heads=attention.n_heads,
        differences=_differences(
            made, captured, _squares(attention, captured), trace.points, block, head
        ),
    )


Arrays = dict[str, np.ndarray]


def _input(
    trace: Trace, kind: Kind, layer: int, add: AddNorm, before: Float[np.ndarray, "query d_model"]
) -> Arrays:
    """What enters the block, and x: the row that queries are made of."""
    made = {"before": before}
    if layer == 0 and kind != "cross":
        side: Literal["source", "target"] = "source" if kind == "encoder" else "target"
        made |= {"word": trace.embedded(side), "position": trace.positional(side)}
        made["before"] = made["word"] + made["position"]
    return made | {"x": made["before"] if add.post else _normed(add.norm, made["before"])}


def _normed(
    norm: nn.LayerNorm, before: Float[np.ndarray, "query d_model"]
) -> Float[np.ndarray, "query d_model"]:
    rows = torch.from_numpy(before)
    weight, bias = norm.weight.detach().cpu(), norm.bias.detach().cpu()
    return F.layer_norm(rows, norm.normalized_shape, weight, bias, norm.eps).numpy()


def _parameters(attention: MultiHeadAttention, head: int) -> Arrays:
    """This head's part of W^Q, W^K, W^V and their biases, and the whole of W^O."""
    made = {"w_o": _array(attention.w_o.weight.T), "b_o": _array(attention.w_o.bias)}
    for name in "qkv":
        linear: nn.Linear = getattr(attention, f"w_{name}")
        made[f"w_{name}"] = _array(linear.weight.chunk(attention.n_heads)[head].T)
        made[f"b_{name}"] = _array(linear.bias.chunk(attention.n_heads)[head])
    return made


def _heads(
    attention: MultiHeadAttention,
    x: Float[np.ndarray, "query d_model"],
    memory: Float[np.ndarray, "key d_model"],
    mask: Bool[np.ndarray, "query key"],
    head: int,
) -> Arrays:
    """All heads from x to the output, as the paper writes it; of the squares, one head is kept."""
    q = _split(attention, attention.w_q, x)
    k, v = _split(attention, attention.w_k, memory), _split(attention, attention.w_v, memory)
    scores = q @ k.transpose(-2, -1)  # 1 H T S
    scaled = scores / math.sqrt(attention.d_k)
    masked = scaled.masked_fill(~torch.tensor(mask), -math.inf)
    top = masked.amax(dim=-1, keepdim=True)
    top = top.masked_fill(top == -math.inf, 0)
    exp = (masked - top).exp()
    total = exp.sum(dim=-1, keepdim=True)
    weights = softmax_or_nothing(masked)  # exp / total, rounded as the model rounds it
    context = weights @ v  # 1 H T V
    concat = context.transpose(1, 2).flatten(2)  # 1 T (H V)
    out = _linear(attention.w_o, concat)
    of_head = dict(q=q, k=k, v=v, scores=scores, scaled=scaled, masked=masked, exp=exp)
    of_head |= dict(weights=weights, context=context, top=top[..., 0], total=total[..., 0])
    made = {name: _array(value[0, head]) for name, value in of_head.items()}
    return made | {"concat": _array(concat[0]), "out": _array(out[0])}


def _split(
    attention: MultiHeadAttention, linear: nn.Linear, rows: Float[np.ndarray, "L d_model"]
) -> Float[Tensor, "1 H L D"]:
    projected = _linear(linear, torch.from_numpy(rows)[None])
    return projected.view(1, len(rows), attention.n_heads, -1).transpose(1, 2)


def _linear(linear: nn.Linear, rows: Float[Tensor, "1 L n"]) -> Float[Tensor, "1 L m"]:
    """x W + b."""
    return F.linear(rows, linear.weight.detach().cpu(), linear.bias.detach().cpu())


def _squares(attention: MultiHeadAttention, captured: AttentionSteps) -> Mapping[str, Tensor]:
    """What the probes of this block see: [1, head, query, key]."""
    device = attention.w_q.weight.device
    x, memory = (torch.tensor(rows, device=device)[None] for rows in (captured.x, captured.memory))
    mask = torch.tensor(captured.mask, device=device)[None, None]
    with torch.inference_mode(), capture(attention, ["scores", "scaled", "masked"]) as points:
        attention(x, memory, mask)
    return points


def _differences(
    made: Arrays,
    captured: AttentionSteps,
    squares: Mapping[str, Tensor],
    points: Mapping[str, np.ndarray],
    block: str,
    head: int,
) -> dict[Stage, float]:
    """Each stage against the probe that shows it in the model."""
    seen = {name: square[0, head].numpy(force=True) for name, square in squares.items()}
    contexts = points[f"{block}.context"]
    concat = contexts.transpose(1, 0, 2).reshape(contexts.shape[1], -1)
    quotients = made["exp"] / np.where(made["total"] > 0, made["total"], 1)[:, None]
    weighted = made["weights"][:, :, None] * made["v"]
    return {
        "input": max(
            largest(made["before"], points[f"{block}_add.x"]), largest(made["x"], captured.x)
        ),
        "project": max(largest(made[name], getattr(captured, name)) for name in "qkv"),
        "scores": largest(made["scores"], seen["scores"]),
        "scale": largest(made["scaled"], seen["scaled"]),
        "mask": largest(made["masked"], seen["masked"]),
        "softmax": max(
            largest(made["weights"], captured.weights), largest(quotients, captured.weights)
        ),
        "weigh": largest(weighted.sum(axis=1, dtype=np.float64), captured.context),
        "context": largest(made["context"], captured.context),
        "concat": largest(made["concat"], concat),
        "output": largest(made["out"], points[f"{block}.out"]),
    }


def largest(made: np.ndarray, seen: np.ndarray) -> float:
    """Largest |made − seen|; −∞ in both is no difference, in one of them an infinite one."""
    same = made == seen
    difference = np.subtract(made, seen, out=np.zeros_like(made), where=~same)
    return float(np.abs(difference).max(initial=0.0))


def _array(value: Tensor) -> np.ndarray:
    array: np.ndarray = value.numpy(force=True)
    return np.ascontiguousarray(array)
