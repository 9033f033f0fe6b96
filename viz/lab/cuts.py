"""A cut as one short line: in links and as a key for caches."""

from __future__ import annotations

import re
from collections.abc import Mapping

from model.analysis.causes import CutEdge, Cuts, Kind, PasteTwin, RemoveHeads
from model.analysis.leaderboard import Head

KINDS = ("heads", "edge", "row")
"""Heads removed, the edge from the pronoun to the antecedent cut, the twin's row pasted in."""

EVERY = "all"
_LINE = re.compile(
    rf"({'|'.join(KINDS)}),({EVERY}|(?:\d{{1,3}}\.\d{{1,3}})(?:\+\d{{1,3}}\.\d{{1,3}})*)?"
)


def written(kind: str, heads: tuple[Head, ...] | None) -> str:
    """A cut of one kind in these heads (None: in all), numbers from 1 as on the screen."""
    if heads is None:
        return f"{kind},{EVERY}"
    return f"{kind},{'+'.join(f'{layer + 1}.{head + 1}' for layer, head in sorted(heads))}"


def read(line: str) -> tuple[str, tuple[Head, ...] | None]:
    """What `written` wrote.

    Raises:
        ValueError: it did not.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} is no cut")
    kind, heads = found.groups()
    if heads == EVERY:
        return kind, None
    pairs = [one.split(".") for one in (heads or "").split("+") if one]
    return kind, tuple((int(layer) - 1, int(head) - 1) for layer, head in pairs)


_MADE: Mapping[str, Kind] = {"heads": RemoveHeads, "edge": CutEdge, "row": PasteTwin}


def kind_of(line: str) -> Kind:
    """What is done in each head."""
    return _MADE[read(line)[0]]


def cuts(line: str) -> Cuts:
    """What is cut; nothing where no head is chosen."""
    kind, heads = read(line)
    if kind == "heads":
        return (RemoveHeads(heads),) if heads else ()
    if heads == ():
        return ()
    return (CutEdge(heads) if kind == "edge" else PasteTwin(heads),)
