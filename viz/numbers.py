"""How a number is written, in every table, picture and tooltip alike."""

from __future__ import annotations

import math

D3_FORMAT = ".4~g"
"""The same rule for tooltips that the browser writes itself."""


def number(value: float) -> str:
    """Four significant digits; never "0.00" for what is not zero, and −∞ by its sign.

    >>> number(0.00012346), number(-1.5), number(1.23456e-7), number(0), number(54410.1)
    ('0.0001235', '−1.5', '1.235e−7', '0', '54,410')
    """
    if value == 0:  # minus zero, too
        return "0"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    digits, exponent = f"{value:.3e}".split("e")
    if not -6 <= int(exponent) < 6:
        written = f"{_trimmed(digits)}e{int(exponent)}"
    else:
        written = _trimmed(f"{value:,.{max(0, 3 - int(exponent))}f}")
    return written.replace("-", "−")


def correlation(rho: float | None) -> str:
    """Two decimals; "—" where there is none.

    >>> correlation(-0.5), correlation(None), correlation(math.nan)
    ('−0.50', '—', '—')
    """
    return "—" if rho is None or math.isnan(rho) else f"{rho:.2f}".replace("-", "−")


def _trimmed(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
