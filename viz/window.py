"""A long sentence is shown through a window: which part of its squares, and where it begins."""

from __future__ import annotations

from viz.components.head_view import Pin, Window

WHOLE = 64
"""Up to so many queries or keys, everything is shown; more would be too small to read."""

SIZES = (20, 40, 80)
"""How many queries and keys a window may show."""


def window(
    asked: tuple[int, int, int] | None,
    n_queries: int,
    n_keys: int,
    pin: Pin,
    strongest: int | None,
) -> Window | None:
    """What to show: what was asked for, else around the selected row and its strongest key.

    None where everything is shown.
    """
    if max(n_queries, n_keys) <= WHOLE:
        return None
    if asked is not None:
        query, key, size = asked
        return Window(query, key, size if size in SIZES else SIZES[1]).within(n_queries, n_keys)
    half = SIZES[1] // 2
    first = Window((pin.query or 0) - half, (strongest or 0) - half, SIZES[1])
    return first.within(n_queries, n_keys)
