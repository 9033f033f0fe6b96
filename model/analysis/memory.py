"""How far back an encoder remembers: how much its last vector depends on each earlier word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..checkpoint import AnyBundle
from ..recurrent import Recurrent
from ..seq2seq import Seq2Seq
from ..tokenizer import Words, check_length, check_text
from ..transformer import Transformer


@dataclass(frozen=True)
class Reach:
    """‖∂z/∂x_j‖_F of each piece: how far z moves, at most and for little moves, when x_j does.

    z is the forward GRU's last state h→_S, or the Transformer encoder's output at the last
    position; x_j = √d_model · E[piece j], what the encoder reads there (the Transformer adds the
    position to it). Both have then read `</s>`, the last piece.

    Attributes:
        tokens: the encoder's pieces, `</s>` last.
        words: (word, [piece indices]).
        norms: the Jacobians' Frobenius norms.
    """

    tokens: list[str]
    words: Words
    norms: Float[np.ndarray, " S"]

    @property
    def shares(self) -> Float[np.ndarray, " S"]:
        """The norms, divided by their sum: models of other sizes have other scales."""
        total: np.ndarray = self.norms / max(float(self.norms.sum()), 1e-30)
        return total


def reach(bundle: AnyBundle, text: str) -> Reach:
    """How much the encoder's last vector depends on each piece of the text.

    Raises:
        ModelError: `empty_text`, `text_too_large`, `control_characters` or `text_too_long`.
    """
    encoding = check_length(bundle.tokenizer.source(check_text(text)), bundle.config.max_len)
    ids = torch.tensor([encoding.ids], device=bundle.device)
    x = bundle.model.embedding(ids).detach() * bundle.config.d_model**0.5
    norms = jacobian_norms(last_vector(bundle.model), x)
    return Reach(encoding.pieces, encoding.words(), norms.numpy(force=True))


def last_vector(model: Seq2Seq[Any]) -> Callable[[Tensor], Tensor]:
    """z as a function of x, [1, S, d_model] → [d_z]."""
    if isinstance(model, Recurrent):
        half = model.config.d_hidden // 2
        return lambda x: model.encoder.gru(x)[0][0, -1, :half]
    if isinstance(model, Transformer):
        scale = model.config.d_model**0.5
        everything = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=model.embedding.weight.device)
        return lambda x: model.encoder(x / scale, everything)[0, -1]
    raise TypeError(f"no encoder is known of {type(model).__name__}")


def jacobian_norms(
    f: Callable[[Tensor], Tensor], x: Float[Tensor, "1 S d_model"]
) -> Float[Tensor, " S"]:
    """‖∂f/∂x_j‖_F of each position, exactly: a backward pass for each number of f(x)."""
    with torch.enable_grad():
        x = x.clone().requires_grad_()
        squares = torch.zeros(x.size(1), dtype=x.dtype, device=x.device)
        for number in f(x).unbind():
            (row,) = torch.autograd.grad(number, x, retain_graph=True)
            squares += row[0].square().sum(dim=-1)
    return squares.sqrt()
