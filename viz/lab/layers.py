"""Part 2: what the pronoun is taken for after each layer, through a lens."""

from __future__ import annotations

import streamlit as st

from model.analysis.lens import Lens
from model.analysis.twins import Marked
from viz import cache, parts, picture
from viz.charts.rivals import rival_lines
from viz.i18n import Say
from viz.lab.pair import Pair
from viz.tables import table


def part(say: Say, pair: Pair) -> None:
    """Both sentences, layer by layer, and where the decision falls."""
    if pair.a is None:
        st.caption(say("lab.needs_marks"))
        return
    bundle = pair.looked.bundle
    sentences = dict(zip(("one", "two"), pair.both, strict=False))
    found = {
        name: cache.lens(bundle.name, bundle.version, marked.text, marked.pronoun)
        for name, marked in sentences.items()
    }
    for name, column in zip(found, st.columns(2, gap="large"), strict=False):
        with column:
            st.markdown(f"**{say(f'lab.{name}')}**")
            st.markdown(_decided(say, found[name]))
            _lines(say, found[name], sentences[name], name)
    _table(say, found)
    parts.badge(
        say, max(one.largest_difference for one in found.values()), sentence="lab.lens.badge"
    )
    st.markdown(say("lab.lens.honest"))


def _places(say: Say, found: Lens) -> list[str]:
    numbers = range(1, len(found.shares))
    return [say("lab.lens.before"), *(str(n) for n in numbers)]


def _decided(say: Say, found: Lens) -> str:
    """From which layer on the likeliest word is the one that it stays with."""
    last, layer = found.likeliest[-1], found.decided_at
    word = found.words[last][0]
    share = say.percent(float(found.shares[-1, last]))
    if layer == 0:
        return say.markdown("lab.lens.always", word=word, share=share)
    return say.markdown("lab.lens.decided", word=word, layer=layer, share=share)


def _lines(say: Say, found: Lens, marked: Marked, name: str) -> None:
    """The two candidates, and the strongest of all other words."""
    rivals = [_word_of(found, span[0]) for span in marked.candidates[:2]]
    others = [n for n in range(len(found.words)) if n not in rivals]
    strongest = max(others, key=lambda n: float(found.shares[:, n].max()), default=None)
    drawn = [*rivals, *([] if strongest is None else [strongest])]
    signs = ("① ", "② ", "")
    shares = [
        (f"{sign}{found.words[n][0]}", [float(share) for share in found.shares[:, n]])
        for sign, n in zip(signs, drawn, strict=False)
    ]
    written = [[say.percent(share) for share in values] for _, values in shares]
    figure = rival_lines(shares, _places(say, found), say("lab.lens.after"), written)
    told = "; ".join(
        f"{word}: {', '.join(line)}" for (word, _), line in zip(shares, written, strict=True)
    )
    picture.show(figure, key=f"lab:lens:{name}", alt=told)


def _word_of(found: Lens, start: int) -> int:
    """The word that holds this character."""
    return next(n for n, (_, first, end) in enumerate(found.words) if first <= start < end)


def _table(say: Say, found: dict[str, Lens]) -> None:
    """The likeliest word after each layer."""
    rows: dict[str, list[str]] = {say("lab.lens.after"): _places(say, next(iter(found.values())))}
    for name, one in found.items():
        rows[say(f"lab.{name}")] = [
            f"{one.words[n][0]} {say.percent(float(share[n]))}"
            for n, share in zip(one.likeliest, one.shares, strict=True)
        ]
    table(rows)
