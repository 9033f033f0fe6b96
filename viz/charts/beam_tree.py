"""A beam search as a tree, in SVG: it takes the page's own text colour and scrolls sideways."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from model.analysis.decoding import BeamNode, BeamTree, label

from viz import theme
from viz.charts.labels import short
from viz.numbers import number

MOST_LEVELS = 40
"""So many steps are drawn; a translation seldom has more."""

_WIDE, _HIGH = 92, 42  # a node
_RIGHT, _DOWN = 114, 50  # from one node to the next
_EDGE = 6
_WON = "#0b7a70"  # the light theme's primary colour: white reads on it, on paper and blackboard


@dataclass(frozen=True)
class BeamText:
    """Every word on the picture, already in the reader's language."""

    title: str
    text: str
    probability: str
    log_p: str
    score: str
    kept: str
    ended: str
    dropped: str
    won: str


def beam_tree(tree: BeamTree, text: BeamText) -> str:
    """Steps from left to right; in each step the best continuation on top.

    The winner's path is filled, what was kept has a solid frame, what ended a thick one, what was
    dropped a dashed one. Each node says its piece and log P(y|x); the rest is in its tooltip.
    """
    shown = [node for node in tree.nodes if node.depth <= MOST_LEVELS]
    places = _places(shown)
    wide = max(x for x, _ in places) + _WIDE + _EDGE
    high = max(y for _, y in places) + _HIGH + _EDGE
    edges = [
        _edge(places[node.parent], places[n], node)
        for n, node in enumerate(shown)
        if node.parent is not None
    ]
    nodes = [
        _node(node, *places[n], text, is_winner=n == tree.winner) for n, node in enumerate(shown)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" role="img" aria-label="{html.escape(text.title)}">'
        f"{''.join(edges)}{''.join(nodes)}</svg>"
    )


def _places(nodes: Sequence[BeamNode]) -> list[tuple[int, int]]:
    """Left upper corners: a column a step, a row a rank."""
    ranks: dict[int, int] = {}
    places = []
    for node in nodes:
        rank = ranks.get(node.depth, 0)
        ranks[node.depth] = rank + 1
        places.append((_EDGE + _RIGHT * node.depth, _EDGE + _DOWN * rank))
    return places


def _edge(start: tuple[int, int], end: tuple[int, int], node: BeamNode) -> str:
    x0, y0 = start[0] + _WIDE, start[1] + _HIGH // 2
    x1, y1 = end[0], end[1] + _HIGH // 2
    middle = (x0 + x1) // 2
    colour = theme.ACCENT if node.won else theme.NEUTRAL
    width = 3 if node.won else 1.2
    dash = ' stroke-dasharray="4 4"' if node.fate == "dropped" else ""
    return (
        f'<path d="M{x0} {y0}C{middle} {y0} {middle} {y1} {x1} {y1}" fill="none" '
        f'stroke="{colour}" stroke-width="{width}"{dash}></path>'
    )


def _node(node: BeamNode, x: int, y: int, text: BeamText, *, is_winner: bool) -> str:
    dropped = node.fate == "dropped"
    fill = _WON if node.won else "none"
    stroke = theme.ACCENT if node.won or not dropped else theme.NEUTRAL
    ink = "#ffffff" if node.won else "currentColor"
    dash = ' stroke-dasharray="4 3"' if dropped else ""
    width = 3.5 if node.fate == "ended" else 1.4
    centre = x + _WIDE // 2
    star = "★ " if is_winner else ""
    return (
        f'<g opacity="{0.72 if dropped else 1}"><title>{_tooltip(node, text)}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="8" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="{width}"{dash} pointer-events="all"></rect>'
        f'<text x="{centre}" y="{y + 18}" text-anchor="middle" font-size="14" font-weight="600" '
        f'fill="{ink}">{star}{_escape(short(label(node.piece), 10))}</text>'
        f'<text x="{centre}" y="{y + 34}" text-anchor="middle" font-size="12" fill="{ink}">'
        f"{number(node.log_p)}</text></g>"
    )


def _tooltip(node: BeamNode, text: BeamText) -> str:
    fate = text.won if node.won else getattr(text, node.fate)
    lines = [
        f"{text.text}: {node.text or '—'}",
        f"{text.probability}: {number(node.probability)}",
        f"{text.log_p}: {number(node.log_p)}",
        f"{text.score}: {number(node.score)}",
        fate,
    ]
    return _escape("\n".join(lines))


def _escape(text: str) -> str:
    return html.escape(text, quote=False)
