"""A calculator: scaled dot-product attention on numbers that a student types, in float64."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch.nn import functional as F

from ..attention import softmax_or_nothing
from ..errors import ModelError
from ..masks import look_ahead_mask

Start = Literal["scores", "qkv", "x"]
"""Where the calculation begins: with QKᵀ, with Q, K and V, or with X and the weights."""
Mask = Literal["none", "ahead", "padding"]
Name = Literal["scores", "q", "k", "v", "x", "w_q", "w_k", "w_v"]

STARTS: tuple[Start, ...] = get_args(Start)
MASKS: tuple[Mask, ...] = get_args(Mask)
NAMES: Mapping[Start, tuple[Name, ...]] = MappingProxyType(
    {"scores": ("scores", "v"), "qkv": ("q", "k", "v"), "x": ("x", "w_q", "w_k", "w_v")}
)
_SYMBOLS = ("QKᵀ", "Q", "K", "V", "X", "W^Q", "W^K", "W^V")
SYMBOLS: Mapping[Name, str] = MappingProxyType(dict(zip(get_args(Name), _SYMBOLS, strict=True)))
MOST_TOKENS = 6
MOST_DIMENSIONS = 8
LARGEST_D_K = 4096

Matrix = Float[np.ndarray, "row column"]


@dataclass(frozen=True)
class Given:
    """What a student types.

    Attributes:
        typed: a matrix each, a line a row, the numbers of a row apart by spaces.
        d_k: counts only where the scores are given; else it is the width of Q and K.
    """

    start: Start
    typed: Mapping[Name, str]
    d_k: int = 1
    mask: Mask = "none"


EXAMPLES: Mapping[str, Given] = MappingProxyType(
    {
        "lecture": Given("scores", {"scores": "112 96", "v": ""}, d_k=64),
        "tokens": Given(
            "x",
            {
                "x": "1 0 1 0\n0 2 0 2\n1 1 1 1",
                "w_q": "1 0 1\n1 0 0\n0 0 1\n0 1 1",
                "w_k": "0 0 1\n1 1 0\n0 1 0\n1 1 0",
                "w_v": "0 2\n0 3\n1 0\n1 1",
            },
        ),
        "identity": Given(
            "x",
            {
                "x": "1 0 0\n0 1 0\n1 1 0\n0 0 2",
                **dict.fromkeys(("w_q", "w_k", "w_v"), "1 0 0\n0 1 0\n0 0 1"),
            },
        ),
        "values": Given("qkv", {"q": "1 2\n3 0", "k": "2 1\n0 3\n1 1", "v": "10\n20\n30"}),
    }
)
"""The lecture's numbers; three tokens of four dimensions; W = I; d_v ≠ d_k, two queries."""


@dataclass(frozen=True)
class Worked:
    """The whole calculation, float64.

        Q = X W^Q, K = X W^K, V = X W^V
        scores = Q Kᵀ,  scaled = scores / √d_k,  masked = scaled, −∞ where it may not look
        exp = e^(masked − top),  total = Σ exp,  weights = exp / total,  context = weights V

    Attributes:
        given: the matrices that were typed.
        q, k, v, context: None where the student gave nothing to make them of.
        top: each row's largest masked score; 0 in a row with nothing to see.
        difference: largest, between `weights` and `context` and what PyTorch's own attention makes
            of the same numbers.
    """

    given: Mapping[Name, Matrix] = field(repr=False)
    q: Matrix | None
    k: Matrix | None
    v: Matrix | None
    d_k: int
    scores: Float[np.ndarray, "query key"]
    scaled: Float[np.ndarray, "query key"]
    mask: Bool[np.ndarray, "query key"]
    masked: Float[np.ndarray, "query key"]
    top: Float[np.ndarray, " query"]
    exp: Float[np.ndarray, "query key"]
    total: Float[np.ndarray, " query"]
    weights: Float[np.ndarray, "query key"]
    context: Float[np.ndarray, "query d_v"] | None
    difference: float

    @property
    def root(self) -> float:
        """√d_k."""
        return math.sqrt(self.d_k)

    @property
    def sums(self) -> Float[np.ndarray, " query"]:
        """What each row of the weights adds up to: 1, or 0 where there was nothing to see."""
        sums: Float[np.ndarray, " query"] = self.weights.sum(axis=1)
        return sums

    def factors(self, query: int, key: int) -> list[tuple[float, float]] | None:
        """The pairs whose products add up to a score; None where the score itself was given."""
        if self.q is None or self.k is None:
            return None
        return [(float(a), float(b)) for a, b in zip(self.q[query], self.k[key], strict=True)]


