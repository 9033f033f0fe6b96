"""The sentence of the parts that read one: the same box and sentence as on every page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from viz import sentence
from viz.i18n import Say
from viz.sentence import Looked


def ask(say: Say) -> Looked | None:
    """The text box and what the loaded Transformer makes of it; without one None, and a message."""
    bundle = sentence.bundle(say)
    return sentence.ask(say, bundle) if bundle else None


def spelled(words: Sequence[str], among: Iterable[int]) -> list[int]:
    """Those of the words that have a letter or a digit; all of them where none has one.

    >>> spelled(["He", "left", "."], range(3)), spelled(["!", "?"], range(2))
    ([0, 1], [0, 1])
    """
    found = list(among)
    return [n for n in found if any(map(str.isalnum, words[n]))] or found
