"""Labels on an axis."""

from __future__ import annotations

import html


def short(label: str, most: int = 14) -> str:
    """The first letters of a long label, as typed."""
    return label if len(label) <= most else label[: most - 1] + "…"


def tick(label: str) -> str:
    """A short label for Plotly, which reads a little HTML: `</s>` would vanish, `<b>` turn bold."""
    return html.escape(short(label), quote=False)