def work(given: Given) -> Worked:
    """Every stage of softmax(Q Kᵀ / √d_k) V.

    Raises:
        ModelError: what `parse` raises; `matrix_product` (X W does not fit), `d_q_not_d_k`,
            `keys_not_values`, `d_k_wrong` or `numbers_too_large` (a stage leaves what a float64
            can hold).
    """
    matrices = _read(given)
    with np.errstate(over="ignore", invalid="ignore"):  # told below, as an error of its own
        q, k, v = _project(given.start, matrices)
        scores = matrices["scores"] if q is None or k is None else finite("QKᵀ", q @ k.T)
        d_k = given.d_k if q is None else q.shape[1]
        if not 1 <= d_k <= LARGEST_D_K:
            raise ModelError("d_k_wrong", f"d_k is {d_k}", d_k=d_k, limit=LARGEST_D_K)
        if v is not None and len(v) != scores.shape[1]:
            raise ModelError(
                "keys_not_values",
                f"{scores.shape[1]} keys, but {len(v)} values",
                keys=scores.shape[1],
                values=len(v),
            )
        scaled = scores / math.sqrt(d_k)
        mask = mask_of(given.mask, *scores.shape)
        masked = np.where(mask, scaled, -np.inf)
        top = np.where(mask.any(axis=1), masked.max(axis=1), 0.0)
        exp = np.exp(masked - top[:, None])
        total = exp.sum(axis=1)
        weights = exp / np.where(total > 0, total, 1)[:, None]
        context = None if v is None else finite("A·V", weights @ v)
        difference = _difference(scaled, mask, weights, v, context)
    return Worked(
        matrices, q, k, v, d_k, scores, scaled, mask, masked, top, exp, total, weights, context,
        difference,
    )  # fmt: skip


def mask_of(mask: Mask, queries: int, keys: int) -> Bool[np.ndarray, "query key"]:
    """True = may attend. `ahead`: no later key; `padding`: the last key is no word."""
    if mask == "ahead":
        seen: Bool[np.ndarray, "query key"] = look_ahead_mask(max(queries, keys)).numpy()
        return seen[:queries, :keys]
    allowed = np.ones((queries, keys), dtype=bool)
    allowed[:, keys - 1 :] = mask != "padding"
    return allowed


def parse(name: Name, text: str) -> Matrix:
    """A matrix of this calculation, as it is typed; raises what `read_matrix` raises."""
    tall = MOST_DIMENSIONS if name in ("w_q", "w_k", "w_v") else MOST_TOKENS
    wide = MOST_TOKENS if name == "scores" else MOST_DIMENSIONS
    return read_matrix(SYMBOLS[name], text, tall, wide)


def read_matrix(symbol: str, text: str, tall: int, wide: int) -> Matrix:
    """A matrix as it is typed: a line (or ";") a row; spaces, tabs and commas between numbers.

    Args:
        symbol: what errors call it.
        tall, wide: the most rows and columns.

    Raises:
        ModelError: `matrix_empty`, `matrix_cell`, `matrix_number`, `matrix_ragged` or
            `matrix_size`.
    """
    lines = [line.strip() for line in re.split(r"[\n;]", text)]
    rows = [_GAP.split(line) for line in lines if line]
    if not rows:
        raise ModelError("matrix_empty", f"{symbol} holds no number", matrix=symbol)
    for n, cells in enumerate(rows):
        if len(cells) != len(rows[0]):
            raise ModelError(
                "matrix_ragged",
                f"row {n + 1} of {symbol} has {len(cells)} numbers, row 1 has {len(rows[0])}",
                matrix=symbol,
                row=n + 1,
                numbers=len(cells),
                expected=len(rows[0]),
            )
    if len(rows) > tall or len(rows[0]) > wide:
        raise ModelError(
            "matrix_size",
            f"{symbol} is {len(rows)} × {len(rows[0])}, at most {tall} × {wide} are calculated",
            matrix=symbol,
            rows=len(rows),
            columns=len(rows[0]),
            tall=tall,
            wide=wide,
        )
    return np.array([[_number(symbol, n, cell) for cell in row] for n, row in enumerate(rows)])


