"""How far one position sees: through a stack of convolutions, along an RNN, by self-attention."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool


def receptive_field(window: int, layers: int) -> int:
    """Inputs that one position sees through `layers` convolutions of width k: 1 + n (k − 1)."""
    return 1 + layers * (window - 1)


def seen(length: int, window: int, layers: int) -> Bool[np.ndarray, "layer position input"]:
    """Which inputs each position sees after 0, 1, … `layers` convolutions.

    A position sees what the positions in its window saw one layer below; at the ends of the text
    the window is cut off (padding is no word).

    Raises:
        ValueError: the window is even (it would have no middle), or less than 1.
    """
    apart = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    in_window = apart <= _half(window)
    reached = [np.eye(length, dtype=bool)]
    for _ in range(layers):
        reached.append(in_window @ reached[-1])
    return np.stack(reached)


def path(window: int, query: int, key: int) -> list[int]:
    """The shortest way from an input to the position that looks at it: a position a layer, the
    input first. Its length is one more than the layers that it takes.

    Raises:
        ValueError: as `seen`; or a window of 1, through which nothing else is ever seen.
    """
    half = _half(window)
    if half == 0 and query != key:
        raise ValueError("a window of 1 never sees another position")
    direction = 1 if query > key else -1
    steps = range(0, abs(query - key), half or 1)
    return [*(key + direction * step for step in steps), query]


def chain(query: int, key: int) -> list[int]:
    """The states that a word passes on its way through an RNN, its own first."""
    direction = 1 if query >= key else -1
    return list(range(key, query + direction, direction))


def _half(window: int) -> int:
    if window < 1 or window % 2 == 0:
        raise ValueError(f"a window must be odd, {window} is not")
    return window // 2
