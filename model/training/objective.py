"""What is minimised: translation, and that the encoder names what each pronoun stands for."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from ..masks import padding_mask
from ..seq2seq import Seq2Seq
from ..transformer import PAD
from .batches import Batch
from .cross_entropy import tied_cross_entropy


class Losses(NamedTuple):
    """Both losses in nats, and how often the likeliest answer was right.

    Attributes:
        total: translation + naming_weight · naming; what is minimised.
        translation: label-smoothed cross-entropy per target piece.
        naming: cross-entropy per pronoun.
        accuracy: share of target pieces whose likeliest prediction is right.
        naming_accuracy: share of pronouns for which the likeliest of all pieces is right.
    """

    total: Float[Tensor, ""]
    translation: Float[Tensor, ""]
    naming: Float[Tensor, ""]
    accuracy: Float[Tensor, ""]
    naming_accuracy: Float[Tensor, ""]


class Objective(nn.Module):
    """Loss = translation + λ · naming.

    Translation alone does not make a head that looks from a pronoun to its antecedent: the decoder
    can resolve pronouns by itself. Asked to name, from its output at the pronoun and through the
    tied embedding, what the pronoun stands for, the encoder has to fetch it, and fetches it by
    attention. Attention itself is never supervised.
    """

    def __init__(self, model: Seq2Seq[Any], label_smoothing: float, naming_weight: float) -> None:
        super().__init__()
        self.model = model
        self.label_smoothing, self.naming_weight = label_smoothing, naming_weight

    def forward(self, batch: Batch) -> Losses:
        memory = self.model.encode(batch.source)
        mask = padding_mask(batch.source, PAD)
        states = self.model.states(batch.target[:, :-1], memory, mask)
        labels = batch.target[:, 1:].clone()
        labels[:, 0] = PAD  # behind <s> stands the language tag, which is given, not predicted
        known = labels != PAD
        translation, accuracy = self._translation(states[known], labels[known])
        naming, naming_accuracy = self._naming(memory, batch)
        total = translation + self.naming_weight * naming
        return Losses(total, translation, naming, accuracy, naming_accuracy)

    def _translation(
        self, states: Float[Tensor, "N d_model"], labels: Int[Tensor, " N"]
    ) -> tuple[Tensor, Tensor]:
        loss, hits = tied_cross_entropy(
            states, self.model.embedding.weight, labels, self.label_smoothing
        )
        # A batch of sentences without a known translation has no label at all.
        count = max(1, len(labels))
        return loss / count, hits / count

    def _naming(self, memory: Float[Tensor, "B S d_model"], batch: Batch) -> tuple[Tensor, Tensor]:
        """−log P of the antecedent's pieces, averaged over the pieces of each antecedent."""
        if len(batch.pronoun_row) == 0:
            # Every parameter takes part in every step, as training on several GPUs demands.
            nothing = 0.0 * self.model.name(memory[:1, 0]).sum()
            return nothing, nothing.detach()
        logits = self.model.name(memory[batch.pronoun_row, batch.pronoun_at])
        all_log_p = logits.log_softmax(dim=-1)
        log_p = all_log_p.gather(1, batch.antecedent)
        real = (batch.antecedent != PAD).float()
        loss = -(log_p * real).sum(dim=1) / real.sum(dim=1)
        hit = (log_p == all_log_p.amax(dim=-1, keepdim=True)).any(dim=1)
        return loss.mean(), hit.float().mean()


def learning_rate(step: int, steps: int, peak: float, warmup: int, spent: float = 0.0) -> float:
    """Linear rise to `peak` over `warmup` steps, then half a cosine down to 0 at `steps`.

    Where a budget of time is `spent` to a larger share than the steps, the cosine follows that
    share, so that the end finds the rate at 0 all the same.

    The paper (§5.3) falls with 1/√step instead, made for runs that have no planned end; a class
    has one, and the cosine reaches better heads in the same minutes.
    """

    def cosine(progress: float) -> float:
        return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    if step < warmup:
        return min(peak * (step + 1) / warmup, cosine(spent))
    return min(cosine((step - warmup) / max(1, steps - warmup)), cosine(spent))
