"""A recurrent decoder's attention, step by step, computed again from the state and annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..attention import softmax_or_nothing
from ..checkpoint import AnyBundle
from ..config import Scoring
from ..errors import ModelError
from ..recurrent import BahdanauLayer, LuongLayer, Recurrent
from ..trace import Trace
from .decoding import pieces_of

_POINTS = "decoder.layers.0.cross_attn"
_LIKELIEST = 5


@dataclass(frozen=True)
class DecoderStep:
    """One step of a recurrent decoder, from its state to the next word; float32.

        bahdanau: e_j = v_aᵀ tanh(W_a s_{i−1} + U_a h_j), s_i = GRU([x_i; c_i], s_{i−1})
        concat:   e_j = v_aᵀ tanh(W_a s_i + U_a h_j)
        general:  e_j = s_iᵀ W_a h_j
        dot:      e_j = s_iᵀ h_j
        α = softmax(e),  c_i = Σ_j α_j h_j,  Luong: h̃_i = tanh(W_c [c_i; s_i])

    Attributes:
        state: s_{i−1} of Bahdanau, from before the GRU's step; s_i of Luong, from after it.
        annotations: h_j.
        query: W_a s, of the additive ones.
        keys: U_a h_j; W_a h_j in "general"; h_j in "dot".
        hidden, v: tanh(query + keys) and v_a, of the additive ones.
        new_state: s_i of Bahdanau, h̃_i of Luong.
        likeliest: the next pieces with the largest probabilities.
        differences: stage → largest |computed here − captured in the model|.
    """

    scoring: Scoring
    state: Float[np.ndarray, " n"]
    annotations: Float[np.ndarray, "S n"]
    query: Float[np.ndarray, " n"] | None
    keys: Float[np.ndarray, "S n"]
    hidden: Float[np.ndarray, "S n"] | None
    v: Float[np.ndarray, " n"] | None
    scores: Float[np.ndarray, " S"]
    weights: Float[np.ndarray, " S"]
    context: Float[np.ndarray, " n"]
    new_state: Float[np.ndarray, " n"]
    likeliest: list[tuple[str, float]]
    differences: Mapping[str, float]

    @property
    def largest_difference(self) -> float:
        """Of all stages; rounding alone keeps it near 1e-7."""
        return max(self.differences.values())


def decoder_step(bundle: AnyBundle, made: Trace, step: int) -> DecoderStep:
    """The step at which the decoder reads the target's piece number `step`.

    Raises:
        ModelError: `no_such_attention` where the model is a Transformer, or has none.
        IndexError: if there is no such step.
    """
    model, layer = _attending(bundle)
    if not 0 <= step < len(made.target_tokens):
        raise IndexError(f"there are {len(made.target_tokens)} steps, there is no step {step}")
    at = {point: made.points[f"{_POINTS}.{point}"] for point in ("state", "keys", "scores",
          "weights", "context")}  # fmt: skip
    state, annotations, word, out = (
        torch.tensor(array, device=bundle.device)
        for array in (at["state"][step], made.points["encoder.out"],
                      made.points["decoder.input.word"][step], made.points["decoder.out"][step])
    )  # fmt: skip
    attn = layer.cross_attn
    with torch.inference_mode():
        query, keys = attn.w_q(state), attn.w_k(annotations)
        scores = attn.score(query[None, None], keys[None])[0, 0]
        weights = softmax_or_nothing(scores)
        context = weights @ annotations
        new_state, computed = _write(model, layer, word, state, context)
    captured = {
        "keys": at["keys"], "scores": at["scores"][0, step], "weights": at["weights"][0, step],
        "context": at["context"][0, step], "out": _array(out),
    }  # fmt: skip
    found = {"keys": keys, "scores": scores, "weights": weights, "context": context,
             "out": computed}  # fmt: skip
    return DecoderStep(
        scoring=model.config.attention,
        state=_array(state),
        annotations=_array(annotations),
        query=_array(query) if attn.additive else None,
        keys=_array(keys),
        hidden=_array((query + keys).tanh()) if attn.additive else None,
        v=_array(attn.v.weight[0]) if isinstance(attn.v, nn.Linear) else None,
        scores=_array(scores),
        weights=_array(weights),
        context=_array(context),
        new_state=_array(new_state),
        likeliest=_likeliest(bundle, made, step),
        differences={
            stage: float(np.abs(_array(found[stage]) - captured[stage]).max()) for stage in captured
        },
    )


def _write(
    model: Recurrent,
    layer: BahdanauLayer | LuongLayer,
    word: Tensor,
    state: Tensor,
    context: Tensor,
) -> tuple[Tensor, Tensor]:
    """What the step makes of its context: the new state, and what predicts the next word."""
    if isinstance(layer, BahdanauLayer):
        new = layer.gru(torch.cat((word, context))[None], state[None])[0]
        predicts = torch.cat((new, context))
    else:
        new = predicts = layer.w_c(torch.cat((context, state))).tanh()
    return new, model.decoder.w_o(predicts)


def _attending(bundle: AnyBundle) -> tuple[Recurrent, BahdanauLayer | LuongLayer]:
    """The model and its decoder's layer."""
    if isinstance(bundle.model, Recurrent):
        layer = bundle.model.decoder.layers[0]
        if isinstance(layer, BahdanauLayer | LuongLayer):
            return bundle.model, layer
    raise ModelError(
        "no_such_attention",
        "this model has no attention from a recurrent decoder to the source",
        kind="cross",
    )


def _likeliest(bundle: AnyBundle, made: Trace, step: int) -> list[tuple[str, float]]:
    shares = torch.tensor(made.logits[step]).softmax(dim=-1)
    top = shares.topk(min(_LIKELIEST, len(shares)))
    pieces = pieces_of(bundle, top.indices.tolist())
    return list(zip(pieces, top.values.tolist(), strict=True))


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.numpy(force=True)
