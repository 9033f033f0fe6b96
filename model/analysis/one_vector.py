"""What a plain seq2seq hands to its decoder: one vector, whatever the sentence was."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from ..recurrent import summary
from ..trace import Trace


def one_vector(made: Trace) -> Float[np.ndarray, " n"]:
    """c = [h→_S; h←_1] of a recurrent model's trace: where each direction has read everything.

    Cho et al. (2014). The decoder gets it at every step.
    """
    annotations = torch.tensor(made.points["encoder.out"])[None]
    everything = torch.ones(1, 1, 1, annotations.size(1), dtype=torch.bool)
    return summary(annotations, everything)[0].numpy()
