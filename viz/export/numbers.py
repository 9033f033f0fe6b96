"""What a page has measured, as columns of a table: a name for each, and one entry a line.

Names are those of the code, so that a program reads files of both languages alike; layers, heads,
positions and dimensions count from 1. What was not measured is empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from model.analysis.causes import Drops
from model.analysis.importance import Importance
from model.analysis.leaderboard import Leaderboard
from model.analysis.leaderboard import Measured as Share
from model.analysis.neuron import Neurons
from model.analysis.roles import Measured
from model.analysis.similarity import HeadMap
from model.analysis.twins import Flip

Cell = str | int | float
Columns = Mapping[str, Sequence[Cell]]

SHARES = ("argmax", "prefers", "flip", "mass")


def roles(here: Measured, held_out: Measured) -> Columns:
    """A line for each head, and a last one for a head that looks everywhere alike."""
    shape = here.scores["confidence"].shape
    heads = list(np.ndindex(shape))
    columns: dict[str, list[Cell]] = {
        "layer": [*(layer + 1 for layer, _ in heads), "uniform"],
        "head": [*(head + 1 for _, head in heads), "uniform"],
    }
    for name, measured in (("here", here), ("held_out", held_out)):
        for measure, scores in measured.scores.items():
            uniform = measured.uniform.get(measure, np.nan)
            values = [*(float(scores[head]) for head in heads), uniform]
            columns[f"{measure}_{name}"] = _floats(values)
    return columns


def importance(found: Importance, keys: Sequence[str]) -> Columns:
    """A line for each key: the same row by every measure."""
    measured: Columns = {name: _floats(values) for name, values in found.values.items()}
    return {"key_position": [key + 1 for key in found.keys], "key": list(keys), **measured}


def neurons(found: Neurons, keys: Sequence[str]) -> Columns:
    """A line for each key and dimension."""
    pairs = list(np.ndindex(found.products.shape))
    return {
        "key_position": [key + 1 for key, _ in pairs],
        "key": [keys[key] for key, _ in pairs],
        "dimension": [dimension + 1 for _, dimension in pairs],
        "q": _floats(found.q[[dimension for _, dimension in pairs]]),
        "k": _floats(found.k.ravel()),
        "product": _floats(found.products.ravel()),
    }


def maps(shown: Mapping[str, HeadMap]) -> Columns:
    """A line for each cell of each map; `may_attend` is 0 where it is masked."""
    columns: dict[str, list[Cell]] = {}
    for name, one in shown.items():
        lines: Columns = {
            "map": [name] * one.weights.size,
            **grid(one.query.labels, one.key.labels, weight=one.weights),
            "may_attend": one.mask.ravel().astype(int).tolist(),
        }
        for column, values in lines.items():
            columns.setdefault(column, []).extend(values)
    return columns


def grid(
    queries: Sequence[str], keys: Sequence[str], **values: Float[np.ndarray, "query key"]
) -> Columns:
    """A line for each query and key, with one number or more."""
    pairs = list(np.ndindex(len(queries), len(keys)))
    return {
        "query_position": [query + 1 for query, _ in pairs],
        "query": [queries[query] for query, _ in pairs],
        "key_position": [key + 1 for _, key in pairs],
        "key": [keys[key] for _, key in pairs],
        **{name: _floats(array.ravel()) for name, array in values.items()},
    }


def leaderboard(board: Leaderboard) -> Columns:
    """A line for each head: every share with its 95 % interval."""
    columns: dict[str, list[Cell]] = {
        "layer": ["" if head.layer is None else head.layer + 1 for head in board.heads],
        "head": ["" if head.head is None else head.head + 1 for head in board.heads],
    }
    for name in SHARES:
        shares: list[Share] = [getattr(head, name) for head in board.heads]
        bounds = [share.interval or ("", "") for share in shares]
        columns[name] = ["" if share.value is None else share.value for share in shares]
        columns[f"{name}_low"] = [low for low, _ in bounds]
        columns[f"{name}_high"] = [high for _, high in bounds]
        columns[f"{name}_of"] = [share.n for share in shares]
    return columns


def drops(found: Drops) -> Columns:
    """A line for each head: what naming loses without it."""
    heads = list(np.ndindex(found.accuracy.shape))
    return {
        "layer": [layer + 1 for layer, _ in heads],
        "head": [head + 1 for _, head in heads],
        "accuracy_lost": _floats(found.accuracy.ravel()),
        "log_p_lost": _floats(found.log_p.ravel()),
    }


def twins(found: Flip) -> Columns:
    """A line for each head: its weight on each candidate, in both sentences."""
    heads = list(np.ndindex(found.a.heads.shape[:2]))
    return {
        "layer": [layer + 1 for layer, _ in heads],
        "head": [head + 1 for _, head in heads],
        **{
            f"{name}_{candidate}": _floats(reading.heads[..., n].ravel())
            for name, reading in (("sentence_1", found.a), ("sentence_2", found.b))
            for n, candidate in enumerate(("first", "second"))
        },
    }


def _floats(values: Sequence[float] | Float[np.ndarray, " any"]) -> list[Cell]:
    """Through their shortest text (0.1, not 0.10000000149011612); what is no number is empty."""
    shortest = np.asarray(values).astype(str).astype(np.float64).tolist()
    return ["" if np.isnan(value) else value for value in shortest]
