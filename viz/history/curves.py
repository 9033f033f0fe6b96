"""Curves on the page, told in words to who cannot see them."""

from __future__ import annotations

from collections.abc import Sequence

from viz import picture
from viz.charts.lines import Line, Scale, lines


def draw(
    drawn: Sequence[Line], x: Scale, y: Scale, *, key: str, mark: tuple[float, str] | None = None
) -> None:
    """One chart; read aloud, every curve's first and last value."""
    told = "; ".join(f"{line.name}: {line.written[0]} … {line.written[-1]}" for line in drawn)
    picture.show(lines(drawn, x, y, mark=mark), key=key, alt=f"{y.title} · {x.title}. {told}")
