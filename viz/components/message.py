"""What every canvas component sends to the browser: a header in JSON, then bytes."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8


def pack(header: Mapping[str, Any], body: bytes) -> bytes:
    """One message: the header's length (4 bytes, little-endian), the header as JSON, the body.

    The body is deflated at the fastest level: half the bytes for less than a millisecond.
    """
    head = json.dumps(dict(header), ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack("<I", len(head)) + head + zlib.compress(body, level=1)


def quantise(
    attention: Float[np.ndarray, "*head query key"],
) -> UInt8[np.ndarray, "*head query key"]:
    """Weights 0..1 as whole steps 0..255, round(255·w); off by at most 1/510.

    Raises ValueError for a weight that is no number or lies outside 0..1 (by more than 1e-4).
    """
    _check(attention)
    steps: UInt8[np.ndarray, "*head query key"]
    steps = np.rint(np.clip(attention, 0, 1) * 255).astype(np.uint8)
    return steps


def percent_steps(
    attention: Float[np.ndarray, "*head query key"],
) -> UInt8[np.ndarray, "*head query key"]:
    """Weights 0..1 as half per cents 0..201; unlike `quantise` it keeps whole per cents exact.

    Step 2p or 2p + 1 is a weight that is written as p per cent, below or above p; 0 is no weight at
    all, 1 is written "<1", 200 is written ">99" and 201 is everything (up to 1e-6).

    Raises ValueError for a weight that is no number or lies outside 0..1 (by more than 1e-4).
    """
    _check(attention)
    percent = 100.0 * np.clip(attention, 0, 1).astype(np.float64)
    whole = np.rint(percent)
    above = np.where(whole == 100, percent >= 100 - 1e-4, (percent >= whole) & (percent > 0))
    steps: UInt8[np.ndarray, "*head query key"] = (2 * whole + above).astype(np.uint8)
    return steps


def _check(attention: Float[np.ndarray, "*head query key"]) -> None:
    if not np.all((attention >= -1e-4) & (attention <= 1 + 1e-4)):
        raise ValueError("attention weights must lie between 0 and 1")