_GAP = re.compile(r"\s*[,\t]\s*|\s+")


def _number(symbol: str, row: int, cell: str) -> float:
    if not cell:
        raise ModelError(
            "matrix_cell",
            f"a cell in row {row + 1} of {symbol} is empty",
            matrix=symbol,
            row=row + 1,
        )
    try:
        value = float(cell.replace("−", "-"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ModelError(
            "matrix_number",
            f"{cell!r} in row {row + 1} of {symbol} is no number",
            matrix=symbol,
            row=row + 1,
            typed=cell[:20],
        )
    return value


def _read(given: Given) -> dict[Name, Matrix]:
    """What was typed, as numbers; where the scores are given, V may be left out."""
    return {
        name: parse(name, given.typed[name])
        for name in NAMES[given.start]
        if not (given.start == "scores" and name == "v" and not given.typed[name].strip())
    }


def _project(
    start: Start, matrices: Mapping[Name, Matrix]
) -> tuple[Matrix | None, Matrix | None, Matrix | None]:
    if start == "scores":
        return None, None, matrices.get("v")
    if start == "x":
        x = matrices["x"]
        q, k, v = (_times(x, name, matrices[name]) for name in NAMES["x"][1:])
    else:
        q, k, v = (matrices[name] for name in NAMES["qkv"])
    if q.shape[1] != k.shape[1]:
        d_q, d_k = q.shape[1], k.shape[1]
        raise ModelError("d_q_not_d_k", f"d_q is {d_q}, d_k is {d_k}", d_q=d_q, d_k=d_k)
    return q, k, v


def _times(x: Matrix, name: Name, weight: Matrix) -> Matrix:
    symbol = SYMBOLS[name]
    if x.shape[1] != len(weight):
        raise ModelError(
            "matrix_product",
            f"X has {x.shape[1]} columns, {symbol} has {len(weight)} rows",
            matrix=symbol,
            columns=x.shape[1],
            rows=len(weight),
        )
    return finite(f"X·{symbol}", x @ weight)


def finite(stage: str, value: Matrix) -> Matrix:
    """The value; raises `numbers_too_large` where a float64 could not hold it."""
    if not np.isfinite(value).all():
        raise ModelError("numbers_too_large", f"{stage} is too large for a float64", stage=stage)
    return value


def _difference(
    scaled: Float[np.ndarray, "query key"],
    mask: Bool[np.ndarray, "query key"],
    weights: Float[np.ndarray, "query key"],
    v: Matrix | None,
    context: Matrix | None,
) -> float:
    """Against PyTorch: its softmax for the weights, its fused attention for the context."""
    masked = torch.from_numpy(np.where(mask, scaled, -np.inf))
    found = [softmax_or_nothing(masked).numpy() - weights]
    if v is not None and context is not None:
        keys = torch.eye(scaled.shape[1], dtype=torch.float64)  # scaled · Iᵀ / 1 = scaled
        fused = F.scaled_dot_product_attention(
            torch.from_numpy(scaled)[None, None],
            keys[None, None],
            torch.from_numpy(v)[None, None],
            attn_mask=torch.from_numpy(mask.copy())[None, None],
            scale=1.0,
        )[0, 0].numpy()
        found.append((fused - context) / max(1.0, float(np.abs(v).max())))
    return max(float(np.abs(one).max(initial=0.0)) for one in found)
