"""What one layer costs as the sentence or the vectors grow: counted, and measured here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from .leaderboard import Progress

Layer = Literal["recurrent", "convolution", "attention", "fused"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
"""nn.GRU; nn.Conv1d; nn.MultiheadAttention with one head, once with its n × n weights written out
and once through `scaled_dot_product_attention`, which never holds them all at a time."""

Counted = Literal["recurrent", "convolution", "attention"]
COUNTED: tuple[Counted, ...] = get_args(Counted)
"""The layers of the paper's Table 1."""

KERNEL = 3
FEWEST, MOST, ENOUGH = 3, 15, 0.05
"""A measurement is repeated until it has taken 50 ms, at least three times, at most fifteen."""


@dataclass(frozen=True)
class Cost:
    """What one layer took for a sentence of n vectors of width d.

    Attributes:
        seconds: CPU time of the computing thread, median of `repeats`; that of a forward pass, or
            of forward and backward together.
        fastest, slowest: of the repeats.
        kept: bytes that a forward pass keeps for the backward pass, parameters not counted.
    """

    layer: Layer
    n: int
    d: int
    seconds: float
    fastest: float
    slowest: float
    repeats: int
    kept: int


def operations(layer: Counted, n: int, d: int, kernel: int = KERNEL) -> int:
    """Complexity per layer: n·d² recurrent, k·n·d² convolutional, n²·d self-attention.

    Source: Vaswani et al. 2017, Table 1, without the O( ).
    """
    return {"recurrent": n * d**2, "convolution": kernel * n * d**2, "attention": n**2 * d}[layer]


def sweep(sizes: Sequence[tuple[int, int]], training: bool, progress: Progress) -> list[Cost]:
    """Every layer at every (n, d), smallest first, one small piece after the other.

    Args:
        training: measure forward and backward together.
        progress: called with (done, of) before every piece; what it raises ends the sweep.
    """
    pieces = [(layer, n, d) for n, d in sizes for layer in LAYERS]
    found = []
    for done, piece in enumerate(pieces):
        progress(done, len(pieces))
        found.append(measure(*piece, training=training))
    return found


def measure(layer: Layer, n: int, d: int, *, training: bool = False) -> Cost:
    """One layer, one sentence, float32, one thread of the CPU.

    CPU time, not the clock's: what else the machine is doing does not count.
    """
    forward = _built(layer, d)
    x = torch.randn(1, n, d, generator=torch.Generator().manual_seed(0), requires_grad=training)

    def once() -> float:
        start = time.thread_time()
        with torch.set_grad_enabled(training):
            y = forward(x)
        if training:
            torch.autograd.backward(y.sum())
        return time.thread_time() - start

    with _one_thread():
        kept = kept_for_backward(forward, x)
        once()  # the first pass pays for what is set up once
        taken = list(_repeated(once))
    middle = float(np.median(taken))
    return Cost(layer, n, d, middle, min(taken), max(taken), len(taken), kept)


def kept_for_backward(forward: Callable[[Tensor], Tensor], x: Float[Tensor, "1 n d"]) -> int:
    """Bytes of the tensors that autograd keeps in a forward pass, each memory counted once.

    Parameters are not counted: they are there for every sentence. Counted by
    `torch.autograd.graph.saved_tensors_hooks`.
    """
    memories: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        owner = tensor if tensor._base is None else tensor._base
        if not isinstance(owner, nn.Parameter):
            memory = tensor.untyped_storage()
            memories[memory.data_ptr()] = memory.nbytes()
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        # The result holds the graph, and with it every memory, until all are counted: an address
        # that is given back could be another tensor's.
        result = forward(x.detach().requires_grad_())
        total = sum(memories.values())
    del result
    return total


def crossing(sizes: Sequence[float], one: Sequence[float], other: Sequence[float]) -> float | None:
    """The last size at which two curves meet; None where one stays above the other.

    Between two measured sizes both curves are taken as straight on logarithmic scales.
    """
    apart = np.log(np.asarray(one)) - np.log(np.asarray(other))
    turns = np.nonzero(apart[:-1] * apart[1:] <= 0)[0]
    if not len(turns):
        return None
    last = turns[-1]
    gap = apart[last] - apart[last + 1]
    share = apart[last] / gap if gap else 1.0  # no gap: they are one from here to the next size
    low, high = math.log(sizes[last]), math.log(sizes[last + 1])
    return math.exp(low + float(share) * (high - low))


def _built(layer: Layer, d: int) -> Callable[[Tensor], Tensor]:
    """One layer from n vectors of width d to n of the same width."""
    if layer == "recurrent":
        gru = nn.GRU(d, d, batch_first=True)
        return lambda x: gru(x)[0]
    if layer == "convolution":
        conv = nn.Conv1d(d, d, KERNEL, padding=KERNEL // 2)
        return lambda x: conv(x.transpose(1, 2)).transpose(1, 2)
    attention = nn.MultiheadAttention(d, 1, batch_first=True)
    written_out = layer == "attention"
    return lambda x: attention(x, x, x, need_weights=written_out, average_attn_weights=False)[0]


def _repeated(once: Callable[[], float]) -> Iterator[float]:
    total = 0.0
    for repeat in range(MOST):
        if repeat >= FEWEST and total >= ENOUGH:
            return
        taken = once()
        total += taken
        yield taken


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread, so that its CPU time is the layer's; the app has set one already."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
