"""Numbers as a formula writes them: LaTeX for `st.latex`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from viz import theme
from viz.numbers import number


def matrix(
    values: Float[np.ndarray, "row column"], row: int | None = None, column: int | None = None
) -> str:
    """A matrix in brackets; the row and the column that are being followed in colour."""
    return brackets(
        [
            rf"\textcolor{{{theme.ACCENT}}}{{{tex(value)}}}"
            if row == r or column == c
            else tex(value)
            for c, value in enumerate(line)
        ]
        for r, line in enumerate(values)
    )


def inked(weights: Float[np.ndarray, "query key"]) -> str:
    """Weights on a ground whose ink is the weight: 0 is the page itself."""
    return brackets(
        [rf"\colorbox{{{theme.ink(float(weight))}}}{{${tex(weight)}$}}" for weight in line]
        for line in weights
    )


def brackets(rows: Iterable[list[str]]) -> str:
    """Cells that are written already, in brackets."""
    lines = r" \\ ".join(" & ".join(cells) for cells in rows)
    return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"


def tex(value: float) -> str:
    """The same four digits, as a formula writes them."""
    written = number(float(value)).replace("−", "-").replace("∞", r"\infty")
    digits, e, exponent = written.partition("e")
    written = rf"{digits}\cdot10^{{{exponent}}}" if e else digits
    return written.replace(",", "{,}")


def term(value: float) -> str:
    """A number between signs: a negative one in brackets."""
    return f"({tex(value)})" if value < 0 else tex(value)


def aligned(lines: Iterable[str]) -> str:
    """Several lines, one below the other at their `&`."""
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"
