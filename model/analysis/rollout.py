"""Attention rollout: through all layers below, from which words does a position draw?

Abnar & Zuidema 2020, *Quantifying Attention Flow in Transformers*. It follows the weights and the
residual connections and nothing else: values, W^O, LayerNorm and the feed-forward networks are left
out, and all heads count alike.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..trace import Kind, Trace


def rollout(trace: Trace) -> dict[Kind, Float[np.ndarray, "layer query key"]]:
    """After every layer, the share that each position draws from each word of the input.

    With Ā the mean over heads and Â = ½ Ā + ½ I, half attention and half residual connection:

        encoder   R_l = Â_l R_(l−1),  R_0 = I
        decoder   the same with its self-attention, so that cross-attention is left aside
        cross     the decoder with both: target T and source S change in turn, a layer at a time,
                      T ← Â_l T          S ← Â_l S                    self-attention
                      T ← ½ T            S ← ½ S + ½ C̄_l R_encoder    cross-attention
                  from T = I, S = 0. That is the product of decoder rollout, cross-attention and
                  encoder rollout, the residual connection around each of them counted.

    Rows of "encoder" and "decoder" sum to 1; rows of "cross", S, to what does not come from the
    words that the decoder has read: 1 − 2^−l after l layers.
    """
    encoder = _through(trace.attention("encoder").mean(axis=1))
    self_attn, cross_attn = (trace.attention(kind).mean(axis=1) for kind in ("decoder", "cross"))
    return {
        "encoder": encoder,
        "decoder": _through(self_attn),
        "cross": _across(self_attn, cross_attn, encoder[-1]),
    }


def _through(
    layers: Float[np.ndarray, "layer word word"],
) -> Float[np.ndarray, "layer word word"]:
    rolled = np.eye(layers.shape[-1])
    return np.stack([rolled := _with_residual(layer) @ rolled for layer in layers])


def _across(
    self_attn: Float[np.ndarray, "layer target target"],
    cross_attn: Float[np.ndarray, "layer target source"],
    encoder: Float[np.ndarray, "source source"],
) -> Float[np.ndarray, "layer target source"]:
    from_source = np.zeros(cross_attn.shape[1:])
    after: list[np.ndarray] = []
    for own, across in zip(self_attn, cross_attn, strict=True):
        from_source = _with_residual(own) @ from_source
        from_source = from_source / 2 + across @ encoder / 2
        after.append(from_source)
    return np.stack(after)


def _with_residual(layer: Float[np.ndarray, "word word"]) -> Float[np.ndarray, "word word"]:
    """½ Ā + ½ I, rows made to sum to 1: a row with nothing to look at keeps only itself."""
    half: Float[np.ndarray, "word word"] = layer / 2 + np.eye(len(layer)) / 2
    whole: Float[np.ndarray, "word word"] = half / half.sum(axis=-1, keepdims=True)
    return whole
