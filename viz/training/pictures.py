"""The pictures of a training that the page's parts share: curves, heads, one head's map, names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from model.analysis.coreference import NamedWord
from model.analysis.growth import WordMaps
from viz import picture, theme
from viz.charts.bars import bar_list
from viz.charts.curves import Course, Unit, curves
from viz.charts.head_map import HeadCell, head_map, least_width
from viz.charts.heatmap import HeatmapText, heatmap
from viz.i18n import Say
from viz.numbers import number
from viz.training import words

NAMED = 5  # words in the list


def chart(
    say: Say,
    key: str,
    unit: Unit,
    lines: Sequence[Course],
    *,
    now: int | None = None,
    steps: int | None = None,
) -> None:
    """Lines over the steps of a training, said in words for those who cannot see them."""
    axis = say(f"training.curve.{unit}_axis")
    picture.show(
        curves(
            lines,
            step=say("training.curve.step"),
            value=axis,
            unit=unit,
            now=now,
            steps=steps,
        ),
        key=f"training:{key}",
        alt=_described(say, lines, unit) or axis,  # before the first number, too
    )


def _described(say: Say, lines: Sequence[Course], unit: Unit) -> str:
    """Where each line stands at its end."""
    write = say.percent if unit == "share" else number
    return ", ".join(f"{line.name} {write(line.values[-1])}" for line in lines if line.values)


def named_words(say: Say, named: list[NamedWord], key: str) -> None:
    """What the encoder takes the pronoun for, the likeliest first."""
    top = sorted(named, key=lambda word: -word[3])[:NAMED]
    shares = [share for *_, share in top]
    written = [words.share(say, share) for share in shares]
    picture.show(
        bar_list([word for word, *_ in top], shares, written),
        key=f"training:{key}:naming",
        alt=", ".join(f"{word[0]} {share}" for word, share in zip(top, written, strict=True)),
    )


def every_head(
    say: Say,
    shares: list[list[float]],
    key: str,
    chosen: tuple[int, int],
    write: Callable[[float], str],
) -> None:
    """A share of every head, as a layer × head map on a fixed scale from 0 to 1."""
    cells = [
        HeadCell(
            layer,
            head,
            share,
            write(share),
            f"{say('line.where', layer=layer + 1, head=head + 1)}: {write(share)}",
        )
        for layer, heads in enumerate(shares)
        for head, share in enumerate(heads)
    ]
    with picture.scrolling(f"training-heads-{key}", least_width(len(shares[0]))):
        picture.show(
            head_map(
                cells,
                layer=say("layer.label"),
                head=say("head.label"),
                limit=1.0,
                text_colour=theme.page_text(st.context.theme.type),
                chosen=chosen,
            ),
            key=f"training:{key}:heads",
            alt=" ".join(f"{cell.said}." for cell in cells),
        )


def one_head(say: Say, maps: WordMaps, layer: int, head: int, key: str) -> None:
    """A head's map between words, the pronoun's row framed."""
    names = ("query", "key", "weight", "masked")
    with picture.scrolling(f"training-map-{key}", theme.map_width(len(maps.keys))):
        picture.show(
            heatmap(
                maps.attention[layer, head],
                maps.queries,
                maps.keys,
                text=HeatmapText(*(say(f"map.{name}") for name in names)),
                pinned=maps.pronoun,
            ),
            key=f"training:{key}:map",
            alt=say("line.where", layer=layer + 1, head=head + 1),
        )
