"""What the encoder thinks of a pronoun after each layer: a lens through the naming layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from ..capture import capture
from ..checkpoint import Bundle
from ..tokenizer import Encoding, Offsets
from .coreference import name_pronoun, naming_probabilities


@dataclass(frozen=True)
class Lens:
    """The naming distribution over a sentence's words, layer by layer.

    Attributes:
        words: (word, start, end) in reading order.
        shares: row 0 is the embedded piece, row n what stands there after encoder layer n; each row
            sums to 1.
        largest_difference: between the last row and `name_pronoun`; rounding alone keeps it small.
    """

    words: list[tuple[str, int, int]]
    shares: Float[np.ndarray, "layer+1 word"]
    largest_difference: float

    @property
    def likeliest(self) -> list[int]:
        """The likeliest word of each row."""
        return [int(word) for word in self.shares.argmax(axis=1)]

    @property
    def decided_at(self) -> int:
        """The first row from which on the likeliest word is the last row's."""
        *_, last = self.likeliest
        others = [row for row, word in enumerate(self.likeliest) if word != last]
        return max(others, default=-1) + 1


def lens(bundle: Bundle, text: str, span: Offsets) -> Lens:
    """P_l(piece) = softmax(E (W Norm(x_l) + b)), x_l the pronoun's vector after layer l.

    Norm is the encoder's own final LayerNorm (pre-norm; post-norm layers end with theirs, and their
    x_0 has none), W, b the naming layer and E the tied embedding; restricted to the sentence and
    summed as in `name_pronoun`. The naming layer was trained on the last layer only: of an earlier
    one it shows what already lies in the direction that it will be read in, and no more. A flat
    early row does not say that nothing is known there. The logit lens (nostalgebraist 2020), for
    naming.

    Raises:
        ModelError: as `name_pronoun` does.
    """
    named = name_pronoun(bundle, text, span)
    encoding = bundle.tokenizer.source(text)
    pieces = _piece_shares(bundle, encoding, encoding.pieces_in(*span)[0])
    words = [(word, indices, at) for word, indices, at in encoding.words_with_offsets() if at]
    shares = np.stack([pieces[:, indices].sum(axis=1) for _, indices, _ in words], axis=1)
    difference = np.abs(shares[-1] - np.array([share for *_, share in named])).max()
    return Lens([(word, *at) for word, _, at in words], shares, float(difference))


def _piece_shares(
    bundle: Bundle, encoding: Encoding, at: int
) -> Float[np.ndarray, "layer+1 piece"]:
    model = bundle.model
    after = "added" if bundle.config.norm == "pre" else "normed"
    watched = ["encoder.input.sum", f"encoder.layers.*.ffn_add.{after}"]
    source = torch.tensor([encoding.ids], device=bundle.device)
    with torch.inference_mode():
        with capture(model, watched) as points:
            model.encode(source)
        stream = torch.stack([x[0, at] for x in points.values()])  # layer+1 d_model
        logits = model.name(model.encoder.norm(stream))
        shares = [naming_probabilities(row, source[0]) for row in logits]
    return torch.stack(shares).numpy(force=True)
