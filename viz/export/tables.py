"""A sentence's numbers as files: a table for a spreadsheet, JSON, and everything as NPZ."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from model import Trace
from model.analysis.words import AttentionMap
from viz.export.numbers import Cell, Columns

C = TypeVar("C", bound=Cell)

COLUMNS = (
    "layer", "head", "query_position", "query", "key_position", "key", "weight", "may_attend",
)  # fmt: skip

MOST_IN_JSON = 1_000_000
"""Weights that are still written as text: 20 MB of it, and a second of the server's time."""

# A spreadsheet takes what begins like this for a formula, and runs it; full-width signs, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def table(shown: AttentionMap, layer: int, head: int | None) -> bytes:
    """One map as CSV, a line for each query and key; the weights of one query sum to 1.

    UTF-8 with a byte order mark, without which Excel would not read Korean. Positions, layers and
    heads count from 1; `head` is "mean" where all heads of the layer are averaged (None). A label
    that a spreadsheet would take for a formula has an apostrophe before it.
    """
    weights = shown.attention[layer].mean(axis=0) if head is None else shown.attention[layer, head]
    of_head = "mean" if head is None else head + 1
    # Through its shortest text: 0.1, not 0.10000000149011612.
    written = weights.astype(str).astype(np.float64).tolist()
    queries, keys = ([_cell(label) for label in side] for side in (shown.queries, shown.keys))
    return _csv(
        COLUMNS,
        (
            (layer + 1, of_head, i + 1, query, j + 1, key, written[i][j], int(shown.mask[i, j]))
            for i, query in enumerate(queries)
            for j, key in enumerate(keys)
        ),
    )


def as_csv(columns: Columns) -> bytes:
    """Columns as CSV, in the manner of `table`."""
    written = [map(_cell, column) for column in columns.values()]
    return _csv(tuple(columns), zip(*written, strict=True))


def _csv(names: Sequence[str], lines: Iterable[Sequence[Cell]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(names)
    writer.writerows(lines)
    return file.getvalue().encode("utf-8-sig")


def fits_json(trace: Trace, n_heads: int) -> bool:
    """Whether the weights are few enough to be written as text."""
    maps = {kind: n_heads * n_layers for kind, n_layers in trace.n_layers.items()}
    return sum(count * trace.mask(kind).size for kind, count in maps.items()) <= MOST_IN_JSON


def as_json(trace: Trace) -> bytes:
    """Tokens, words, masks and every attention map, as `Trace.to_json` gives them."""
    return json.dumps(trace.to_json(), ensure_ascii=False).encode()


def as_npz(trace: Trace) -> bytes:
    """Everything that was captured, exactly; `Trace.load` reads it again, and so does NumPy."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.npz"
        trace.save(path)
        return path.read_bytes()


def _cell(cell: C) -> C | str:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
